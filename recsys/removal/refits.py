"""Fits made again without users who were erased: of each version that readers or the champion may
still use.
"""

import logging
from collections.abc import Iterator, Sequence
from typing import Any

from recsys.db.connect import Connection, connect
from recsys.db.queries import queries
from recsys.errors import LedgerError
from recsys.promotion.mirror import mirror_champion
from recsys.promotion.refits import refit_version
from recsys.recipe import Recipe
from recsys.request import Run
from recsys.settings import Settings
from recsys.week import week_taken_in
from recsys.work import open_work

log = logging.getLogger(__name__)


def versions_to_refit(conn: Connection) -> Sequence[Any]:
    """Return the versions in use that learned from a user who was erased since: model_version,
    as_of, recipe_key, recipe.
    """
    return conn.execute(queries("removal")["refits_wanted"]).fetchall()


def refit_versions(settings: Settings, *, run_id: str = "") -> Iterator[str]:
    """Fit each such version again on what its week may see now; yield a sentence for each as it is
    done.

    The decisions that chose it name the new version from then on, and MLflow's alias follows. What
    was published stays, and says by which version it was made. Broken off, it goes on where it
    stopped: what was fitted again is wanted no more.
    """
    with connect(settings) as conn:
        wanted = versions_to_refit(conn)
    if not wanted:
        yield "no version in use learned from a user who was erased since: nothing to fit again"
    for row in wanted:
        yield _refit(settings, row, run_id)


def _refit(settings: Settings, row: Any, run_id: str) -> str:
    with connect(settings) as conn:
        week = week_taken_in(conn, row.as_of)
        if week is None or week.as_of != row.as_of:
            raise LedgerError(
                f"version {row.model_version} was fitted for week {row.as_of}, which "
                "the ledger has no more"
            )
    with open_work(settings, Run(run_id=run_id)) as work:
        model = refit_version(work, week, Recipe.from_json(row.recipe))
    names = {"model_version": row.model_version, "refitted_as": model.version}
    with connect(settings) as conn, conn.transaction():
        fitted = {
            "fit_key": model.fit_key,
            "fingerprint": model.fingerprint,
            "n_ratings": model.n_ratings,
        }
        conn.execute(queries("removal")["decide_for_refit"], names | fitted)
        conn.execute(queries("removal")["record_refit"], names)
    with open_work(settings) as work:
        mirror_champion(work.conn, work.registry)
    return (
        f"version {row.model_version} ({row.recipe_key}, week {row.as_of}) was fitted again as "
        f"version {model.version}; "
        f"running week {row.as_of} again publishes its lists"
    )
