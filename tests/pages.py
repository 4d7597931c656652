"""What people read: README.md, CONTRIBUTING.md and docs/, with the commands in them."""

import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: Written by `make reference`, and not by people.
GENERATED = ROOT / "docs" / "reference"

_FENCE = re.compile(r"(?ms)^```(?P<language>\w*)\n(?P<text>.*?)^```$")
_INDENTED = re.compile(r"(?m)(?<=\n\n)(?:    .*\n|\n(?=    ))+")
_COMMENT = re.compile(r"\s+#\s.*$")


@cache
def pages() -> dict[str, str]:
    """Return the text of each page by its path."""
    files = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return {str(file.relative_to(ROOT)): file.read_text() for file in files}


@cache
def written() -> dict[str, str]:
    """Return the pages that people write."""
    generated = str(GENERATED.relative_to(ROOT))
    return {name: text for name, text in pages().items() if not name.startswith(generated)}


def blocks(page: str, language: str = "") -> list[str]:
    """Return a page's blocks of code: of one language, or all, the indented ones too."""
    fenced = [match for match in _FENCE.finditer(page) if language in ("", match["language"])]
    indented = [] if language else _INDENTED.findall(_FENCE.sub("", page))
    return [match["text"] for match in fenced] + indented


def command_lines(program: str) -> list[tuple[str, str]]:
    """Return page and text of each line in a block that begins with that program, as far as the
    line's comment; a line that ends in a backslash goes on.
    """
    return [
        (name, _COMMENT.sub("", line.strip()))
        for name, page in written().items()
        for block in blocks(page)
        for line in block.replace("\\\n", " ").splitlines()
        if line.strip().startswith(program)
    ]
