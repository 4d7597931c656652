"""Named SQL: `sql/queries/<topic>.sql` holds blocks `-- name: what(params)`, each with a comment
saying what it answers. A long list of parameters goes on in the next comment line.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import LiteralString, cast

__all__ = ["SQL", "checks", "queries", "sql_file"]

_PACKAGE = Path(__file__).resolve().parents[1]
#: All SQL text of the project: inside the package where a wheel was installed, beside it in a
#: checkout and in the image.
SQL = _PACKAGE / "sql" if (_PACKAGE / "sql").is_dir() else _PACKAGE.parent / "sql"

_NAME = re.compile(r"^-- name: (?P<name>\w+)\((?P<params>[\w,\s-]*)\)\s*$", re.MULTILINE)


@cache
def queries(topic: str) -> Mapping[str, LiteralString]:
    """Return the blocks of `sql/queries/<topic>.sql` by name. The text of our own files is as
    literal as source.
    """
    blocks = blocks_of((SQL / "queries" / f"{topic}.sql").read_text())
    return cast("Mapping[str, LiteralString]", blocks)


def blocks_of(text: str) -> dict[str, str]:
    """Return the text of each block by its name."""
    starts = list(_NAME.finditer(text))
    ends = [match.start() for match in starts[1:]] + [len(text)]
    return {
        match["name"]: text[match.end() : end].strip().removesuffix(";")
        for match, end in zip(starts, ends, strict=True)
    }


@cache
def sql_file(path: str) -> LiteralString:
    """Return one whole file under `sql/`, e.g. `batch_recommendations.sql`."""
    return cast("LiteralString", (SQL / path).read_text())


def checks() -> list[Path]:
    """Return the data-quality checks: one file and one question each, answered by one row of one
    boolean.
    """
    return sorted((SQL / "checks").glob("*.sql"))
