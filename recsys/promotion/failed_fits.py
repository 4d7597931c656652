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
from recsys.errors import FitError
from recsys.recipe import Recipe
from recsys.work import Work

log = logging.getLogger(__name__)

Kind = Literal["exam", "refit"]


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
    key = {"as_of": as_of, "recipe_key": recipe.key, "kind": kind}
    outcome = Attempt()
    try:
        yield outcome
    except FitError as error:
        outcome.failed = True
        conn.execute(
            queries("failed_fits")["record"],
            key | {"reason": str(error), "run_id": work.run.run_id},
        )
        log.warning(
            "week %s goes on without %s, which cannot be fitted: %s", as_of, recipe.key, error
        )
        log.debug("the traceback of the fit", exc_info=error)
        return
    conn.execute(queries("failed_fits")["forget"], key)


def failed_fits(conn: Connection, as_of: date, kind: Kind) -> dict[str, str]:
    """Return the reason of each recipe that could not be fitted, by its key."""
    rows = conn.execute(
        queries("failed_fits")["of_week"], {"as_of": as_of, "kind": kind}
    ).fetchall()
    return {row.recipe_key: row.reason for row in rows}
