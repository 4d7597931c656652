"""The first page: find a user or a movie, and see what most people are recommended this week."""

import re

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from recsys.serving.pages.asking import MOST_ID, ask, ask_once, ask_one, live_publication, now
from recsys.serving.pages.rendering import Record, render
from recsys.serving.pages.titles import name_and_year

__all__ = ["home", "search"]

#: Longer than any title.
MOST_TEXT = 200


async def home(request: Request) -> Response:
    """Show where to begin, and the week's headline figures."""
    live = await live_publication(request)
    if live is None:
        return render(request, "home.html.jinja", live=None)
    key = (live.publication_id,)
    publication = {"publication_id": live.publication_id}
    popular = await ask_once(request, key, "home", "most_recommended", n=12, **publication)
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
    """Return movies whose title has every word of a text, those with most votes first."""
    name, year = name_and_year(text)
    words = [*re.findall(r"[^\s,]+", name), *([f"({year})"] if year else [])][:12]
    patterns = [f"%{_literal(word)}%" for word in words]
    return await ask(request, "home", "search_movies", words=patterns, n=n) if patterns else []


def _literal(word: str) -> str:
    """Return a word as a LIKE pattern that means itself."""
    return re.sub(r"([\\%_])", r"\\\1", word)
