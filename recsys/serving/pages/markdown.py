"""The Markdown that a question in Airflow is written in: paragraphs, lists and tables, as parts
that a template draws and escapes.
"""

import re
from dataclasses import dataclass, field

__all__ = ["Part", "parts"]


@dataclass(frozen=True)
class Part:
    """A paragraph, a list's lines, or a table's rows with its head first."""

    kind: str
    lines: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)


def parts(text: str) -> list[Part]:
    """Return what the blank lines of a text part."""
    blocks = re.split(r"\n\s*\n", text.strip())
    return [_part(block.splitlines()) for block in blocks if block.strip()]


def _part(lines: list[str]) -> Part:
    lines = [line.strip() for line in lines]
    if all(line.startswith("|") for line in lines):
        return Part("table", rows=[_cells(line) for line in lines if not _is_rule(line)])
    if all(line.startswith("- ") for line in lines):
        return Part("list", lines=[_plain(line[2:]) for line in lines])
    return Part("paragraph", lines=[_plain(" ".join(lines))])


def _cells(line: str) -> list[str]:
    cells = re.split(r"(?<!\\)\|", line.strip("|"))
    return [_plain(cell.replace("\\|", "|").strip()) for cell in cells]


def _is_rule(line: str) -> bool:
    return set(line) <= set("|:- ")


def _plain(text: str) -> str:
    return re.sub(r"\*\*(.+?)\*\*|`(.+?)`", lambda match: match[1] or match[2], text)
