"""Recipes that could not be fitted for a week. One of them does not stop a week that another can
serve.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Literal

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.db.rows import fetch_rows
from recsys.errors import FitError
from recsys.recipe import Recipe
from recsys.work import Work

log = logging.getLogger(__name__)

Kind = Literal["exam", "refit"]


@dataclass(frozen=True)
class FailedFit:
    """A recipe that could not be fitted, and why."""

    recipe_key: str
    reason: str


@dataclass
class Attempt:
    """An attempt at a fit; `failed` says what came of it, once it is over."""

    failed: bool = False


@contextmanager
def attempt(work: Work, as_of: date, recipe: Recipe, kind: Kind) -> Iterator[Attempt]:
    """Record a FitError of the block, with its reason, and go on; forget an earlier one where the
    fit succeeds.
    """
    conn = work.conn
    key: dict[str, object] = {"as_of": as_of, "recipe_key": recipe.key, "kind": kind}
    outcome = Attempt()
    try:
        yield outcome
    except FitError as error:
        outcome.failed = True
        record_failure(conn, key | {"reason": str(error), "run_id": work.run.run_id})
        sentence = "week %s goes on without %s, which cannot be fitted: %s"
        log.warning(sentence, as_of, recipe.key, error)
        log.debug("the traceback of the fit", exc_info=error)
        return
    forget_failure(conn, key)


def record_failure(conn: Connection, failure: dict[str, object]) -> None:
    """Store why a recipe could not be fitted, in place of an earlier reason."""
    conn.execute(queries("failed_fits")["record"], failure)


def forget_failure(conn: Connection, key: dict[str, object]) -> None:
    """Delete the reason of a recipe that has been fitted since."""
    conn.execute(queries("failed_fits")["forget"], key)


def failed_fits(conn: Connection, as_of: date, kind: Kind) -> dict[str, str]:
    """Return the reason of each recipe that could not be fitted, by its key."""
    query = queries("failed_fits")["of_week"]
    rows = fetch_rows(conn, FailedFit, query, {"as_of": as_of, "kind": kind})
    return {row.recipe_key: row.reason for row in rows}
