"""The ledger of fits in Postgres: the digest of what each came to, which outlives MLflow's own
record.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Self

from psycopg.types.json import Jsonb

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.db.rows import fetch_row, fetch_rows, fetch_value, find_row
from recsys.recipe import Recipe


@dataclass(frozen=True)
class Entry:
    """A fit on record."""

    fit_key: str
    digest: str
    fingerprint: str
    n_ratings: int
    is_accepted: bool


@dataclass(frozen=True)
class Outcome:
    """A fit as it was just made: what it learned, from what, and the `digest` of what came of it in
    `run_id`.
    """

    fit_key: str
    recipe: Recipe
    kind: str
    as_of: date
    cut: str
    seed: int
    fingerprint: str
    n_ratings: int
    run_id: str
    digest: str

    @property
    def params(self) -> dict[str, Any]:
        """The fit as the ledger has it."""
        recipe = {"recipe": Jsonb(self.recipe.to_json()), "recipe_key": self.recipe.key}
        return vars(self) | recipe

    def as_variant(self) -> Self:
        """Return it under a fit key of its own, which its digest is part of."""
        own_key = hashlib.sha256(f"{self.fit_key} {self.digest}".encode()).hexdigest()
        return replace(self, fit_key=own_key)


@dataclass(frozen=True)
class _Variant:
    fit_key: str
    is_accepted: bool


def entry_of(conn: Connection, fit_key: str) -> Entry | None:
    """Return what is on record of a fit; None of one made before such records were kept, or
    never.
    """
    return find_row(conn, Entry, queries("fits")["fit"], {"fit_key": fit_key})


def has_any(conn: Connection, recipe: Recipe, cut: str) -> bool:
    """Return whether the recipe was ever fitted up to that cut, on whatever data, by whatever
    code.
    """
    params = {"recipe_key": recipe.key, "cut": cut}
    return fetch_value(conn, bool, queries("fits")["has_any"], params)


def variants_of(conn: Connection, fit_key: str, *, accepted: bool) -> Sequence[str]:
    """Return the fit keys of what a lost fit came to when it was made again, the newest first;
    `accepted`: only what a person took.
    """
    rows = fetch_rows(conn, _Variant, queries("fits")["variants"], {"fit_key": fit_key})
    return [row.fit_key for row in rows if row.is_accepted or not accepted]


def record_fit(conn: Connection, outcome: Outcome) -> Entry:
    """Enter a fit. What differs from the one on record is a variant, under a fit key of its own,
    and not accepted at first.
    """
    before = entry_of(conn, outcome.fit_key)
    if before is None or before.digest == outcome.digest:
        return _enter(conn, outcome)
    return _enter(conn, outcome.as_variant(), variant_of=outcome.fit_key)


def accept_fit(conn: Connection, fit_key: str) -> None:
    """A person has had a week decided anew, and this is what it is decided with."""
    conn.execute(queries("fits")["accept_fit"], {"fit_key": fit_key})


def _enter(conn: Connection, outcome: Outcome, *, variant_of: str | None = None) -> Entry:
    standing = {"variant_of": variant_of, "is_accepted": variant_of is None}
    with conn.transaction():
        conn.execute(queries("fits")["record_fit"], outcome.params | standing)
        return fetch_row(conn, Entry, queries("fits")["fit"], {"fit_key": outcome.fit_key})
