"""`python -m recsys withdraw|erase`: each shows what it will do, and asks."""

import argparse
import sys
from datetime import UTC, datetime
from getpass import getuser

from rich.prompt import Confirm

from recsys.arguments import ID
from recsys.errors import RequestError
from recsys.settings import Settings
from recsys.terminal import plain, say, terminal

_YES = "do it without asking: for scripts"


def add_removal_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `withdraw` and `erase`; each sets `run`, a function of the arguments."""
    withdraw = _add(
        commands,
        "withdraw",
        _withdraw,
        "let a movie be recommended to nobody from the next publication on",
    )
    withdraw.add_argument("movie", type=ID)
    withdraw.add_argument("--reason", required=True, help="why: kept in the ledger")
    what = withdraw.add_mutually_exclusive_group()
    what.add_argument(
        "--now",
        action="store_true",
        help="also take it out of what readers see, by a copy of the live publication",
    )
    what.add_argument(
        "--undo",
        action="store_true",
        help="let it be recommended again, from the next publication on",
    )
    withdraw.add_argument("--yes", action="store_true", help=_YES)
    erase = _add(
        commands,
        "erase",
        _erase,
        "erase a user and keep a tombstone, so that no drop brings them back",
    )
    erase.add_argument("user", type=ID)
    erase.add_argument(
        "--now",
        action="store_true",
        help="also make a copy of the live publication without the user live",
    )
    erase.add_argument(
        "--refit",
        action="store_true",
        help="then fit the models in use again that learned from erased users",
    )
    erase.add_argument(
        "--bar", action="store_true", help="set the tombstone also where there is no such user yet"
    )
    erase.add_argument("--yes", action="store_true", help=_YES)


def _add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    run,
    description: str,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=description, description=description)
    parser.set_defaults(run=run, needs_schema=True)
    return parser


def _withdraw(options: argparse.Namespace) -> int:
    from recsys.db.connect import connect
    from recsys.removal.withdrawal import find_movie, undo_withdrawal, withdraw_movie

    settings = Settings.from_environment()
    with connect(settings) as conn:
        movie = find_movie(conn, options.movie)
    name = f"movie {options.movie}, {movie.title}"
    if options.undo:
        if not _agreed(f"Let {name}, be recommended again, from the next publication on?", options):
            return _refused()
        _show(undo_withdrawal(settings, options.movie, options.reason, requested_by=getuser()))
        return 0
    when = "now" if options.now else "from the next publication on"
    if not _agreed(f"{movie.place}\nWithdraw {name}, {when}?", options):
        return _refused()
    by = {"requested_by": getuser(), "run_id": _run_id()}
    _show(withdraw_movie(settings, options.movie, options.reason, now=options.now, **by))
    return 0


def _erase(options: argparse.Namespace) -> int:
    from recsys.db.connect import connect
    from recsys.removal.erasure import check_person, erase_user, find_person
    from recsys.removal.refits import refit_versions, versions_to_refit

    settings = Settings.from_environment()
    with connect(settings) as conn:
        person = find_person(conn, options.user)
    check_person(person, bar=options.bar)
    if person.erased_at and not person.is_known:
        _show(
            f"user {options.user} was erased on {person.erased_at:%Y-%m-%d}: nothing of them is "
            "left here"
        )
    elif not _agreed(
        f"{person.what_goes}\nErase user {options.user} for good? There is no undo.", options
    ):
        return _refused()
    counts = erase_user(
        settings,
        options.user,
        now=options.now,
        bar=options.bar,
        requested_by=getuser(),
        run_id=_run_id(),
    )
    _show(
        f"user {options.user} is erased: "
        + ", ".join(f"{n:,} {name}" for name, n in counts.items())
    )
    _show(f"What still holds user {options.user}, and until when:\n{person.what_stays}")
    if options.refit:
        for line in refit_versions(settings, run_id=_run_id()):
            _show(line)
    else:
        with connect(settings) as conn:
            waiting = ", ".join(row.model_version for row in versions_to_refit(conn))
        if waiting:
            _show(
                f"versions in use that wait to be fitted again: {waiting} (python -m recsys "
                f"erase {options.user} --refit)"
            )
    return 0


def _agreed(question: str, options: argparse.Namespace) -> bool:
    """Return whether a person agrees. Raises RequestError where nobody is there to ask."""
    if options.yes:
        return True
    *facts, ask = question.split("\n")
    for fact in facts:
        _show(fact)
    if not sys.stdin.isatty():
        raise RequestError(
            f"{ask} Nobody is at a terminal to answer; expected --yes. Nothing was changed"
        )
    return Confirm.ask(plain(ask), default=False, console=terminal())


def _refused() -> int:
    _show("Nothing was changed")
    return 1


def _show(text: str) -> None:
    say(terminal(), text)


def _run_id() -> str:
    return f"{getuser()} at a terminal, {datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}"
