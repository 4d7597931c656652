"""The layouts that GroupLens published MovieLens in. A new one is an entry in LAYOUTS."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from recsys.drops.names import list_names
from recsys.drops.zone import Member
from recsys.errors import DropError
from recsys.ingest.delimited import Delimited
from recsys.ingest.encoding import encoding_of

#: ml-100k's flags, in their order.
GENRES_100K = (
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
)
_RATING = ("user_id", "movie_id", "rating", "rated_at")
_USER = ("user_id", "gender", "age", "occupation", "zip_code")


@dataclass(frozen=True)
class LayoutFile:
    """One file of a layout, the staging table that its rows are for, and how it is written."""

    name: str
    table: str
    spec: Delimited


@dataclass(frozen=True)
class Layout:
    """One way of publishing. The ratings are what makes a drop."""

    population: str
    files: tuple[LayoutFile, ...]
    ratings: str
    users: str | None = None
    """The file that a release in latin-1 has and one in UTF-8 has not; None where all are in
    UTF-8.
    """
    whole: tuple[str, ...] = ()
    """Files that are no rows, of which a replay gives every drop a copy."""

    def present(self, members: Mapping[str, Member]) -> Iterator[LayoutFile]:
        """The files that are there, in the encoding that they are written in."""
        encoding = self._encoding(members)
        for file in self.files:
            if file.name in members:
                yield replace(file, spec=replace(file.spec, encoding=encoding))

    def _encoding(self, members: Mapping[str, Member]) -> str:
        """How the files with text are written. What is not in them, ratings, is the same either
        way.
        """
        if self.users is None:
            return "utf8"
        with_text = [
            members[file.name]
            for file in self.files
            if file.name in members and file.name != self.ratings
        ]
        return encoding_of(with_text, as_ml_1m=self.users in members)


def layout_of(members: Mapping[str, Member]) -> Layout:
    """Return the layout whose ratings file is there. Raises DropError naming what is there and what
    was expected.
    """
    for layout in LAYOUTS:
        if layout.ratings in members:
            return layout
    expected = ", ".join(layout.ratings for layout in LAYOUTS)
    raise DropError(f"no ratings file; found {list_names(members)}, expected one of {expected}")


def _csv(name: str, table: str, **columns: str) -> LayoutFile:
    return LayoutFile(name, table, Delimited(columns))


def _double_colon(name: str, table: str, *columns: str) -> LayoutFile:
    return _without_header(name, table, "::", columns)


def _without_header(
    name: str,
    table: str,
    delimiter: str,
    layout: tuple[str, ...],
    columns: tuple[str, ...] | None = None,
) -> LayoutFile:
    """A file without header: `layout` are all its columns, `columns` those that we take."""
    ours = {column: column for column in columns or layout}
    return LayoutFile(name, table, Delimited(ours, delimiter, layout, quoted=False))


#: In the order in which a drop's ratings are looked for.
LAYOUTS = (
    Layout(  # ml-latest, ml-latest-small, ml-20m, ml-25m, ml-32m
        "csv",
        (
            _csv("movies.csv", "movies", movieId="movie_id", title="title", genres="genres"),
            _csv("links.csv", "links", movieId="movie_id", imdbId="imdb_id", tmdbId="tmdb_id"),
            _csv(
                "ratings.csv",
                "ratings",
                userId="user_id",
                movieId="movie_id",
                rating="rating",
                timestamp="rated_at",
            ),
            _csv(
                "tags.csv",
                "tags",
                userId="user_id",
                movieId="movie_id",
                tag="tag",
                timestamp="tagged_at",
            ),
        ),
        ratings="ratings.csv",
    ),
    Layout(  # ml-1m (users.dat), ml-10M100K (tags.dat)
        "double-colon",
        (
            _double_colon("movies.dat", "movies", "movie_id", "title", "genres"),
            _double_colon("users.dat", "users", *_USER),
            _double_colon("ratings.dat", "ratings", *_RATING),
            _double_colon("tags.dat", "tags", "user_id", "movie_id", "tag", "tagged_at"),
        ),
        ratings="ratings.dat",
        users="users.dat",
    ),
    Layout(
        "ml-100k",
        (
            _without_header(
                "u.item",
                "movies",
                "|",
                ("movie_id", "title", "released", "video_released", "imdb_url", *GENRES_100K),
                ("movie_id", "title", *GENRES_100K),
            ),
            _without_header(
                "u.user",
                "users",
                "|",
                ("user_id", "age", "gender", "occupation", "zip_code"),
                _USER,
            ),
            _without_header("u.data", "ratings", "\t", _RATING),
        ),
        ratings="u.data",
        users="u.user",
        whole=("u.genre",),
    ),
)
