"""Fits made again without users who were erased: of each version that readers or the champion may
still use.
"""

import logging
from collections.abc import Iterator

from recsys.db.connect import Connection, connect
from recsys.db.queries import queries
from recsys.db.rows import fetch_rows
from recsys.errors import LedgerError
from recsys.promotion.ledger import ModelVersion
from recsys.promotion.mirror import mirror_champion
from recsys.promotion.refits import refit_version
from recsys.recipe import Recipe
from recsys.removal.person import FittedVersion
from recsys.request import Run
from recsys.settings import Settings
from recsys.week import WeekPlan, week_taken_in
from recsys.work import open_work

__all__ = ["refit_versions", "versions_to_refit"]

log = logging.getLogger(__name__)


def versions_to_refit(conn: Connection) -> list[FittedVersion]:
    """Return the versions in use that learned from a user who was erased since."""
    return fetch_rows(conn, FittedVersion, queries("removal")["requested_refits"])


def refit_versions(settings: Settings, *, run_id: str = "") -> Iterator[str]:
    """Fit each such version again on what its week may see now; yield a sentence for each as it is
    done.

    The decisions that chose it name the new version from then on, and MLflow's alias follows. What
    was published stays, and says by which version it was made. Interrupted, it goes on where it
    stopped: what was fitted again waits no more.
    """
    with connect(settings) as conn:
        versions = versions_to_refit(conn)
    if not versions:
        yield "no version in use learned from a user who was erased since: nothing to fit again"
    for version in versions:
        yield refit_one(settings, version, run_id)


def refit_one(settings: Settings, version: FittedVersion, run_id: str) -> str:
    """Fit a version again and record the new one; return what was done as a sentence."""
    with open_work(settings, Run(run_id=run_id)) as work:
        week = week_fitted_for(work.conn, version)
        model = refit_version(work, week, Recipe.from_json(version.recipe))
    with open_work(settings) as work:
        _record(work.conn, version, model)
        mirror_champion(work.conn, work.registry)
    return (
        f"version {version} was fitted again as version {model.version}; running week "
        f"{version.as_of} again publishes its lists"
    )


def week_fitted_for(conn: Connection, version: FittedVersion) -> WeekPlan:
    """Return the week of a version. Raises LedgerError where the ledger has it no more."""
    week = week_taken_in(conn, version.as_of)
    if week is None or week.as_of != version.as_of:
        raise LedgerError(
            f"version {version.model_version} was fitted for week {version.as_of}, which the "
            "ledger has no more"
        )
    return week


def _record(conn: Connection, version: FittedVersion, model: ModelVersion) -> None:
    """Let decisions name the new version, and the ledger say which took the old one's place."""
    names = {"model_version": version.model_version, "refitted_as": model.version}
    fit = {
        "fit_key": model.fit_key,
        "fingerprint": model.fingerprint,
        "n_ratings": model.n_ratings,
    }
    with conn.transaction():
        conn.execute(queries("removal")["decide_for_refit"], names | fit)
        conn.execute(queries("removal")["record_refit"], names)
