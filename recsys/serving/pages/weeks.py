"""The page of all weeks, and each week's own: what came in, the exam, the gates' sentences, the
decision, drift, costs, and what changed in the lists.
"""

from datetime import date

from fastapi import HTTPException, Request
from starlette.responses import Response

from recsys.models import BASELINE
from recsys.serving.pages.asking import ask, ask_once, ask_one
from recsys.serving.pages.charts import Interval, Intervals, Line, Lines
from recsys.serving.pages.rendering import Record, day, parsed, recipe_name, render

__all__ = ["look_of", "of_drop", "score_lines", "week", "weeks"]

#: How many movies and users the page of changes names.
MOVERS, CHANGED = 8, 3
#: The figures of an exam that a page shows first.
METRICS = ("NDCG@10", "Recall@10", "coverage@10", "novelty@10", "popularity lift@10")
#: Recipes' looks in charts; the stylesheet has as many colours.
LOOKS = 6
#: Up to as many weeks a chart is as broad as a phone.
FEW = 6
#: With fewer users an observed figure says nothing: as in recsys.observed.
LEAST_USERS = 30


async def weeks(request: Request) -> Response:
    """Show all weeks."""
    rows = await ask(request, "weeks", "weeks")
    chart = await score_lines(request, {row.as_of: row.champion for row in rows})
    return render(request, "weeks.html.jinja", weeks=rows, chart=chart, least_users=LEAST_USERS)


async def score_lines(request: Request, champions: dict[date, str | None]) -> Lines | None:
    """Return the recipes' figures week after week as a chart, None before any exam."""
    scores = await ask(request, "weeks", "scores")
    if not scores:
        return None
    days = sorted({score.as_of for score in scores})
    values = {(score.recipe_key, score.as_of): score.value for score in scores}
    keys = sorted({score.recipe_key for score in scores})
    newest = next((champions[each] for each in sorted(champions, reverse=True)), None)
    lines = [
        Line(
            name=recipe_name(key),
            values=[values.get((key, each)) for each in days],
            look=look_of(key, keys),
            is_strong=key == newest,
        )
        for key in keys
    ]
    labels = [day(each) for each in days]
    is_long = len(days) > FEW
    return Lines(labels, lines, width=880, height=260) if is_long else Lines(labels, lines)


def look_of(key: str, keys: list[str]) -> int:
    """Return the look of a recipe among others; the baseline's is grey."""
    if recipe_name(key) == BASELINE:
        return LOOKS
    others = [each for each in keys if recipe_name(each) != BASELINE]
    return others.index(key) % LOOKS


async def week(request: Request) -> Response:
    """Show one week, or what changed in its lists."""
    as_of = _day_of(request)
    row = await ask_one(request, "weeks", "week", as_of=as_of)
    if row is None:
        raise HTTPException(404, f"No week {as_of} has run.")
    if request.query_params.get("part") == "changes":
        return await _changes(request, row)
    of_week = {"as_of": as_of}
    parsed([row], "comparisons")
    drops = parsed(await ask(request, "weeks", "drops", **of_week), "counts")
    results = await ask(request, "weeks", "results", **of_week)
    gates = await ask(request, "weeks", "gates", promotion_id=row.promotion_id)
    observed = await ask(request, "weeks", "observed", publication_id=row.publication_id)
    return render(
        request,
        "week.html.jinja",
        week=row,
        drops=[of_drop(drop) for drop in drops],
        recipes=_by_recipe(results),
        metrics=METRICS,
        comparisons=_comparisons(row.comparisons or []),
        gates=_by_key(gates),
        failed=await ask(request, "weeks", "failed", **of_week),
        drift=await ask(request, "weeks", "drift", **of_week),
        costs=await ask(request, "weeks", "costs", **of_week),
        by_hand=await ask(request, "weeks", "changes_by_hand", **of_week),
        observed=observed,
        observed_chart=_observed(observed),
    )


def _day_of(request: Request) -> date:
    try:
        return date.fromisoformat(request.path_params["as_of"])
    except ValueError:
        raise HTTPException(404) from None


def of_drop(drop: Record) -> Record:
    """Add what was read, new and set aside to a drop."""
    counts = drop.counts or {}
    drop.n_read = sum((counts.get("read") or {}).values())
    drop.n_rejected = sum((counts.get("rejected") or {}).values())
    drop.new = {name: n for name, n in (counts.get("new") or {}).items() if n}
    return drop


def _by_recipe(results: list[Record]) -> dict[str, dict[str, float]]:
    """Return each recipe's figures, the best NDCG@10 first."""
    recipes: dict[str, dict[str, float]] = {}
    for row in results:
        recipes.setdefault(row.recipe_key, {})[row.metric] = row.value
    return dict(sorted(recipes.items(), key=lambda item: -item[1].get(METRICS[0], 0.0)))


def _by_key(gates: list[Record]) -> dict[str, list[Record]]:
    verdicts: dict[str, list[Record]] = {}
    for gate in gates:
        verdicts.setdefault(gate.recipe_key, []).append(gate)
    return verdicts


def _comparisons(comparisons: list[dict]) -> Intervals | None:
    """Return the exam's comparisons as intervals, None where there are none."""
    rows = [
        Interval(
            f"{recipe_name(each['challenger'])} against {recipe_name(each['against'])}",
            each["mean"],
            each["low"],
            each["high"],
        )
        for each in comparisons
    ]
    return Intervals(rows, bound=0.0) if rows else None


def _observed(observed: list[Record]) -> Intervals | None:
    rows = [
        Interval(
            f"{each.arm}, {each.n:,} users, judged {day(each.as_of)}",
            each.value,
            each.low,
            each.high,
        )
        for each in observed
    ]
    return Intervals(rows) if rows else None


async def _changes(request: Request, row: Record) -> Response:
    """Show what changed in the lists from the week before."""
    before = await ask_one(request, "weeks", "before", as_of=row.as_of)
    if row.publication_id is None or before is None or before.dropped_at:
        return render(request, "week_changes.html.jinja", week=row, before=None)
    ids = {"publication_id": row.publication_id, "earlier_id": before.publication_id}
    key = (row.publication_id, before.publication_id)
    pair = ids | {"top_n": before.top_n}
    (change,) = await ask_once(request, key, "weeks", "changed", **pair)
    movers = await ask_once(request, key, "weeks", "movers", n=MOVERS, **pair)
    users = await ask_once(request, key, "weeks", "changed_users", n=CHANGED, **pair)
    return render(
        request,
        "week_changes.html.jinja",
        week=row,
        before=before,
        change=change,
        came=[movie for movie in movers if movie.change > 0],
        left=[movie for movie in reversed(movers) if movie.change < 0],
        pairs=[await _before_and_after(request, user.user_id, ids, before) for user in users],
    )


async def _before_and_after(
    request: Request, user_id: int, ids: dict[str, int], before: Record
) -> Record:
    """Return a user's list of both weeks."""
    depth = {"user_id": user_id, "depth": before.top_n}
    lists = [
        await ask(request, "users", "list", publication_id=publication_id, **depth)
        for publication_id in (ids["earlier_id"], ids["publication_id"])
    ]
    past_ids, new_ids = ({movie.movie_id for movie in movies} for movies in lists)
    return Record(
        user_id=user_id,
        out=[movie for movie in lists[0] if movie.movie_id not in new_ids],
        into=[movie for movie in lists[1] if movie.movie_id not in past_ids],
    )
