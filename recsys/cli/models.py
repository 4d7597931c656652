"""Fitting recipes outside a week's run: `train` and `tune`."""

from argparse import Namespace
from typing import TYPE_CHECKING

from recsys.arguments import limited
from recsys.cli import screen
from recsys.cli.command import AS_OF, Argument, Command
from recsys.models import MODELS
from recsys.settings import Settings
from recsys.terminal import table

if TYPE_CHECKING:
    from recsys.recipe import Recipe
    from recsys.tuning.trial import Trial

__all__ = ["COMMANDS"]


def train_recipe(options: Namespace) -> int:
    """Fit a recipe for a week's exam, or only show it; exit status 1 where it cannot be fitted."""
    if options.show:
        show_recipe(options)
        return 0
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


def show_recipe(options: Namespace) -> None:
    """Show a recipe's whole configuration; of a tuned one, which is looked up, in Postgres."""
    from recsys.models import model_class
    from recsys.overrides import overridden, written_value
    from recsys.recipe import Recipe

    recipe = recipe_of(options)
    chosen = overridden(recipe)
    fields = model_class(recipe.name).Config.model_fields
    defaults = dict(Recipe.of(recipe.name).settings)
    rows = []
    for name, value in recipe.settings:
        default = written_value(defaults[name])
        origin = f"override of {default}" if name in chosen else "default"
        rows.append((name, written_value(value), origin, fields[name].description or ""))
    n_chosen = f"{len(chosen)} of {len(rows)} settings override the defaults"
    screen.answer(f"{recipe.key}: {n_chosen}")
    columns = ("setting", "value", "from", "meaning")
    screen.console.print(table(columns, rows, whole=("setting",)))


def recipe_of(options: Namespace) -> "Recipe":
    """Return the recipe that is meant, without Postgres unless it is a tuned one."""
    from recsys.overrides import has_overrides, parse_recipe

    if options.recipe in MODELS or has_overrides(options.recipe):
        return parse_recipe(options.recipe)
    from recsys.steps.plan import find_recipe, find_week
    from recsys.work import open_work

    with open_work(Settings.from_environment()) as work:
        return find_recipe(work, find_week(work, options.as_of), options.recipe)


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
WRITTEN = f"{NAMES}, as it is or with settings, as in als[factors=128]; or the key of a tuned one"
TUNED = f"{NAMES}; settings other than the defaults, as in als[factors=128], are not searched"
SHOW = Argument(
    "--show",
    action="store_true",
    help="print its whole configuration, and fit nothing",
)
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
        (Argument("recipe", metavar="RECIPE", help=WRITTEN), AS_OF, SHOW),
        needs_schema=False,  # to show a recipe needs no database; to find a week checks it
    ),
    Command(
        "tune",
        tune_recipe,
        "search a recipe's hyperparameters on what lies before a week's exam",
        (
            Argument("recipe", metavar="RECIPE", help=TUNED),
            AS_OF,
            TRIALS,
        ),
    ),
)
