"""What every step works with: settings, a connection, MLflow's registry, each opened once; and
what the run wants.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from recsys.db.connect import Connection, connect
from recsys.request import Run
from recsys.settings import Settings

if TYPE_CHECKING:
    from recsys.registry.store import Registry


@dataclass(frozen=True)
class Work:
    """The connection is in autocommit: what belongs together is in a transaction."""

    settings: Settings
    conn: Connection
    run: Run = field(default_factory=Run)

    @cached_property
    def registry(self) -> "Registry":
        """Return the registry; steps that need none do not import MLflow."""
        from recsys.registry.store import Registry

        return Registry(self.settings)


@contextmanager
def open_work(settings: Settings, run: Run | None = None) -> Iterator[Work]:
    """Open a connection for one or several steps, one after another.

    Raises UnreachableError where Postgres does not let us in.
    """
    with connect(settings) as conn:
        yield Work(settings, conn, run or Run())
