"""A user before an erasure: what there is of them, what would go, and what would still hold
them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg.types.json import Jsonb

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.db.rows import fetch_row, fetch_rows
from recsys.errors import RequestError


@dataclass(frozen=True)
class Facts:
    """How much of a user there is, and since when they are erased if they are."""

    ratings: int
    first_rated: datetime | None
    last_rated: datetime | None
    tags: int
    demographics: int
    rejected: int
    feedback_ratings: int
    feedback_events: int
    exams: int
    erased_at: datetime | None

    @property
    def counts(self) -> dict[str, int]:
        """Return the counts by what people call the rows."""
        return {
            "ratings": self.ratings,
            "tags": self.tags,
            "rows of demographics": self.demographics,
            "rejected rows": self.rejected,
            "ratings through the API": self.feedback_ratings,
            "events through the API": self.feedback_events,
            "exams with their scores": self.exams,
        }

    @property
    def years(self) -> str:
        """Return from when to when they rated, as the end of a sentence."""
        if not self.ratings:
            return ""
        return f"; rated from {self.first_rated:%Y-%m-%d} to {self.last_rated:%Y-%m-%d}"


@dataclass(frozen=True)
class UserList:
    """A publication that holds the user's list, in so many rows."""

    publication_id: int
    as_of: date
    is_live: bool
    n_rows: int

    def __str__(self) -> str:
        return f"{self.publication_id}{' (live)' if self.is_live else ''}"


@dataclass(frozen=True)
class UserDrop:
    """A drop that brought something of the user."""

    source: str
    drop_date: date

    def __str__(self) -> str:
        return f"{self.source} {self.drop_date}"


@dataclass(frozen=True)
class FittedVersion:
    """A model version, and the recipe and week that it was fitted for."""

    model_version: str
    as_of: date
    recipe_key: str
    recipe: dict[str, Any]

    @property
    def params(self) -> dict[str, Any]:
        """Return the version as a query's parameters."""
        return vars(self) | {"recipe": Jsonb(self.recipe)}

    def __str__(self) -> str:
        return f"{self.model_version} ({self.recipe_key}, week {self.as_of})"


@dataclass(frozen=True)
class Person:
    """What there is of a user; `models` were fitted on their ratings."""

    user_id: int
    facts: Facts
    lists: Sequence[UserList]
    drops: Sequence[UserDrop]
    models: Sequence[FittedVersion]

    @property
    def is_known(self) -> bool:
        """Return whether there is anything of them."""
        return any(self.facts.counts.values()) or bool(self.lists)

    @property
    def is_erased(self) -> bool:
        """Return whether they were erased, and nothing of them has come since."""
        return self.facts.erased_at is not None and not self.is_known

    @property
    def erasure(self) -> str:
        """Return when they were erased, as the beginning of a sentence."""
        return f"user {self.user_id} was erased on {self.facts.erased_at:%Y-%m-%d}"

    @property
    def what_goes(self) -> str:
        """Return what an erasure removes, in a few lines."""
        counts = [f"{n:,} {name}" for name, n in self.facts.counts.items() if n]
        return (
            f"user {self.user_id}: {', '.join(counts) or 'nothing'}{self.facts.years}\n"
            f"lists in publications: {_listed(self.lists) or 'none'}"
        )

    @property
    def what_stays(self) -> str:
        """Return what holds them after an erasure, and until when, in a few lines."""
        lines: list[str] = []
        if self.models:
            lines.append(
                f"model versions fitted on their ratings: {_listed(self.models)}; until they are "
                "fitted again (--refit) and deleted in MLflow, with the runs of these weeks' exams"
            )
        if self.drops:
            lines.append(
                f"files of the drops {_listed(self.drops)}, and of any later one that repeats "
                "them; until you delete them. Ingest skips the user"
            )
        lines.append(
            "the number itself, as the tombstone by which ingest knows whom to skip; for good"
        )
        return "\n".join(f"- {line}" for line in lines)

    def check(self, *, bar: bool) -> None:
        """Raise RequestError for a user of whom there is nothing, unless they were erased before or
        their number is to be barred.
        """
        if self.is_known or self.facts.erased_at or bar:
            return
        raise RequestError(
            f"no user {self.user_id}: expected one who rated, tagged or is described in a drop. "
            "Nothing was changed. To keep a user of that number out of every later drop: python -m "
            f"recsys erase {self.user_id} --bar"
        )


def find_person(conn: Connection, user_id: int) -> Person:
    """Return what there is of a user, be it nothing."""
    removal, key = queries("removal"), {"user_id": user_id}
    return Person(
        user_id,
        facts=fetch_row(conn, Facts, removal["person"], key),
        lists=fetch_rows(conn, UserList, removal["lists_of"], key),
        drops=fetch_rows(conn, UserDrop, removal["drops_of"], key),
        models=fetch_rows(conn, FittedVersion, removal["models_of"], key),
    )


def _listed(values: Sequence[object]) -> str:
    return ", ".join(map(str, values))
