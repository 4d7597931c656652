"""The ledger of fits in Postgres: the digest of what each came to, which outlives MLflow's own
record.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from psycopg.types.json import Jsonb

from recsys.db.connect import Connection
from recsys.db.queries import queries
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


def entry_of(conn: Connection, fit_key: str) -> Entry | None:
    """What is on record of a fit; None of one made before such records were kept, or never."""
    row = conn.execute(queries("fits")["fit"], {"fit_key": fit_key}).fetchone()
    return Entry(*row) if row else None


def variants_of(conn: Connection, fit_key: str, *, accepted: bool) -> Sequence[str]:
    """Fit keys of what a lost fit came to when it was made again, the newest first; `accepted`:
    only what a person took.
    """
    rows = conn.execute(queries("fits")["variants"], {"fit_key": fit_key}).fetchall()
    return [row.fit_key for row in rows if row.is_accepted or not accepted]


def record_fit(conn: Connection, outcome: Outcome) -> Entry:
    """Enter a fit. What differs from the one on record is a variant, under a fit key of its own,
    and not accepted at first.
    """
    before = entry_of(conn, outcome.fit_key)
    if before is None or before.digest == outcome.digest:
        return _enter(conn, outcome, {"variant_of": None, "is_accepted": True})
    own_key = hashlib.sha256(f"{outcome.fit_key} {outcome.digest}".encode()).hexdigest()
    return _enter(
        conn,
        replace(outcome, fit_key=own_key),
        {"variant_of": outcome.fit_key, "is_accepted": False},
    )


def accept_fit(conn: Connection, fit_key: str) -> None:
    """A person has had a week decided anew, and this is what it is decided with."""
    conn.execute(queries("fits")["accept_fit"], {"fit_key": fit_key})


def _enter(conn: Connection, outcome: Outcome, variant: Mapping[str, Any]) -> Entry:
    params = {
        **vars(outcome),
        "recipe": Jsonb(outcome.recipe.to_json()),
        "recipe_key": outcome.recipe.key,
        **variant,
    }
    with conn.transaction():
        conn.execute(queries("fits")["record_fit"], params)
        row = conn.execute(queries("fits")["fit"], {"fit_key": outcome.fit_key}).fetchone()
    return Entry(*row)  # pyright: ignore[reportOptionalIterable] - it was just entered
