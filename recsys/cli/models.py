"""Fitting recipes outside a week's run: `train` and `tune`."""

from argparse import Namespace
from typing import TYPE_CHECKING

from recsys.arguments import limited
from recsys.cli import screen
from recsys.cli.command import AS_OF, Argument, Command
from recsys.models import MODELS
from recsys.settings import Settings

if TYPE_CHECKING:
    from recsys.tuning.trial import Trial

__all__ = ["COMMANDS"]


def train_recipe(options: Namespace) -> int:
    """Fit a recipe for a week's exam; exit status 1 where it cannot be fitted."""
    with screen.progress(f"fitting {options.recipe}"):
        from recsys.steps.exam import train_model
        from recsys.steps.plan import find_recipe, find_week
        from recsys.work import open_work

        with open_work(Settings.from_environment()) as work:
            week = find_week(work, options.as_of)
            recipe = find_recipe(work, week, options.recipe)
            run_id = train_model(work, week, recipe, again_if_lost=True)
    if run_id is None:  # why was logged
        return 1
    screen.answer(run_id)
    return 0


def tune_recipe(options: Namespace) -> None:
    """Try settings of a recipe, and show how many were tried and the best one's figure."""
    with screen.progress(options.recipe, total=options.trials) as progress:
        from recsys.steps.plan import find_week
        from recsys.steps.tune import tune_recipe as tune
        from recsys.tuning.search import best_of
        from recsys.work import open_work

        def show(trials: "list[Trial]") -> None:
            best = best_of(trials)
            progress.advance(len(trials), f"best NDCG@10 {best.ndcg:.4f}" if best else "")

        with open_work(Settings.from_environment()) as work:
            week = find_week(work, options.as_of)
            progress.show(f"{options.recipe}, week {week.as_of}")
            outcome = tune(work, week, options.recipe, n_trials=options.trials, report=show)
    screen.answer(outcome)


NAMES = ", ".join(MODELS)
TRIALS = Argument(
    "--trials",
    type=limited("trials"),
    default=30,
    help="in all, those of earlier runs counted (default 30)",
)
COMMANDS = (
    Command(
        "train",
        train_recipe,
        "fit a recipe for a week's exam and print its MLflow run",
        (Argument("recipe", metavar="RECIPE", help=f"{NAMES}, or the key of a tuned one"), AS_OF),
    ),
    Command(
        "tune",
        tune_recipe,
        "search a recipe's hyperparameters on what lies before a week's exam",
        (
            Argument("recipe", choices=list(MODELS), metavar="RECIPE", help=NAMES),
            AS_OF,
            TRIALS,
        ),
    ),
)
