"""Pages and tables of Markdown, and docstrings as their text."""

import inspect
from collections.abc import Iterable, Sequence
from typing import Any

HEADER = "<!-- written by `make reference` -->"


def page(title: str, *parts: str) -> str:
    """Return a page of Markdown."""
    return "\n\n".join((f"# {title}", HEADER, *parts)) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table of Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell(value) for value in line)} |" for line in lines)


def cell(value: object) -> str:
    """Return a value so that it ends no cell."""
    return str(value).replace("|", "\\|")


def paragraphs(of: object) -> list[str]:
    """Return a docstring's paragraphs; all but lists on one line each."""
    parts = (inspect.getdoc(of) or "").split("\n\n")
    return [part if "\n- " in part else " ".join(part.split()) for part in parts]
