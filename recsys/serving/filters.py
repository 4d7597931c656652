"""What a reader asks of a list, checked: how many movies, from where on, which ones."""

import hashlib
from functools import cache, cached_property
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from recsys.arguments import MOST_ID
from recsys.db.queries import queries

__all__ = ["BatchRequest", "Id", "ListFilters", "ListQuery"]

Id: TypeAlias = Annotated[int, Field(ge=0, le=MOST_ID)]
Genre: TypeAlias = Annotated[str, Field(min_length=1, max_length=100)]
ItemField: TypeAlias = Literal[
    "movie_id", "title", "year", "genres", "rank", "score", "source", "reasons"
]
Year: TypeAlias = Annotated[int, Field(ge=0, le=9_999)]

Explain: TypeAlias = Annotated[bool, Field(description="whether items have reasons")]

#: Of genres, fields and movies that a request may name.
MOST_NAMES = 50
MOST_EXCLUDED = 1_000
MOST_USERS = 1_000


class ListFilters(BaseModel):
    """How many movies, and which."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    n: Annotated[int, Field(ge=1, le=1_000, description="how many movies")] = 10
    offset: Annotated[
        int, Field(ge=0, le=100_000, description="how many of the list to leave out first")
    ] = 0
    genre: Annotated[
        list[Genre], Field(max_length=MOST_NAMES, description="of one of these genres")
    ] = []
    exclude_genre: Annotated[
        list[Genre], Field(max_length=MOST_NAMES, description="of none of these genres")
    ] = []
    year_from: Annotated[Year | None, Field(description="of this year or later")] = None
    year_to: Annotated[Year | None, Field(description="of this year or earlier")] = None
    exclude: Annotated[
        list[Id], Field(max_length=MOST_EXCLUDED, description="movies to leave out, by id")
    ] = []
    fields: Annotated[
        list[ItemField],
        Field(max_length=MOST_NAMES, description="of each item only these, and movie_id"),
    ] = []

    @cached_property
    def is_filtered(self) -> bool:
        """Whether genres or years matter."""
        return bool(self.genre or self.exclude_genre) or (self.year_from, self.year_to) != (
            None,
            None,
        )

    @cached_property
    def request_text(self) -> str:
        """Return all that an answer depends on besides the user and what Postgres has."""
        return f"{release()} {self.model_dump_json(exclude={'user_ids'})}"

    @cached_property
    def params(self) -> dict[str, object]:
        """Return them as parameters of the query `lists`."""
        return {
            "n": self.n,
            "skip": self.offset,
            "genres": self.genre,
            "excluded_genres": self.exclude_genre,
            "year_from": self.year_from,
            "year_to": self.year_to,
            "excluded_ids": self.exclude,
            "fields": ["movie_id", *self.fields] if self.fields else None,
            "is_filtered": self.is_filtered,
            "request": self.request_text,
        }


class ListQuery(ListFilters):
    """The query of one user's list."""

    explain: Explain = False
    fresh: Annotated[
        bool,
        Field(description="ask the champion anew, with what the user has rated through the API"),
    ] = False


class BatchRequest(ListFilters):
    """Lists of many users, with the same filters."""

    explain: Explain = False
    user_ids: Annotated[list[Id], Field(min_length=1, max_length=MOST_USERS)]


@cache
def release() -> str:
    """Return a digest of the queries that make lists: others make other answers."""
    texts = [queries("serving_lists")["lists"], *queries("serving_champion").values()]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:12]
