"""Ratings that people gave through the API, in the drops that `collect_feedback` writes."""

from collections.abc import Iterator, Mapping

from recsys.drops.zone import Member
from recsys.ingest import tables
from recsys.ingest.delimited import Delimited, read_delimited
from recsys.ingest.ratings import ANY_USER, UnreadRatingsTable, rating_rows
from recsys.ingest.source import Reject, Rows, Source, require_files

RATINGS = "ratings.csv"
_RATINGS = Delimited(
    {"userId": "user_id", "movieId": "movie_id", "rating": "rating", "timestamp": "rated_at"}
)


class Feedback(Source):
    """Ratings of the database's own users, and of those who came through the API.

    So it names no population, and what it has of a user says nothing about another release.
    """

    name = "feedback"
    tables = (UnreadRatingsTable("unread_ratings", ("reject_unread_ratings",)), tables.RATINGS)

    def rows_alone(self, members: Mapping[str, Member]) -> Iterator[Rows | Reject]:
        require_files(members, (RATINGS,))
        for part in read_delimited(members[RATINGS], _RATINGS):
            if isinstance(part, Reject):
                yield part
            else:
                yield from rating_rows(RATINGS, part, users_below=ANY_USER)
