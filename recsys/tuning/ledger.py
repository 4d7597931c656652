"""What studies tried and found, in Postgres."""

import logging
from datetime import date

from psycopg.types.json import Jsonb
from pydantic import ValidationError

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.errors import ModelError
from recsys.models import MODELS
from recsys.recipe import Recipe
from recsys.tuning.search import Trial

log = logging.getLogger(__name__)


def trials_of(conn: Connection, study: str) -> list[Trial]:
    """All of a study, in order."""
    rows = conn.execute(queries("tuning")["trials"], {"study": study}).fetchall()
    return [Trial(Recipe.from_json(row.recipe), row.validation_ndcg) for row in rows]


def record_trial(
    conn: Connection, study: str, number: int, trial: Trial, *, failure: str | None, run_id: str
) -> None:
    """Enter a trial that has ended, one way or the other."""
    params = {
        "recipe": Jsonb(trial.recipe.to_json()),
        "validation_ndcg": trial.ndcg,
        "failure": failure,
        "run_id": run_id,
    }
    conn.execute(queries("tuning")["record_trial"], {"study": study, "number": number, **params})


def record_tuned(
    conn: Connection, study: str, as_of: date, best: Trial, default: Trial, *, n_trials: int
) -> None:
    """Enter what a study found for a week; the same again adds nothing."""
    params = {
        "recipe_key": best.recipe.key,
        "study": study,
        "name": best.recipe.name,
        "recipe": Jsonb(best.recipe.to_json()),
        "tuned_for": as_of,
        "validation_ndcg": best.ndcg,
        "default_ndcg": default.ndcg,
        "n_trials": n_trials,
    }
    conn.execute(queries("tuning")["record_tuned"], params)


def newest_tuned(conn: Connection, as_of: date, names: tuple[str, ...]) -> list[Recipe]:
    """Of each of the names, the recipe that was found last for that week or an earlier one; the
    names' order.
    """
    rows = conn.execute(queries("tuning")["newest_tuned"], {"as_of": as_of}).fetchall()
    found = {row.name: Recipe.from_json(row.recipe) for row in rows}
    return [found[name] for name in names if name in found and _is_of_this_code(found[name])]


def recipe_asked(conn: Connection, as_of: date, name: str) -> Recipe:
    """A name's default, or the tuned recipe of a key. Raises ModelError for what is neither."""
    if name in MODELS:
        return Recipe.of(name)
    row = conn.execute(queries("tuning")["tuned"], {"recipe_key": name, "as_of": as_of}).fetchone()
    if row is None:
        raise ModelError(
            f"no recipe {name!r}: expected one of {', '.join(MODELS)}, or the key of one tuned for "
            f"{as_of} or before"
        )
    return Recipe.from_json(row.recipe)


def _is_of_this_code(recipe: Recipe) -> bool:
    """Whether today's code would make the same recipe of its settings: a field may have gone, come,
    or changed its bounds.
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
