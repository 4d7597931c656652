"""Fits as runs of Weights & Biases, beside MLflow's, where RECSYS_TRACKERS names `wandb`.

Its own variables hold: WANDB_API_KEY, WANDB_MODE=offline, WANDB_DIR. A run has the id of MLflow's.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from recsys.errors import LedgerError
from recsys.registry.description import FitDescription
from recsys.registry.names import metric_name
from recsys.settings import Settings

if TYPE_CHECKING:
    from wandb import Run

__all__ = ["WANDB", "wandb_figures", "wandb_run"]

WANDB = "wandb"

log = logging.getLogger(__name__)


@contextmanager
def wandb_run(fit: FitDescription, run_id: str, settings: Settings) -> Iterator["Run | None"]:
    """Open the fit's run until the block ends, failed with whatever the block raises; None where
    W&B is not among the trackers, or cannot be reached, which no fit fails for.
    """
    run = None
    if WANDB in settings.trackers:
        config = {**fit.all_params, **fit.tags}
        run = opened(settings, id=run_id, name=fit.name, config=config, job_type=fit.kind)
    if run is None:
        yield None
        return
    run.define_metric("*", step_metric="step")
    try:
        yield run
    except BaseException:
        run.finish(exit_code=1)
        raise
    run.finish()


def wandb_figures(run_id: str, figures: Mapping[str, float], settings: Settings) -> None:
    """Add what a week's exam measured to a fit's run, and so to its summary.

    Logged: a summary that is changed just before the run ends is not always written.
    """
    if WANDB not in settings.trackers:
        return
    run = opened(settings, id=run_id, resume="allow")
    if run is not None:
        run.log({metric_name(name): value for name, value in figures.items()})
        run.finish()


def opened(settings: Settings, **run: Any) -> "Run | None":
    """Return an open run, None where W&B cannot be reached. Raises LedgerError where its package is
    not installed.
    """
    try:
        import wandb
    except ImportError as error:
        raise LedgerError(
            "RECSYS_TRACKERS names wandb and its package is not installed: pip install wandb (the "
            "extra recsys[wandb]), or take it out"
        ) from error
    quiet = wandb.Settings(
        silent=True, console="off", disable_git=True, x_disable_stats=not settings.system_metrics
    )
    try:
        return wandb.init(
            project=settings.mlflow_experiment, reinit="create_new", settings=quiet, **run
        )
    except wandb.Error as error:
        log.warning("Weights & Biases has no run of this: %s", error)
        return None
