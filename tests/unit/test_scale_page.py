"""docs/scale.md: its table has every step of the week."""

import re
from pathlib import Path

from recsys.steps import STEPS

PAGE = Path(__file__).parents[2] / "docs" / "scale.md"


def steps_of_table(page: str) -> list[str]:
    """The steps that the first column names, each once, in order."""
    table = page.split("## What each step's cost grows with")[1].split("\n\n## ")[0]
    first_column = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    names = [name for cell in first_column for name in re.findall(r"`(\w+)`", cell)]
    return list(dict.fromkeys(names))


def test_the_page_on_scale_has_every_step_in_order() -> None:
    assert steps_of_table(PAGE.read_text()) == [step.name for step in STEPS]
