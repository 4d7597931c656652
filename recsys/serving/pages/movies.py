"""A movie: facts and people, who is recommended it, and its ratings over time."""

from fastapi import HTTPException, Request
from starlette.responses import Response

from recsys.serving.pages.asking import ask, ask_once, ask_one, id_of, live_publication
from recsys.serving.pages.charts import Bars, Line, Lines
from recsys.serving.pages.rendering import render

__all__ = ["movie"]


async def movie(request: Request) -> Response:
    """Show a movie, or a part of its page that takes longer."""
    movie_id = id_of(request, "movie_id")
    row = await ask_one(request, "movies", "movie", movie_id=movie_id)
    if row is None:
        raise HTTPException(404, f"No movie has the number {movie_id}.")
    part = request.query_params.get("part", "")
    live = await live_publication(request)
    if part == "audience":
        return await _audience(request, row, live)
    if part == "ratings":
        return await _ratings(request, row)
    similar = await ask(request, "movies", "similar", movie_id=movie_id, n=12)
    return render(request, "movie.html.jinja", movie=row, live=live, similar=similar)


async def _audience(request: Request, row, live) -> Response:
    """Show in how many lists a movie is, and where in them."""
    if live is None:
        return render(request, "movie_audience.html.jinja", movie=row, live=None, chart=None)
    ids = {"publication_id": live.publication_id, "movie_id": row.movie_id}
    key = (live.publication_id, row.movie_id)
    ranks = {each.rank: each.n for each in await ask_once(request, key, "movies", "ranks", **ids)}
    people = await ask_once(request, key, "movies", "some_readers", n=8, **ids)
    n_ranks = max([*ranks, 10])
    places = range(1, n_ranks + 1)
    chart = Bars([str(rank) for rank in places], [ranks.get(rank, 0) for rank in places])
    return render(
        request,
        "movie_audience.html.jinja",
        movie=row,
        live=live,
        n_lists=sum(ranks.values()),
        people=people,
        chart=chart,
    )


async def _ratings(request: Request, row) -> Response:
    """Show how a movie was rated, year by year and by stars."""
    years = await ask(request, "movies", "ratings_by_year", movie_id=row.movie_id)
    given = {
        each.rating: each.n for each in await ask(request, "movies", "stars", movie_id=row.movie_id)
    }
    counts = means = stars = None
    if years:
        by_year = {each.year: each for each in years}
        span = range(years[0].year, years[-1].year + 1)
        labels = [str(year) for year in span]
        counts = Bars(labels, [by_year[year].n if year in by_year else 0 for year in span])
        mean_line = [by_year[year].mean if year in by_year else None for year in span]
        means = Lines(labels, [Line("mean rating", mean_line)])
        half_stars = [place / 2 for place in range(1, 11)]
        stars = Bars([f"{each:g}" for each in half_stars], [given.get(e, 0) for e in half_stars])
    return render(
        request,
        "movie_ratings.html.jinja",
        movie=row,
        n_ratings=sum(given.values()),
        counts=counts,
        means=means,
        stars=stars,
        years=years,
    )
