"""Whose users these are: MovieLens renumbers them from release to release, and a database holds one
population.
"""

from dataclasses import dataclass
from datetime import date

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.db.rows import fetch_row, find_row
from recsys.errors import DropError

#: Stored ratings from the drop's own time, none of them in the drop, that make a user another
#: person;
_FOREIGN_ROWS = 5
#: and how many such users, at least,
_FOREIGN_USERS = 10
#: and which share of the users with such a history, that make it a drop of another population.
_FOREIGN_SHARE = 0.1


@dataclass(frozen=True)
class StoredPopulation:
    """Whose users the database holds, and the drop that said so first."""

    population: str
    source: str
    drop_date: date


@dataclass(frozen=True)
class ForeignUsers:
    """Of the drop's users with a stored history, how many the drop has nothing of it for."""

    n_foreign: int
    n_users: int

    @property
    def are_too_many(self) -> bool:
        """Return whether these are no single exceptions, but another population."""
        return self.n_foreign >= _FOREIGN_USERS and self.n_foreign > _FOREIGN_SHARE * self.n_users


def check_population(conn: Connection, population: str | None) -> None:
    """Raise DropError where the drop in staging is of other users than those of the database. A
    drop without users (None) is of any.
    """
    if population is None:
        return
    stored = find_row(conn, StoredPopulation, queries("drops")["population"])
    if stored is None:
        return
    if stored.population != population:
        raise DropError(
            f"its users are of another release: found layout {population!r}, expected "
            f"{stored.population!r} as in the {stored.source} drop of {stored.drop_date}; a "
            "release of its own needs a database of its own"
        )
    params = {"min_rows": _FOREIGN_ROWS}
    users = fetch_row(conn, ForeignUsers, queries("ingest")["foreign_users"], params)
    if users.are_too_many:
        raise DropError(
            f"its users are of another release: of {users.n_users:,} users with a known history "
            f"from the drop's time, the drop has nothing of it for {users.n_foreign:,}; expected "
            f"at most {_FOREIGN_SHARE:.0%}. A release of its own needs a database of its own"
        )
