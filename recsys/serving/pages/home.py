"""The first page: find a user or a movie, and see what most people are recommended this week."""

import json

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from recsys.serving.pages.asking import (
    MOST_ID,
    ask_once,
    ask_one,
    database_of,
    live_publication,
    now,
)
from recsys.serving.pages.rendering import Record, render

__all__ = ["home", "movies_like", "popular_movies", "search"]

#: Longer than any title.
MOST_TEXT = 200


async def home(request: Request) -> Response:
    """Show where to begin, and the week's headline figures."""
    live = await live_publication(request)
    if live is None:
        return render(request, "home.html.jinja", live=None)
    key = (live.publication_id,)
    publication = {"publication_id": live.publication_id}
    popular = await popular_movies(request, live)
    people = await ask_once(request, key, "home", "some_users", n=8, **publication)
    headline = await ask_one(request, "home", "headline", as_of=live.as_of)
    return render(
        request,
        "home.html.jinja",
        live=live,
        headline=headline,
        popular=popular,
        people=people,
        now=now(),
    )


async def popular_movies(request: Request, live: Record) -> list[Record]:
    """Return the movies that are in most lists of a publication."""
    ids = {"publication_id": live.publication_id}
    return await ask_once(request, (live.publication_id,), "home", "most_recommended", n=12, **ids)


async def search(request: Request) -> Response:
    """Show the users and movies that a text may mean."""
    text = request.query_params.get("q", "").replace("\0", "").strip()[:MOST_TEXT]
    user_id = int(text) if text.isascii() and text.isdigit() and int(text) <= MOST_ID else None
    movies = await movies_like(request, text) if text else []
    if user_id is not None and not movies and "hx-request" not in request.headers:
        return RedirectResponse(f"users/{user_id}", 303)
    has_list = False
    live = await live_publication(request) if user_id is not None else None
    if live:
        row = await ask_one(
            request, "home", "has_list", publication_id=live.publication_id, user_id=user_id
        )
        has_list = bool(row and row.has_list)
    return render(
        request,
        "search.html.jinja",
        text=text,
        user_id=user_id,
        has_list=has_list,
        movies=movies,
    )


async def movies_like(request: Request, text: str, n: int = 30) -> list[Record]:
    """Return movies by words of their title and people, slips forgiven, the best match first."""
    answer = await database_of(request).value(
        str, "serving_movies", "search", q=text, n=n, offset=0
    )
    return [Record(**item) for item in json.loads(answer or "{}").get("items", [])]
