"""A user: history on the left, list on the right; as of any past week, this week beside last, and
champion beside challenger.
"""

from dataclasses import dataclass

from fastapi import HTTPException, Request
from starlette.responses import Response

from recsys.serving.pages.asking import ask, ask_one, date_of, id_of, live_publication, number_of
from recsys.serving.pages.rendering import Record, parsed, render

__all__ = ["user"]

#: Ratings of a history that a page shows at a time.
PAGE = 20
#: Deeper than any list is stored.
DEPTH = 100_000
#: The reason of what the fallback, or popularity, chose.
RULE = Record(
    kind="rule",
    sentence="Popular of late in the genres that this user likes",
    cited=None,
    shared=None,
)


@dataclass(frozen=True)
class Filters:
    """Which of a list's movies are shown."""

    genres: tuple[str, ...]
    without: tuple[str, ...]
    year_from: int | None
    year_to: int | None

    @classmethod
    def of(cls, request: Request) -> "Filters":
        """Read them from an address."""
        return cls(
            genres=tuple(request.query_params.getlist("genre"))[:20],
            without=tuple(request.query_params.getlist("without"))[:20],
            year_from=number_of(request, "year_from", 1800, 2200),
            year_to=number_of(request, "year_to", 1800, 2200),
        )

    @property
    def is_on(self) -> bool:
        """Return whether there is any."""
        return bool(self.genres or self.without or self.year_from or self.year_to)

    def admits(self, movie: Record) -> bool:
        """Return whether a movie passes all of them."""
        genres = set(movie.genres)
        if self.genres and not genres & set(self.genres):
            return False
        if genres & set(self.without):
            return False
        if self.year_from and (movie.year is None or movie.year < self.year_from):
            return False
        return not (self.year_to and (movie.year is None or movie.year > self.year_to))


async def user(request: Request) -> Response:
    """Show a user's history and list, or a part of them."""
    user_id = id_of(request, "user_id")
    publications = await ask(request, "users", "publications")
    shown = await _publication(request, publications)
    if shown is None:
        return render(request, "user.html.jinja", user_id=user_id, shown=None)
    snapshot = {"user_id": user_id, "as_of": shown.as_of, "watermark": shown.watermark}
    about = await ask_one(request, "users", "about", **snapshot)
    skip = number_of(request, "skip", 0, 10_000_000) or 0
    history = await ask(request, "users", "history", n=PAGE + 1, skip=skip, **snapshot)
    context = {
        "user_id": user_id,
        "shown": shown,
        "history": history[:PAGE],
        "next_skip": skip + PAGE if len(history) > PAGE else None,
        "about": about,
    }
    if request.query_params.get("part") == "history":
        return render(request, "user_history.html.jinja", **context)
    context |= await _lists(request, user_id, shown, publications)
    return render(request, "user.html.jinja", publications=publications, **context)


async def _publication(request: Request, publications: list[Record]) -> Record | None:
    """Return the publication to show: the live one, or that of a week. Raises HTTPException 404
    for a week that was not published.
    """
    as_of = date_of(request, "as_of")
    if as_of is None:
        live = await live_publication(request)
        if live is None:
            return None
        live.is_live, live.dropped_at, live.challenger_id = True, None, None
        return live
    for publication in publications:
        if publication.as_of == as_of:
            return publication
    raise HTTPException(404, f"No week {as_of} was published.")


async def _lists(
    request: Request, user_id: int, shown: Record, publications: list[Record]
) -> dict[str, object]:
    """Return the list, and what it is shown beside."""
    filters = Filters.of(request)
    whole = await _list(request, user_id, shown, DEPTH)
    movies = [movie for movie in whole if filters.admits(movie)][: shown.top_n]
    await _explain(request, user_id, shown, movies)
    beside, beside_name = await _beside(request, shown, publications)
    other: list[Record] = []
    if beside is not None:
        other = await _list(request, user_id, beside, beside.top_n)
    return {
        "movies": movies,
        "n_all": len(whole),
        "fallback": [] if whole else await _fallback(request, shown),
        "filters": filters,
        "genres": sorted({genre for movie in whole for genre in movie.genres}),
        "beside": beside,
        "beside_name": beside_name,
        "beside_chosen": request.query_params.get("beside", ""),
        "other": other,
        "other_ranks": {movie.movie_id: movie.rank for movie in other},
        "common": len({movie.movie_id for movie in movies} & {movie.movie_id for movie in other}),
        "own_ranks": {movie.movie_id: movie.rank for movie in movies},
    }


async def _list(request: Request, user_id: int, publication: Record, depth: int) -> list[Record]:
    """Return the first movies of a user's list in a publication."""
    ids = {"publication_id": publication.publication_id, "user_id": user_id}
    return await ask(request, "users", "list", depth=depth, **ids)


async def _fallback(request: Request, publication: Record) -> list[Record]:
    """Return what users without a list get."""
    ids = {"publication_id": publication.publication_id}
    return await ask(request, "users", "fallback", n=publication.top_n, **ids)


async def _explain(
    request: Request, user_id: int, publication: Record, movies: list[Record]
) -> None:
    """Add its reason to each movie that has one."""
    ids = {"publication_id": publication.publication_id, "user_id": user_id}
    rows = parsed(await ask(request, "users", "reasons", **ids), "cited", "shared")
    by_rank = {row.rank: row for row in rows}
    for movie in movies:
        movie.reason = RULE if movie.reason_kind == "rule" else by_rank.get(movie.rank)


async def _beside(
    request: Request, shown: Record, publications: list[Record]
) -> tuple[Record | None, str]:
    """Return the publication that the list is shown beside, and what it is."""
    wish = request.query_params.get("beside", "")
    if wish == "last":
        earlier = [each for each in publications if each.as_of < shown.as_of]
        return (earlier[0], "the week before") if earlier else (None, "the week before")
    if wish == "challenger":
        challengers = await ask(request, "users", "challengers", as_of=shown.as_of)
        return (challengers[0] if challengers else None), "the challenger"
    return None, ""
