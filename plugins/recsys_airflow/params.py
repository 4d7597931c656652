"""What a person may ask of a run; the schemas are what Airflow's trigger form shows and checks."""

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Param

from recsys.limits import LIMITS
from recsys.models import MODELS

_NAMES = ", ".join(f"`{name}`" for name in MODELS)
_SETTINGS = r"\[[^\[\]{}]+\]"
#: A name, the key of a tuned recipe, or a name with settings, which the first task reads.
_RECIPE = rf"^({'|'.join(MODELS)})(-[0-9a-f]{{8}}|{_SETTINGS})?$"
_TUNABLE = rf"^({'|'.join(MODELS)})({_SETTINGS})?$"


def _week(description: str) -> Param:
    return Param(
        None,
        type=["null", "string"],
        format="date",
        title="Week (as_of)",
        description_md=description,
    )


def _reason(what: str) -> Param:
    return Param(
        type="string",
        minLength=3,
        pattern=r"\S",
        title="Reason",
        description_md=f"Stored in the ledger beside your name. Say {what}.",
    )


def _limits(name: str) -> dict[str, Any]:
    return {"minimum": LIMITS[name].least, "maximum": LIMITS[name].most}


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
        "Recommend as of this date, UTC midnight: the date of a MovieLens drop, e.g. `2018-09-24`. "
        "The run knows "
        "nothing at or after it. Empty: the newest complete drop. Scheduled and backfilled runs "
        "take their interval's end."
    ),
    "recipes": _recipes(
        "Recipes that compete",
        f"Some of {_NAMES}, with settings of their own (`als[factors=128,iterations=20]`) or "
        "without, or the key of a tuned recipe, e.g. `als-3f9a2c41`. Popularity and the "
        "incumbent compete in any case. Empty: what this week was first run with, else the setting "
        "`RECSYS_RECIPES` and what was "
        "tuned of these.",
        pattern=_RECIPE,
    ),
    "top_n": Param(
        None,
        type=["null", "integer"],
        **_limits("top_n"),
        title="Movies per user (top_n)",
        description_md="Length of every user's list, 1 to 1000. Empty: what this week was first "
        "run with, else "
        "the setting `RECSYS_TOP_N`.",
    ),
    "challenger": Param(
        None,
        type=["null", "string"],
        pattern=_RECIPE,
        # proposals: the form offers them, and takes a tuned recipe's key too
        examples=list(MODELS),
        title="Challenger",
        description_md=f"Starts an experiment with this recipe: one of {_NAMES}, with settings "
        "of its own (`als[factors=128]`) or without, or the key of a tuned one. Its lists are made "
        "beside the champion's and judged by what users then rate. Empty: no new experiment; one "
        "that runs goes on.",
    ),
    "challenger_share": Param(
        0.0,
        type="number",
        **_limits("challenger_share"),
        title="Challenger's share of the users",
        description_md="Of the experiment that this run starts, 0 to 0.5, e.g. `0.1` for one user "
        "in ten. 0: a shadow, whose "
        "lists nobody sees.",
    ),
    "challenger_weeks": Param(
        4,
        type="integer",
        **_limits("challenger_weeks"),
        title="Weeks of the experiment",
        description_md="1 to 52; this week is the first. After the last one, all users get the "
        "champion's lists again by "
        "themselves.",
    ),
    "force_decision": Param(
        False,
        type="boolean",
        title="Decide the week anew",
        description_md="A week is decided once, and runs again with that decision. On: decide "
        "again, with today's bounds; the "
        "ledger keeps both decisions.",
    ),
    "require_approval": Param(
        None,
        type=["null", "boolean"],
        title="Ask before a new champion",
        description_md="On: a new champion waits for a person's answer under Required Actions; "
        "without one in time, the present "
        "champion stays. Left alone: as the setting `RECSYS_REQUIRE_APPROVAL` says.",
    ),
}

TUNING_PARAMS = {
    "as_of": _week(
        "Tune on what lies before the exam of this week, or of the newest one before it whose "
        "drops are in, "
        "e.g. `2018-09-24`. Empty: the newest of all. A scheduled run takes its interval's end."
    ),
    "recipes": _recipes(
        "Recipes to tune",
        f"Some of {_NAMES}. Settings other than the defaults, as in `als[factors=128]`, are not "
        "searched. Empty: all that compete and have hyperparameters to search.",
        pattern=_TUNABLE,
    ),
    "trials": Param(
        30,
        type="integer",
        **_limits("trials"),
        title="Trials per recipe",
        description_md="Fits in all, 2 to 1000, those of earlier runs on the same week and data "
        "counted. The first is "
        "always the default.",
    ),
}


def rollback_params(publications: Mapping[int, str]) -> dict[str, Param]:
    """The form of a rollback. `publications` are those on offer, each with a line on it; without
    any, a number is asked for.
    """
    names = {"null": USUAL, **{str(number): line for number, line in publications.items()}}
    offered: dict[str, Any] = (
        {"enum": [None, *publications], "values_display": names} if publications else {"minimum": 1}
    )
    return {
        "publication_id": Param(
            None,
            type=["null", "integer"],
            **offered,
            title="Publication",
            description_md="What readers shall see. Empty: the newest that they saw before the "
            "present one and that was "
            "not rolled back from, so that a second rollback goes further back. Where this is a "
            "field and no "
            "list, there was nothing to list, or no database to ask: `python -m recsys rollback "
            "--list` prints the numbers.",
        ),
        "reason": _reason("why the lists were changed"),
    }


#: What the form of a rollback offers first.
USUAL = "the newest that was live before the present one and was not rolled back from"

RETIRE_PARAMS = {
    "week": Param(
        type="string",
        format="date",
        title="Week (as_of)",
        description_md="The week that shall count for nothing: its lists go from readers, and "
        "newer weeks no longer wait for it.",
    ),
    "reason": _reason("why the week does not count"),
    "undo": Param(
        False,
        type="boolean",
        title="Undo",
        description_md="On: a week that was retired counts again, and its lists are live again "
        "unless a newer week's are.",
    ),
}
