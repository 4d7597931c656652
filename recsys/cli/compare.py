"""`compare`: recipes beside each other, outside the week."""

from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from recsys.arguments import DAY, whole
from recsys.cli import screen
from recsys.cli.command import Argument, Command, OneOf
from recsys.models import MODELS
from recsys.settings import HOME, Settings
from recsys.terminal import table, terminal

if TYPE_CHECKING:
    from rich.table import Table

    from recsys.compare.comparing import Comparison, Entry
    from recsys.compare.data import ComparedData
    from recsys.compare.standings import Standing
    from recsys.recipe import Recipe

__all__ = ["COMMANDS"]

WIDTH = 80  # of the table that MLflow keeps


def compare_recipes(options: Namespace) -> int:
    """Compare recipes and print how they did; exit status 1 where one cannot be fitted."""
    with screen.progress("reading the ratings") as reading, opened(options) as (data, recipes):
        from recsys.compare.comparing import Comparison
        from recsys.compare.results import Results
        from recsys.compare.runs import ComparisonRuns

        settings, artifacts = tracked(options)
        runs = ComparisonRuns(settings, artifacts)
        comparison = Comparison(data, settings, Results(options.cache / "results"), runs)
        with reading.paused():
            entries, run_id = fitted(comparison, recipes, options.seeds)
    show(comparison, entries, run_id)
    return int(any(entry.failure for entry in entries))


def fitted(
    comparison: "Comparison", recipes: "list[Recipe]", n_seeds: int
) -> "tuple[list[Entry], str]":
    """Return the recipes' results, and the MLflow run above theirs; a bar shows how far it is."""
    from recsys.overrides import written

    n_results = 0
    with screen.progress("comparing", total=len(recipes) * n_seeds) as progress:

        def on_fit(recipe: "Recipe", seed: int) -> None:
            nonlocal n_results
            progress.advance(n_results, f"{written(recipe)}, seed {seed}")
            n_results += 1

        return comparison.compare(recipes, n_seeds, on_fit)


@contextmanager
def opened(options: Namespace) -> "Iterator[tuple[ComparedData, list[Recipe]]]":
    """Open what the recipes are compared on, and read which they are: a release's files without
    Postgres, or a week's exam.
    """
    from recsys.compare.data import data_of_release, data_of_week

    if options.data:
        recipes = recipes_of(options.recipes)
        yield data_of_release(options.data, options.imdb, options.protocol, files_only()), recipes
        return
    from recsys.steps.plan import find_recipe, find_week
    from recsys.work import open_work

    with open_work(Settings.from_environment()) as work:
        week = find_week(work, options.as_of)
        tuned = {
            text: find_recipe(work, week, text).of_week(week.like_threshold)
            for text in options.recipes
            if text not in MODELS and "[" not in text
        }
        recipes = recipes_of(options.recipes, tuned)
        yield data_of_week(work.conn, week), recipes


def recipes_of(texts: list[str], tuned: "dict[str, Recipe] | None" = None) -> "list[Recipe]":
    """Return the recipes that are written, each once; `tuned` are those named by their keys."""
    from recsys.overrides import parse_grid

    by_key = tuned or {}
    recipes = [
        recipe
        for text in texts
        for recipe in ([by_key[text]] if text in by_key else parse_grid(text))
    ]
    return list({recipe.key: recipe for recipe in recipes}.values())


def files_only() -> Settings:
    """Return the settings for work on files: whatever they say of a database is not used."""
    return Settings(database_url=SecretStr("postgresql://not-used"))


def tracked(options: Namespace) -> tuple[Settings, Path | None]:
    """Return the settings with an MLflow store, and where its artifacts lie where no server says:
    on files, with no server named, both are in the cache.
    """
    if not options.data:
        return Settings.from_environment(), None
    settings = files_only()
    if "mlflow_tracking_uri" in settings.model_fields_set:
        return settings, None
    folder = options.cache.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    store = {"mlflow_tracking_uri": f"sqlite:///{folder}/mlflow.db"}
    return settings.model_copy(update=store), folder / "artifacts"


def show(comparison: "Comparison", entries: "list[Entry]", run_id: str) -> None:
    """Print the table and what it is of; keep both with the comparison's run."""
    from recsys.compare.chart import draw
    from recsys.compare.standings import figures_of, standings_of
    from recsys.overrides import written

    data, settings = comparison.data, comparison.settings
    resamples = settings.bootstrap_resamples
    standings = standings_of(entries, resamples=resamples, seed=data.seed)
    n_users = len(data.exam.users)
    title = f"{data.title}: {n_users:,} users decide"
    screen.answer(title)
    screen.console.print(table_of(standings))
    screen.answer(
        f"difference: NDCG@10 ahead of {standings[0].recipe}, paired by user, with 95% intervals "
        f"that hold together; lift: how much more popular the listed movies are than a user's own"
    )
    for entry in entries:
        if entry.failure:
            screen.answer(f"{written(entry.recipe)} cannot be fitted: {entry.failure}")
    n_results = sum(len(entry.results) for entry in entries)
    screen.answer(
        f"{comparison.n_fits} fitted now, {n_results - comparison.n_fits} found in the cache; "
        f"MLflow: run {run_id} of {comparison.runs.experiment_name!r} at {comparison.runs.uri}"
    )
    chart = draw(standings, title)
    comparison.runs.end(run_id, figures_of(standings), as_text(table_of(standings)), chart)


def table_of(standings: "list[Standing]") -> "Table":
    """Return the standings as a table."""
    from recsys.compare.standings import COLUMNS, row_of

    return table(COLUMNS, map(row_of, standings), whole=COLUMNS[1:])


def as_text(drawn: "Table") -> str:
    """Return a table as a text file has it."""
    console = terminal(width=WIDTH)
    console.file = StringIO()
    console.print(drawn)
    return console.file.getvalue()


COMMANDS = (
    Command(
        "compare",
        compare_recipes,
        "fit recipes and evaluate them on one exam, outside any week's decision",
        (
            Argument(
                "recipes",
                nargs="+",
                metavar="RECIPE",
                help=f"{', '.join(MODELS)}, as it is or with settings: 'als[factors=128]', a grid "
                "of them: 'als[factors={64,128}]', or a tuned one's key; the others are held "
                "against the first",
            ),
            OneOf(
                Argument(
                    "--as-of",
                    type=DAY,
                    metavar="DATE",
                    help="on the exam of the newest week up to it that has its drops; default: of "
                    "all",
                ),
                Argument(
                    "--data",
                    type=Path,
                    metavar="FOLDER",
                    help="on a MovieLens release's files, without Postgres",
                ),
            ),
            Argument(
                "--protocol",
                choices=("temporal", "weekly"),
                default="temporal",
                help="how --data is cut: the newest tenth of all ratings, or the newest weeks as "
                "the weekly exam (default temporal)",
            ),
            Argument(
                "--imdb",
                type=Path,
                metavar="FOLDER",
                help="IMDb's files, for recipes that read casts, beside --data",
            ),
            Argument(
                "--seeds",
                type=whole(1, 20),
                default=1,
                help="fits of each recipe, from the week's or the setting's seed on (default 1)",
            ),
            Argument(
                "--cache",
                type=Path,
                default=HOME / "compare",
                metavar="FOLDER",
                help="where results are kept, so that no fit is made twice",
            ),
        ),
        needs_schema=False,  # to find a week checks it, and files need none
    ),
)
