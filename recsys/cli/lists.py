"""What users get: `recommend` shows their lists, `predict` a rating."""

from argparse import Namespace
from typing import TYPE_CHECKING

from recsys.arguments import ID, LENGTH, MINUTES, YEAR
from recsys.cli import screen
from recsys.cli.command import Argument, Command
from recsys.errors import RequestError
from recsys.settings import Settings

if TYPE_CHECKING:
    from recsys.db.connect import Connection
    from recsys.features.catalogue import Description

__all__ = ["COMMANDS"]


def show_lists(options: Namespace) -> None:
    """Show the lists of one user, or of a few; say where a list is shorter than requested."""
    from recsys.db.connect import connect
    from recsys.show import show_user

    with connect(Settings.from_environment()) as conn:
        users = _users(conn, options)
        lengths = [show_user(conn, screen.console, user, options.n or 10) for user in users]
    longest = max(lengths, default=0)
    if options.n and users and longest < options.n:
        screen.answer(
            f"A list has {longest} movies, not {options.n}: its week was run with so many "
            "(top_n), or no more are left."
        )


def _users(conn: "Connection", options: Namespace) -> list[int]:
    from recsys.show import users_to_show

    if options.user is not None:
        return [options.user]
    with screen.progress("looking for users with short and long histories"):
        return users_to_show(conn, 3)


def predict_rating(options: Namespace) -> None:
    """Print the stars that a user would give a movie: one of the catalogue, or one that the options
    describe.
    """
    check_movie(options)
    with screen.progress("loading the libraries") as progress:
        from recsys.db.connect import connect
        from recsys.prediction import predict_movie, predict_stars
        from recsys.registry.store import Registry

        settings = Settings.from_environment()
        registry = Registry(settings)
        with connect(settings) as conn:
            progress.show("loading the newest model that predicts ratings")
            if options.movie is not None:
                answer = predict_movie(conn, registry, options.user, options.movie).sentence
            else:
                movie = _movie(conn, options)
                stars = predict_stars(conn, registry, options.user, movie)
                answer = f"{movie.title!r} {stars:.2f} stars"
    screen.answer(f"user {options.user} would give {answer}")


def check_movie(options: Namespace) -> None:
    """Raise RequestError unless the options name one movie: by its number, or by its title."""
    if (options.movie is None) == (options.title is None):
        raise RequestError(
            "expected a movie: its movie_id, or --title and what else is known of one that no drop "
            "has; and not both"
        )


def _movie(conn: "Connection", options: Namespace) -> "Description":
    from recsys.features.catalogue import Description
    from recsys.prediction import persons_named

    return Description(
        title=options.title,
        genres=tuple(options.genre),
        directors=persons_named(conn, options.director, "director"),
        actors=persons_named(conn, options.actor, "actor"),
        runtime=options.runtime,
        year=options.year,
    )


USERS = (
    Argument(
        "user",
        type=ID,
        nargs="?",
        help="a user id; without one, three users of the live publication",
    ),
    Argument("-n", type=LENGTH, help="how many of each (default 10)"),
)
MOVIE = (
    Argument("user", type=ID, help="a user id"),
    Argument("movie", type=ID, nargs="?", help="a movie id; without one, describe a movie"),
    Argument("--title", help="of a movie that is described, without its year"),
    Argument(
        "--genre",
        action="append",
        default=[],
        help="may be given again, as may --director and --actor",
    ),
    Argument("--director", action="append", default=[], metavar="NAME", help="as IMDb writes it"),
    Argument("--actor", action="append", default=[], metavar="NAME", help="as IMDb writes it"),
    Argument("--runtime", type=MINUTES, metavar="MINUTES", help="how long it is"),
    Argument("--year", type=YEAR, help="in which it came out"),
)
COMMANDS = (
    Command("recommend", show_lists, "show what a user liked and is recommended now", USERS),
    Command(
        "predict",
        predict_rating,
        "say how many stars a user would give a movie, or one that is described here",
        MOVIE,
    ),
)
