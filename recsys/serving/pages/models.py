"""Recipes over the weeks, model versions with what they come from, and experiments."""

import os

from fastapi import Request
from starlette.responses import Response

from recsys.serving.pages.asking import ask
from recsys.serving.pages.charts import Interval, Intervals
from recsys.serving.pages.rendering import Record, day, recipe_name, render
from recsys.serving.pages.weeks import score_lines

__all__ = ["experiments", "models"]

#: Versions that the page shows.
MOST = 40
#: Figures of an experiment's arms that it shows.
MOST_ARMS = 12


async def models(request: Request) -> Response:
    """Show recipes and versions."""
    weeks = await ask(request, "weeks", "weeks")
    return render(
        request,
        "models.html.jinja",
        recipes=await ask(request, "models", "recipes"),
        versions=await ask(request, "models", "versions", n=MOST),
        chart=await score_lines(request, {row.as_of: row.champion for row in weeks}),
        mlflow=mlflow_url(),
    )


def mlflow_url() -> str:
    """Return where people open MLflow, "" where it has no address for a browser."""
    address = os.environ.get("RECSYS_MLFLOW_TRACKING_URI", "").rstrip("/")
    return address if address.startswith(("http://", "https://")) else ""


async def experiments(request: Request) -> Response:
    """Show each experiment with what came true of its arms."""
    rows = await ask(request, "models", "experiments")
    arms = await ask(request, "models", "arms")
    for row in rows:
        row.sizes = await ask(request, "models", "sizes", experiment=row.name)
        own = [arm for arm in arms if arm.experiment == row.name][:MOST_ARMS]
        row.chart = Intervals([_interval(arm) for arm in own]) if own else None
        row.shown = [_shown(arm) for arm in own if arm.n_shown]
    return render(request, "experiments.html.jinja", experiments=rows)


def _interval(arm: Record) -> Interval:
    return Interval(_name(arm), arm.value, arm.low, arm.high)


def _name(arm: Record) -> str:
    shadow = " (shadow)" if arm.is_shadow else ""
    return f"{arm.arm}{shadow}, {recipe_name(arm.recipe_key)}, week of {day(arm.since)}"


def _shown(arm: Record) -> str:
    users = f"of {arm.n_shown:,} of {arm.n:,} users only what their app showed them counts"
    return f"{_name(arm)}: {users}"
