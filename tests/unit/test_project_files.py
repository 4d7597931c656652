"""What contributors' tools read agrees with what CI runs."""

import re
import tomllib
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]


def hooks() -> list[dict[str, Any]]:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    return [hook for repository in config["repos"] for hook in repository["hooks"]]


def commands_of(target: str) -> list[str]:
    """The commands of a target of the Makefile, without variables and the environment."""
    recipe = re.search(rf"(?m)^{target}:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text())
    assert recipe, f"the Makefile has no target {target}"
    lines = (line.strip().removeprefix("@") for line in recipe[1].splitlines())
    return [line.replace("$(BIN)", ".venv/bin") for line in lines]


def test_pre_commit_runs_what_make_lint_runs() -> None:
    entries = [hook["entry"] for hook in hooks()]
    plain = [entry.removeprefix("env ").replace(" --force-exclude", "") for entry in entries]
    assert plain == commands_of("lint")


def test_hosted_ci_runs_what_ci_runs_everywhere() -> None:
    (job,) = yaml.safe_load((ROOT / ".github/workflows/ci.yaml").read_text())["jobs"].values()
    assert job["steps"][-1] == {"run": "bash .ci/run"}
    assert "services" not in job


def test_editors_break_lines_where_the_formatter_does() -> None:
    editor = ConfigParser()
    editor.read_string("[top]\n" + (ROOT / ".editorconfig").read_text())
    ruff = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]
    assert int(editor["*"]["max_line_length"]) == ruff["line-length"]


def test_the_changelog_has_the_sections_of_keep_a_changelog() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    versions = re.findall(r"(?m)^## (.*)$", text)
    assert versions[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", name) for name in versions[1:])
    kinds = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]
    for version in text.split("\n## ")[1:]:
        sections = re.findall(r"(?m)^### (.*)$", version)
        assert sections == [kind for kind in kinds if kind in sections]
