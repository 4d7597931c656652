"""The files that make the schema: numbered ones, and those of views and functions."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import LiteralString, cast

#: The first numbered file: all tables. What was there before it is refused.
BASELINE = "001_baseline.sql"
_RECORDS = "000_migrations.sql"


@dataclass(frozen=True)
class SqlFile:
    """One file of the schema: its name, and its text, which is as literal as source."""

    name: str
    text: LiteralString

    @property
    def sha256(self) -> str:
        """The digest of the text as it is applied."""
        return sha256(self.text.encode()).hexdigest()

    @property
    def home(self) -> str:
        """The database schema that a view file's objects belong to: its folder, or `public`."""
        folder, _, _ = self.name.rpartition("/")
        return folder or "public"


def record_tables(sql: Path) -> SqlFile:
    """Return the file that makes the tables in which everything else is recorded."""
    return _read(sql / "schema" / _RECORDS, _RECORDS)


def numbered_files(sql: Path) -> list[SqlFile]:
    """Return the files under `schema/` in order, each to be applied once."""
    paths = sorted((sql / "schema").glob("*.sql"))
    return [_read(path, path.name) for path in paths if path.name != _RECORDS]


def view_files(sql: Path) -> list[SqlFile]:
    """Return the files under `views/` in order: each may use what those before it make."""
    folder = sql / "views"
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.sql")}
    return [_read(paths[name], name) for name in sorted(paths)]


def _read(path: Path, name: str) -> SqlFile:
    return SqlFile(name, cast("LiteralString", path.read_text("utf-8")))
