"""What MLflow shows of the ledger. It is a mirror: no step, rollback or retirement waits for it for
long, or fails for it.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from psycopg import errors

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.db.rows import fetch_rows
from recsys.errors import LedgerError, ModelLost
from recsys.evaluation.metrics import DECIDING
from recsys.promotion import exams, ledger
from recsys.promotion.ledger import ModelVersion
from recsys.registry.names import CHAMPION, metric_name
from recsys.registry.patience import brief
from recsys.sentences import explain

if TYPE_CHECKING:
    from recsys.registry.store import Registry
    from recsys.work import Work

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tag:
    """A decision or a publication of a fit, as its version is tagged with it."""

    name: str
    value: str


@dataclass(frozen=True)
class ExamRun:
    """The MLflow run of a fit that was evaluated."""

    recipe_key: str
    run_id: str


def mirror_champion(conn: Connection, registry: "Registry") -> bool:
    """Let MLflow's alias follow the ledger; each run does it again, so that one that was cut short
    is put right.

    A failure is a warning. Returns whether the alias is right now.
    """
    return _mirror(conn, registry, f"alias {CHAMPION!r}", partial(show_champion, conn, registry))


def show_champion(conn: Connection, registry: "Registry") -> None:
    """Set MLflow's alias to the champion's version."""
    champion = ledger.newest_champion(conn)
    if champion:
        registry.set_champion(_version_now(registry, champion.model, champion.as_of))
        registry.describe_model()


def mirror_model(conn: Connection, registry: "Registry", model: ModelVersion, as_of: date) -> bool:
    """Let a version, and the run that it is of, say what the ledger has of it.

    These are its decisions, its publications, and how its recipe did in the exam of the week
    `as_of`.
    """
    show = partial(show_model, conn, registry, model, as_of)
    return _mirror(conn, registry, f"version of {model.recipe.key}, week {as_of},", show)


def show_model(conn: Connection, registry: "Registry", model: ModelVersion, as_of: date) -> None:
    """Describe a version in MLflow, and record the exam's figures with its run."""
    tags = history_of(conn, model)
    figures = exam_figures(conn, model, as_of)
    version = _version_now(registry, model, as_of)
    note = note_on(model, as_of, figures)
    registry.describe_version(version, tags=tags | deciding_tags(figures), note=note)
    run_id = registry.run_of(model.fit_key, version)
    if run_id:
        registry.record_figures(run_id, as_of, figures)


def history_of(conn: Connection, model: ModelVersion) -> dict[str, str]:
    """Return the decisions and publications of a version, as tags."""
    query = queries("ledger")["history_of_fit"]
    rows = fetch_rows(conn, Tag, query, {"fit_key": model.fit_key})
    return {row.name: row.value for row in rows}


def deciding_tags(figures: Mapping[str, float]) -> dict[str, str]:
    """Return the figures that decide, as tags; the others are in the note, and with the run, as
    each tag is a request.
    """
    deciding = {name: value for name, value in figures.items() if DECIDING in name}
    return {metric_name(name): f"{value:.4f}" for name, value in deciding.items()}


def mirror_exam(conn: Connection, registry: "Registry", as_of: date) -> bool:
    """Let MLflow show a week's exam: every figure with the fit that was evaluated, and on its
    recipe's line over the weeks.
    """
    show = partial(show_exam, conn, registry, as_of)
    return _mirror(conn, registry, f"exam of week {as_of}", show, again=command_of(as_of))


def show_exam(conn: Connection, registry: "Registry", as_of: date) -> None:
    """Record a week's exam in MLflow."""
    figures = exams.named_figures(conn, as_of)
    for row in fetch_rows(conn, ExamRun, queries("exams")["runs"], {"as_of": as_of}):
        own = figures.get(row.recipe_key, {})
        registry.record_figures(row.run_id, as_of, own)
        registry.record_chart(row.recipe_key, as_of, own)


def mirror_week(
    work: "Work",
    as_of: date,
    *,
    texts: Mapping[str, str],
    metrics: Mapping[str, float],
    is_last: bool = False,
) -> bool:
    """Let the week's run in MLflow hold what the week reports; see `Weeks.record_week`."""
    registry = work.registry
    show = partial(registry.record_week, as_of, texts=texts, metrics=metrics, is_last=is_last)
    return _mirror(work.conn, registry, f"run of week {as_of}", show, again=command_of(as_of))


def command_of(as_of: date) -> str:
    """Return the command that runs a week again."""
    return f"python -m recsys run --as-of {as_of}"


def exam_figures(conn: Connection, model: ModelVersion, as_of: date) -> dict[str, float]:
    """Return the figures of a version's recipe in a week's exam, by the names that MLflow shows."""
    figures = exams.named_figures(conn, as_of).get(model.recipe.key, {})
    return {f"exam {name}": value for name, value in figures.items()}


def note_on(model: ModelVersion, as_of: date, figures: Mapping[str, float]) -> str:
    """Return a version's description, in Markdown."""
    lines = [f"| {name.removeprefix('exam ')} | {value:.4f} |" for name, value in figures.items()]
    heads = [
        f"`{model.recipe.key}`, fitted on all that week {as_of} may see ({model.n_ratings or 0:,} "
        "ratings).",
        "",
        f"In the exam of week {as_of} the same recipe, fitted up to the exam's cut, had:",
        "",
        "| figure | value |",
        "|---|---|",
    ]
    return "\n".join([*heads, *lines])


def version_tags(model: ModelVersion, as_of: date) -> dict[str, str]:
    """Return what a version is registered with: all that the ledger has of its fit."""
    return {
        "recipe": model.recipe.key,
        "as_of": as_of.isoformat(),
        "fingerprint": model.fingerprint or "not on record",
        "n_ratings": str(model.n_ratings or "not on record"),
    }


def _version_now(registry: "Registry", model: ModelVersion, as_of: date) -> str:
    """Return the version of a model; registered anew where only that was lost.

    Raises ModelLost where the model is.
    """
    version = registry.find_version(model.fit_key, model.version)
    if version:
        return version
    run_id = registry.find(model.fit_key)
    if run_id is None:
        raise ModelLost(
            f"MLflow at {registry.uri} has lost version {model.version} of "
            f"{registry.settings.registered_model} "
            f"({model.recipe.key}, fit {model.fit_key[:12]}); a week that needs it fits it again"
        )
    return registry.register(run_id, model.fit_key, version_tags(model, as_of))


def _mirror(
    conn: Connection, registry: "Registry", what: str, show: Callable[[], object], again: str = ""
) -> bool:
    """Let `show` write what MLflow is to show. It gets some ten seconds a request; a warning says
    what is not shown yet.

    `again` shows it later, where not every run does. Returns whether it is shown.
    """
    from mlflow.exceptions import MlflowException  # there with the registry: no cost here

    try:
        with brief(), only_one(conn):
            show()
        return True
    except errors.LockNotAvailable:
        warn_of_lag(
            what, "another run has been writing to MLflow for longer than that is waited for", again
        )
    # requests' errors are OSErrors, and LedgerError is ours for what MLflow lacks
    except (MlflowException, OSError, LedgerError) as error:
        warn_of_lag(what, explain(error).sentence, again)
    return False


def warn_of_lag(what: str, why: str, again: str) -> None:
    """Log what MLflow does not show yet, why, and what shows it."""
    log.warning(
        "MLflow's %s could not be brought up to the ledger: %s. What was done is in the ledger; %s",
        what,
        why,
        f"`{again}` shows it there"
        if again
        else "MLflow follows with the next run, and nothing has to be repeated",
    )


@contextmanager
def only_one(conn: Connection) -> Iterator[None]:
    """Hold the lock of what MLflow looks up and then makes, unless another keeps it for long: a
    fit's step may wait minutes.

    No transaction is open meanwhile, as a database may cut one that idles.
    """
    with conn.transaction():
        conn.execute(queries("ledger")["wait_briefly_for_mlflow"])
        conn.execute(queries("ledger")["hold_mlflow"])
    try:
        yield
    finally:
        if not conn.closed:
            conn.execute(queries("ledger")["release_mlflow"])
