"""What studies tried, and the tuned recipes that came of it, in Postgres."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg.types.json import Jsonb
from pydantic import ValidationError

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.db.rows import fetch_rows, find_row
from recsys.errors import ModelError
from recsys.models import MODELS
from recsys.overrides import has_overrides, parse_recipe, written
from recsys.recipe import Recipe
from recsys.tuning.trial import Trial

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RecordedTrial:
    """A study's trial by its number, the MLflow run it was made in, and why it failed if it did."""

    study: str
    number: int
    trial: Trial
    failure: str | None
    run_id: str

    @property
    def params(self) -> dict[str, object]:
        """The trial as the ledger has it."""
        return {
            "study": self.study,
            "number": self.number,
            "recipe": Jsonb(self.trial.recipe.to_json()),
            "validation_ndcg": self.trial.ndcg,
            "failure": self.failure,
            "run_id": self.run_id,
        }

    def __str__(self) -> str:
        outcome = self.failure or f"NDCG@10 {self.trial.score:.4f}"
        return f"{self.study}, trial {self.number}, {self.trial.recipe.key}: {outcome}"


@dataclass(frozen=True)
class TunedRecipe:
    """A study's best recipe, tuned for a week, beside the default that it beat: the recipe as it
    was named, with settings of its own or without. It competes where that name does.
    """

    study: str
    tuned_for: date
    best: Trial
    default: Trial
    n_trials: int

    @property
    def params(self) -> dict[str, object]:
        """The tuned recipe as the ledger has it."""
        recipe = self.best.recipe
        return {
            "recipe_key": recipe.key,
            "study": self.study,
            "name": written(self.default.recipe),
            "recipe": Jsonb(recipe.to_json()),
            "tuned_for": self.tuned_for,
            "validation_ndcg": self.best.ndcg,
            "default_ndcg": self.default.ndcg,
            "n_trials": self.n_trials,
        }


@dataclass(frozen=True)
class _TrialRow:
    number: int
    recipe: dict[str, Any]
    validation_ndcg: float | None

    @property
    def trial(self) -> Trial:
        return Trial(Recipe.from_json(self.recipe), self.validation_ndcg)


@dataclass(frozen=True)
class _TunedRow:
    name: str
    recipe_key: str
    recipe: dict[str, Any]


def trials_of(conn: Connection, study: str) -> list[Trial]:
    """Return all trials of a study, in order."""
    rows = fetch_rows(conn, _TrialRow, queries("tuning")["trials"], {"study": study})
    return [row.trial for row in rows]


def record_trial(conn: Connection, recorded: RecordedTrial) -> None:
    """Enter a trial that has ended, one way or the other."""
    conn.execute(queries("tuning")["record_trial"], recorded.params)


def record_tuned(conn: Connection, tuned: TunedRecipe) -> None:
    """Enter a tuned recipe; the same again adds nothing."""
    conn.execute(queries("tuning")["record_tuned"], tuned.params)


def newest_tuned(
    conn: Connection, as_of: date, names: Sequence[str], like_threshold: float
) -> list[Recipe]:
    """Return the recipe of each name that was tuned last for that week or an earlier one, in the
    names' order; one tuned for other likes than the week's is left out.
    """
    rows = fetch_rows(conn, _TunedRow, queries("tuning")["newest_tuned"], {"as_of": as_of})
    tuned = {row.name: Recipe.from_json(row.recipe).of_week(like_threshold) for row in rows}
    recipes = [tuned[name] for name in map(in_one_form, names) if name in tuned]
    return [recipe for recipe in recipes if is_of_this_code(recipe)]


def recipe_named(conn: Connection, as_of: date, name: str) -> Recipe:
    """Return a name's default, one with settings that override it, as in `als[factors=128]`, or the
    tuned recipe of a key. Raises ModelError for what is none of these.
    """
    if name in MODELS:
        return Recipe.of(name)
    if has_overrides(name):
        return parse_recipe(name)
    params = {"recipe_key": name, "as_of": as_of}
    row = find_row(conn, _TunedRow, queries("tuning")["tuned"], params)
    if row is None:
        raise ModelError(
            f"no recipe {name!r}: expected one of {', '.join(MODELS)}, with settings of its own as "
            f"in als[factors=128] or without, or the key of one tuned for {as_of} or before"
        )
    return Recipe.from_json(row.recipe)


def in_one_form(name: str) -> str:
    """Return a recipe's name; with settings of its own, as `written` writes it."""
    return written(parse_recipe(name)) if has_overrides(name) else name


def is_of_this_code(recipe: Recipe) -> bool:
    """Return whether today's code would make the same recipe of its settings: a field may have
    gone, come, or changed its bounds.
    """
    try:
        if recipe.name in MODELS and Recipe.of(recipe.name, **dict(recipe.settings)) == recipe:
            return True
    except ValidationError:
        pass
    log.warning(
        "%s was tuned with other code, whose settings are not those of today: it is left out",
        recipe.key,
    )
    return False
