"""A source as another publisher's might be: films and the stars that persons give them, in columns
of their own names and order.
"""

from collections.abc import Iterator, Mapping

from recsys.drops.zone import Member
from recsys.ingest import tables
from recsys.ingest.delimited import Delimited, read_delimited
from recsys.ingest.ratings import rating_rows
from recsys.ingest.source import Reject, Rows, Source, require_files

FILMS, STARS = "films.psv", "stars.psv"
_FILMS = Delimited({"film": "movie_id", "name": "title", "kinds": "genres"}, "|", quoted=False)
_STARS = Delimited(
    {"film": "movie_id", "stars": "rating", "person": "user_id", "when": "rated_at"},
    "|",
    quoted=False,
)


class Toy(Source):
    name = "toy"
    tables = (tables.MOVIES, tables.UNREAD_RATINGS, tables.RATINGS)

    def population(self, members: Mapping[str, Member]) -> str | None:
        return "toy"

    def rows_alone(self, members: Mapping[str, Member]) -> Iterator[Rows | Reject]:
        require_files(members, (FILMS, STARS))
        for part in read_delimited(members[FILMS], _FILMS):
            if isinstance(part, Reject):
                yield part
            else:
                yield Rows("movies", FILMS, part, part.num_rows)
        for part in read_delimited(members[STARS], _STARS):
            if isinstance(part, Reject):
                yield part
            else:
                yield from rating_rows(STARS, part)
