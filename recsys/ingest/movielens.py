"""MovieLens in all layouts that GroupLens published: CSV, `::`, tabs and pipes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import pyarrow as pa

from recsys.db.connect import Connection
from recsys.drops.names import list_names
from recsys.drops.zone import Member
from recsys.errors import DropError
from recsys.ingest.delimited import Delimited, read_delimited
from recsys.ingest.encoding import encoding_of
from recsys.ingest.numbers import with_whole_numbers
from recsys.ingest.ratings import in_numbers
from recsys.ingest.source import Reject, Rows

_GENRES_100K = [
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
]


def _double_colon(*layout: str) -> Delimited:
    return Delimited({name: name for name in layout}, "::", layout, quoted=False)


@dataclass(frozen=True)
class Layout:
    """One way of publishing: which file fills which staging table. The ratings are what makes a
    drop.
    """

    population: str
    files: dict[str, tuple[str, Delimited]]  # file name → (staging table, how it is written)
    ratings: str
    users: str | None = None
    """The file that a release in latin-1 has and one in UTF-8 has not; None where all are in
    UTF-8.
    """

    def present(self, members: Mapping[str, Member]) -> Iterator[tuple[Member, str, Delimited]]:
        """The files that are there, each with its staging table and how it is written."""
        encoding = self._encoding(members)
        for file, (table, spec) in self.files.items():
            if file in members:
                yield members[file], table, replace(spec, encoding=encoding)

    def _encoding(self, members: Mapping[str, Member]) -> str:
        """How the files with text are written. What is not in them, ratings, is the same either
        way.
        """
        if self.users is None:
            return "utf8"
        with_text = [
            members[file] for file in self.files if file in members and file != self.ratings
        ]
        return encoding_of(with_text, as_ml_1m=self.users in members)


LAYOUTS = (
    Layout(  # ml-latest, ml-latest-small, ml-20m, ml-25m, ml-32m
        "csv",
        {
            "movies.csv": (
                "movies",
                Delimited({"movieId": "movie_id", "title": "title", "genres": "genres"}),
            ),
            "links.csv": (
                "links",
                Delimited({"movieId": "movie_id", "imdbId": "imdb_id", "tmdbId": "tmdb_id"}),
            ),
            "ratings.csv": (
                "ratings",
                Delimited(
                    {
                        "userId": "user_id",
                        "movieId": "movie_id",
                        "rating": "rating",
                        "timestamp": "rated_at",
                    }
                ),
            ),
            "tags.csv": (
                "tags",
                Delimited(
                    {
                        "userId": "user_id",
                        "movieId": "movie_id",
                        "tag": "tag",
                        "timestamp": "tagged_at",
                    }
                ),
            ),
        },
        ratings="ratings.csv",
    ),
    Layout(  # ml-1m (users.dat), ml-10M100K (tags.dat)
        "double-colon",
        {
            "movies.dat": ("movies", _double_colon("movie_id", "title", "genres")),
            "users.dat": (
                "users",
                _double_colon("user_id", "gender", "age", "occupation", "zip_code"),
            ),
            "ratings.dat": ("ratings", _double_colon("user_id", "movie_id", "rating", "rated_at")),
            "tags.dat": ("tags", _double_colon("user_id", "movie_id", "tag", "tagged_at")),
        },
        ratings="ratings.dat",
        users="users.dat",
    ),
    Layout(
        "ml-100k",
        {
            "u.item": (
                "movies",
                Delimited(
                    {name: name for name in ("movie_id", "title", *_GENRES_100K)},
                    "|",
                    ("movie_id", "title", "released", "video_released", "imdb_url", *_GENRES_100K),
                    quoted=False,
                ),
            ),
            "u.user": (
                "users",
                Delimited(
                    {name: name for name in ("user_id", "gender", "age", "occupation", "zip_code")},
                    "|",
                    ("user_id", "age", "gender", "occupation", "zip_code"),
                    quoted=False,
                ),
            ),
            "u.data": (
                "ratings",
                Delimited(
                    {name: name for name in ("user_id", "movie_id", "rating", "rated_at")},
                    "\t",
                    ("user_id", "movie_id", "rating", "rated_at"),
                    quoted=False,
                ),
            ),
        },
        ratings="u.data",
        users="u.user",
    ),
)


class MovieLens:
    """Ratings, movies, and what stands beside them: tags, links, demographics."""

    name = "movielens"
    tables: tuple[str, ...] = ("movies", "links", "users", "unread_ratings", "ratings", "tags")

    def population(self, members: Mapping[str, Member]) -> str | None:
        return layout_of(members).population

    def rows(self, members: Mapping[str, Member], conn: Connection) -> Iterator[Rows | Reject]:
        yield from self.rows_alone(members)

    def rows_alone(self, members: Mapping[str, Member]) -> Iterator[Rows | Reject]:
        for member, table, spec in layout_of(members).present(members):
            for part in read_delimited(member, spec):
                if isinstance(part, Reject):
                    yield part
                elif table == "ratings":
                    yield from _ratings(member.name, part)
                else:
                    yield Rows(
                        table, member.name, with_whole_numbers(_with_genres(part)), part.num_rows
                    )


def layout_of(members: Mapping[str, Member]) -> Layout:
    """Return the layout whose ratings file is there. Raises DropError naming what is there and what
    was expected.
    """
    for layout in LAYOUTS:
        if layout.ratings in members:
            return layout
    expected = ", ".join(layout.ratings for layout in LAYOUTS)
    raise DropError(f"no ratings file; found {list_names(members)}, expected one of {expected}")


def _ratings(file: str, part: pa.RecordBatch) -> Iterator[Rows]:
    numbers, unread = in_numbers(part)
    yield Rows("ratings", file, numbers, part.num_rows)
    if unread.num_rows:
        numbers, unread = in_numbers(with_whole_numbers(unread))
        yield Rows("ratings", file, numbers, 0)
    if unread.num_rows:
        yield Rows("unread_ratings", file, unread, 0)


def _with_genres(batch: pa.RecordBatch) -> pa.RecordBatch:
    """ml-100k's nineteen flags as the other layouts write genres; other batches as they are."""
    if _GENRES_100K[0] not in batch.schema.names:
        return batch
    flags = [batch[genre].to_pylist() for genre in _GENRES_100K]
    genres = [
        "|".join(g for g, flag in zip(_GENRES_100K[1:], row[1:], strict=True) if flag == "1")
        for row in zip(*flags, strict=True)
    ]
    return pa.RecordBatch.from_pydict(
        {name: batch[name] for name in ("line", "movie_id", "title")} | {"genres": pa.array(genres)}
    )
