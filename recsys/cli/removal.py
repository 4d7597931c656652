"""Removing what must go: `withdraw` and `erase`. Each shows what it will do, and asks. `export`
shows what there is of a user.
"""

import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from getpass import getuser
from typing import TYPE_CHECKING

from rich.prompt import Confirm

from recsys.arguments import ID
from recsys.cli import screen
from recsys.cli.command import Argument, Command, OneOf, run_id_of_command
from recsys.errors import RequestError
from recsys.removal.requester import Requester
from recsys.settings import Settings
from recsys.terminal import plain

if TYPE_CHECKING:
    from recsys.removal.person import Person
    from recsys.removal.withdrawal import Movie

__all__ = ["COMMANDS"]


def withdraw(options: Namespace) -> int:
    """Withdraw a movie, or undo its withdrawal; exit status 1 where a person says no."""
    from recsys.db.connect import connect
    from recsys.removal.withdrawal import find_movie

    settings = Settings.from_environment()
    with connect(settings) as conn:
        movie = find_movie(conn, options.movie)
    question = _question(movie, options)
    return _if_agreed(question, options, lambda: [withdraw_or_undo(settings, options)])


def _question(movie: "Movie", options: Namespace) -> str:
    if options.undo:
        return f"Let {movie}, be recommended again, from the next publication on?"
    when = "now" if options.now else "from the next publication on"
    return f"{movie.place}\nWithdraw {movie}, {when}?"


def withdraw_or_undo(settings: Settings, options: Namespace) -> str:
    from recsys.removal.withdrawal import undo_withdrawal, withdraw_movie

    movie_id, reason, requester = options.movie, options.reason, _requester()
    if options.undo:
        return undo_withdrawal(settings, movie_id, reason, requester=requester)
    return withdraw_movie(settings, movie_id, reason, now=options.now, requester=requester)


def erase(options: Namespace) -> int:
    """Erase a user; exit status 1 where a person says no."""
    from recsys.db.connect import connect
    from recsys.removal.person import find_person

    settings = Settings.from_environment()
    with connect(settings) as conn:
        person = find_person(conn, options.user)
    person.check(bar=options.bar)
    if person.is_erased:
        screen.answer(f"{person.erasure}: nothing of them is left here")
        return _show_all(_erased(settings, person, options))
    question = f"{person.what_goes}\nErase user {options.user} for good? There is no undo."
    return _if_agreed(question, options, lambda: _erased(settings, person, options))


def _erased(settings: Settings, person: "Person", options: Namespace) -> Iterator[str]:
    """Erase a user; yield what went, what still holds them, and what comes of the models."""
    from recsys.removal.erasure import erase_user

    user, requester = options.user, _requester()
    counts = erase_user(settings, user, now=options.now, bar=options.bar, requester=requester)
    rows = ", ".join(f"{n:,} {name}" for name, n in counts.items())
    yield f"user {user} is erased: {rows}"
    yield f"What still holds user {user}, and until when:\n{person.what_stays}"
    yield from refits(settings, options, requester)


def refits(settings: Settings, options: Namespace, requester: Requester) -> Iterator[str]:
    """Fit models again that learned from erased users, or yield which of them wait for it."""
    from recsys.db.connect import connect
    from recsys.removal.refits import refit_versions, versions_to_refit

    if options.refit:
        yield from refit_versions(settings, run_id=requester.run_id)
        return
    with connect(settings) as conn:
        waiting = ", ".join(version.model_version for version in versions_to_refit(conn))
    if waiting:
        yield (
            f"versions in use that wait to be fitted again: {waiting} (python -m recsys erase "
            f"{options.user} --refit)"
        )


def export(options: Namespace) -> None:
    """Write everything of a user as JSON to standard output."""
    from recsys.removal.export import export_user

    sys.stdout.write(export_user(Settings.from_environment(), options.user) + "\n")


def _if_agreed(question: str, options: Namespace, act: Callable[[], Iterable[str]]) -> int:
    """Show what an act says if a person agrees to it; return the command's status."""
    if agreed(question, options):
        return _show_all(act())
    screen.answer("Nothing was changed")
    return 1


def agreed(question: str, options: Namespace) -> bool:
    """Return whether a person agrees. Raises RequestError where nobody is there to ask."""
    if options.yes:
        return True
    *facts, ask = question.split("\n")
    for fact in facts:
        screen.answer(fact)
    if not sys.stdin.isatty():
        raise RequestError(
            f"{ask} Nobody is at a terminal to answer; expected --yes. Nothing was changed"
        )
    return Confirm.ask(plain(ask), default=False, console=screen.console)


def _show_all(texts: Iterable[str]) -> int:
    """Show texts as they come; return the exit status of success."""
    with screen.progress("at work") as progress:
        for text in texts:
            progress.answer(text)
    return 0


def _requester() -> Requester:
    return Requester(getuser(), run_id_of_command())


def _flag(name: str, text: str) -> Argument:
    return Argument(name, action="store_true", help=text)


YES = _flag("--yes", "do it without asking: for scripts")
COMMANDS = (
    Command(
        "withdraw",
        withdraw,
        "let a movie be recommended to nobody from the next publication on",
        (
            Argument("movie", type=ID, help="its movie_id"),
            Argument("--reason", required=True, help="why: kept in the ledger"),
            OneOf(
                _flag(
                    "--now",
                    "also take it out of what readers see, by a copy of the live publication",
                ),
                _flag("--undo", "let it be recommended again, from the next publication on"),
            ),
            YES,
        ),
    ),
    Command(
        "erase",
        erase,
        "erase a user and keep a tombstone, so that no drop brings them back",
        (
            Argument("user", type=ID, help="the user_id"),
            _flag("--now", "also make a copy of the live publication without the user live"),
            _flag("--refit", "then fit the models in use again that learned from erased users"),
            _flag("--bar", "set the tombstone also where there is no such user yet"),
            YES,
        ),
    ),
    Command(
        "export",
        export,
        "write everything that is kept of a user as JSON, to standard output",
        (Argument("user", type=ID, help="the user_id"),),
    ),
)
