"""What every step works with: settings, a connection, MLflow's registry; each opened once."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from recsys.db.connect import Connection, connect
from recsys.settings import Settings

if TYPE_CHECKING:
    from recsys.registry.store import Registry


@dataclass(frozen=True)
class Work:
    """The connection is in autocommit: what belongs together stands in a transaction."""

    settings: Settings
    conn: Connection

    @cached_property
    def registry(self) -> "Registry":
        """Return the registry; steps that need none do not import MLflow."""
        from recsys.registry.store import Registry

        return Registry(self.settings)


@contextmanager
def open_work(settings: Settings) -> Iterator[Work]:
    """Open a connection for one or several steps, one after another.

    Raises UnreachableError where Postgres does not let us in.
    """
    with connect(settings) as conn:
        yield Work(settings, conn)
