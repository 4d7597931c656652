"""Try it: rate a few movies without being a user, and see the lists change at once.

The ratings are in the address and nowhere else: nothing is stored.
"""

import re
from typing import Any

from fastapi import Request
from starlette.responses import Response

from recsys.serving.pages.asking import ask, live_publication
from recsys.serving.pages.asks import ApiAway, Asks
from recsys.serving.pages.home import movies_like, popular_movies
from recsys.serving.pages.rendering import Record, render

__all__ = ["try_it"]

#: Movies that somebody rates here, at most.
MOST = 40
_RATED = re.compile(r"(?P<id>\d{1,18})-(?P<stars>[1-5](\.5)?|0\.5)")


async def try_it(request: Request) -> Response:
    """Show the board: a search, the ratings so far, and the list that they get."""
    ratings = ratings_of(request)
    text = request.query_params.get("q", "").replace("\0", "").strip()[:200]
    live = await live_publication(request)
    suggested = []
    if text:
        suggested = await movies_like(request, text, 8)
    elif live is not None:
        suggested = await popular_movies(request, live)
    titles = await ask(request, "movies", "titles", movie_ids=list(ratings))
    by_id = {movie.movie_id: movie for movie in titles}
    # an address may be older than the movies, or typed
    ratings = {each: stars for each, stars in ratings.items() if each in by_id}
    listed, problem = await _listed(request, ratings)
    return render(
        request,
        "try.html.jinja",
        live=live,
        text=text,
        suggested=[movie for movie in suggested if movie.movie_id not in ratings][:8],
        ratings=[(by_id[each], stars) for each, stars in ratings.items()],
        listed=listed,
        problem=problem,
    )


def ratings_of(request: Request) -> dict[int, float]:
    """Return the ratings of an address: rated=318-5 for each movie; drop=318 takes one back."""
    ratings: dict[int, float] = {}
    for text in request.query_params.getlist("rated")[-3 * MOST :]:
        match = _RATED.fullmatch(text)
        if match:
            ratings[int(match["id"])] = float(match["stars"])
    for text in request.query_params.getlist("drop"):
        if text.isascii() and text.isdigit():
            ratings.pop(int(text), None)
    return dict(list(ratings.items())[-MOST:])


async def _listed(request: Request, ratings: dict[int, float]) -> tuple[list[Record] | None, str]:
    """Return the list for some ratings, and why there is none."""
    if not ratings:
        return None, ""
    if not request.state.visitor.may_predict:
        return None, "Your key reads only: it takes one with the scope predict to ask the model."
    asks: Asks | None = request.app.state.means.asks
    if asks is None:
        return None, "The model cannot be asked here."
    body = {
        "ratings": [{"movie_id": each, "rating": stars} for each, stars in ratings.items()],
        "n": 12,
        "fold_in": True,
    }
    try:
        answer = await asks.for_ratings(body)
    except ApiAway as error:
        return None, f"The model cannot be asked now: {error}. Lists that were published are there."
    items = answer.get("items", [])
    ids = [item["movie_id"] for item in items]
    by_id = {row.movie_id: row for row in await ask(request, "movies", "titles", movie_ids=ids)}
    listed = []
    for item in items:
        movie = by_id.get(item["movie_id"])
        if movie is not None:
            movie.source = item.get("source", "model")
            movie.reason = _reason(item.get("reasons") or {})
            listed.append(movie)
    return listed, ""


def _reason(reasons: dict[str, Any]) -> Record:
    """Return the reason of an item, as the pages show it."""
    kind = reasons.get("kind")
    sentence = "Popular of late" if kind == "rule" else None
    return Record(kind=kind, cited=reasons.get("cited"), sentence=sentence, shared=None)
