"""The layouts in which GroupLens publishes MovieLens, as far as cutting by time needs to know them."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from recsys.errors import DropError

#: What decides when a record enters: its own time, its movie's first event, its user's first rating, or nothing.
Role = Literal["ratings", "tags", "movies", "links", "users", "whole"]


@dataclass(frozen=True)
class File:
    """One published file. Ratings and tags are `user, movie, …, time`; movies, links and users begin with their id."""

    name: str
    role: Role
    header: bytes = b""


@dataclass(frozen=True)
class Layout:
    """A family of releases. `separator` is the number of bytes between two fields."""

    name: str
    separator: int
    quoted: bool
    files: tuple[File, ...]

    @property
    def ratings(self) -> str:
        """The file that tells this layout from the others."""
        return next(file.name for file in self.files if file.role == "ratings")


LAYOUTS = (
    Layout(
        "CSV (ml-latest, ml-latest-small, ml-20m, ml-25m, ml-32m)",
        separator=1,
        quoted=True,
        files=(
            File("ratings.csv", "ratings", b"userId,movieId,rating,timestamp"),
            File("tags.csv", "tags", b"userId,movieId,tag,timestamp"),
            File("movies.csv", "movies", b"movieId,"),
            File("links.csv", "links", b"movieId,"),
        ),
    ),
    Layout(
        ":: (ml-1m, ml-10m)",
        separator=2,
        quoted=False,
        files=(
            File("ratings.dat", "ratings"),
            File("tags.dat", "tags"),
            File("movies.dat", "movies"),
            File("users.dat", "users"),
        ),
    ),
    Layout(
        "tab and | (ml-100k)",
        separator=1,
        quoted=False,
        files=(
            File("u.data", "ratings"),
            File("u.item", "movies"),
            File("u.user", "users"),
            File("u.genre", "whole"),
        ),
    ),
)


def recognise(names: Collection[str], where: str) -> Layout:
    """The layout whose ratings file is there. Raises DropError naming what was found and what each layout needs."""
    for layout in LAYOUTS:
        if layout.ratings in names:
            return layout
    wanted = ", ".join(layout.ratings for layout in LAYOUTS)
    raise DropError(f"{where}: found {', '.join(sorted(names)) or 'no file'}; expected a MovieLens release with one of {wanted}")
