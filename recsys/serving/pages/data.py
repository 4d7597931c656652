"""The data as a whole: ratings over time, genres, the long tail, drops, and rejected rows."""

from fastapi import Request
from starlette.responses import Response

from recsys.serving.pages.asking import ask, ask_once, ask_one
from recsys.serving.pages.charts import Bars, Line, Lines
from recsys.serving.pages.rendering import parsed, render
from recsys.serving.pages.weeks import of_drop

__all__ = ["data"]

BINS = ("1–4", "5–19", "20–49", "50–99", "100–199", "200–499", "500+")
#: Drops, and rows that were set aside, that the page shows.
DROPS, ROWS = 20, 10


async def data(request: Request) -> Response:
    """Show the data, or its figures over all ratings, which take longer."""
    if request.query_params.get("part") == "ratings":
        return await _ratings(request)
    genres = await ask(request, "data", "genres")
    return render(
        request,
        "data.html.jinja",
        counts=await ask_one(request, "data", "counts"),
        genres=genres,
        genre_chart=Bars([row.genre for row in genres], [row.n for row in genres], width=880)
        if genres
        else None,
        drops=[
            of_drop(drop) for drop in parsed(await ask(request, "data", "drops", n=DROPS), "counts")
        ],
        rejects=await ask(request, "data", "rejects"),
        rows=await ask(request, "data", "some_rejects", n=ROWS),
    )


async def _ratings(request: Request) -> Response:
    """Show figures over all ratings; they are computed once for each change of the data."""
    newest = await ask_one(request, "data", "newest_drop")
    key = (newest.drop_id,) if newest else (0,)
    (whole,) = await ask_once(request, key, "data", "ratings")
    if not whole.n_ratings:
        return render(request, "data_ratings.html.jinja", whole=whole)
    years = await ask_once(request, key, "data", "ratings_by_year")
    stars = await ask_once(request, key, "data", "stars")
    tail = await ask_once(request, key, "data", "long_tail")
    users = {row.bin: row.n for row in await ask_once(request, key, "data", "users_by_ratings")}
    counts = await ask_one(request, "data", "counts")
    n_users = sum(users.values())
    labels = [str(row.year) for row in years]
    return render(
        request,
        "data_ratings.html.jinja",
        whole=whole,
        n_users=n_users,
        n_rated=sum(row.n_movies for row in tail),
        density=whole.n_ratings / (n_users * max(counts.n_movies, 1)) if counts else 0.0,
        by_year=Bars(labels, [row.n for row in years]),
        means=Lines(labels, [Line("mean stars", [row.mean for row in years])]),
        stars=Bars([f"{row.rating:g}" for row in stars], [row.n for row in stars]),
        tail=Bars([f"{row.tenth}." for row in tail], [row.share * 100 for row in tail]),
        top_share=tail[0].share if tail else None,
        users=Bars(list(BINS), [users.get(place, 0) for place in range(1, 8)]),
    )
