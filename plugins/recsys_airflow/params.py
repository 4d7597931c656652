"""What a person may ask of a run; the schemas are what Airflow's trigger form shows and checks."""

from airflow.sdk import Param

from recsys.models import MODELS

_NAMES = ", ".join(f"`{name}`" for name in MODELS)


def _week(description: str) -> Param:
    return Param(None, type=["null", "string"], format="date", title="Week (as_of)", description_md=description)


def _recipes(title: str, description: str, **of_each: object) -> Param:
    return Param(
        None,
        type=["null", "array"],
        items={"type": "string", **of_each},
        examples=list(MODELS),
        minItems=1,
        uniqueItems=True,
        title=title,
        description_md=description,
    )


PARAMS = {
    "as_of": _week(
        "Recommend as of this date, UTC midnight: the date of a MovieLens drop, e.g. `2018-09-24`. The run knows "
        "nothing at or after it. Empty: the newest complete drop. Scheduled and backfilled runs take their interval's end."
    ),
    "recipes": _recipes(
        "Recipes that compete",
        f"Some of {_NAMES}, or the key of a tuned recipe, e.g. `als-3f9a2c41`. Popularity and the "
        "incumbent compete in any case. Empty: what this week was first run with, else the setting `RECSYS_RECIPES` and what was "
        "tuned of these.",
        pattern=f"^({'|'.join(MODELS)})(-[0-9a-f]{{8}})?$",
    ),
    "top_n": Param(
        None,
        type=["null", "integer"],
        minimum=1,
        maximum=1000,
        title="Movies per user (top_n)",
        description_md="Length of every user's list. Empty: what this week was first run with, else the setting `RECSYS_TOP_N`.",
    ),
}

TUNING_PARAMS = {
    "as_of": _week(
        "Tune on what lies before the exam of this week, or of the newest one before it whose drops are in, "
        "e.g. `2018-09-24`. Empty: the newest of all. A scheduled run takes its interval's end."
    ),
    "recipes": _recipes(
        "Recipes to tune", f"Some of {_NAMES}. Empty: all that have hyperparameters to search.", enum=list(MODELS)
    ),
    "trials": Param(
        30,
        type="integer",
        minimum=2,
        maximum=1000,
        title="Trials per recipe",
        description_md="Fits in all, those of earlier runs on the same week and data counted. The first is always the default.",
    ),
}
