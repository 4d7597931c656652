"""What a source of drops has to offer."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar

from recsys.db.connect import Connection
from recsys.drops.names import list_names
from recsys.drops.zone import Member
from recsys.errors import DropError
from recsys.ingest.parts import Reject, Rows
from recsys.ingest.staging import StagingTable

__all__ = ["Reject", "Rows", "Source", "require_files"]


class Source(ABC):
    """Where facts come from.

    `name` is the folder in the landing zone and the source in the ledger; `tables` are the staging
    tables that it fills, in the order in which they are checked and merged.
    """

    name: ClassVar[str]
    tables: ClassVar[tuple[StagingTable, ...]]

    def population(self, members: Mapping[str, Member]) -> str | None:
        """Return whose ids these are, None where the source has no users."""
        return None

    @abstractmethod
    def rows_alone(self, members: Mapping[str, Member]) -> Iterator[Rows | Reject]:
        """Yield, streamed, what of the rows can be read where there is no database.

        Raises DropError for missing files or columns.
        """

    def rows(self, members: Mapping[str, Member], conn: Connection) -> Iterator[Rows | Reject]:
        """Yield all rows, streamed. Raises DropError for missing files or columns.

        Sees the facts through `conn`, changes none; what it queries it queries before its first
        row, as COPY then has the connection.
        """
        return self.rows_alone(members)


def require_files(members: Mapping[str, Member], files: Iterable[str]) -> None:
    """Raise DropError where one of the files is not there."""
    missing = [file for file in files if file not in members]
    if missing:
        raise DropError(
            f"no {', '.join(missing)}; found {list_names(members)}, expected {', '.join(files)}"
        )
