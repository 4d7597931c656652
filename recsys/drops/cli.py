"""`python -m recsys drops list|check|replay`."""

import argparse
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg import OperationalError
from pydantic import SecretStr, ValidationError
from rich.console import Console
from rich.filesize import decimal
from rich.progress import Progress

from recsys.arguments import DAY, whole
from recsys.drops.zone import AHEAD, SUCCESS, Drop, LandingZone, is_ahead
from recsys.errors import DropError
from recsys.ingest import SOURCES
from recsys.settings import Settings
from recsys.terminal import say, table, terminal

if TYPE_CHECKING:
    from recsys.db.connect import Connection
    from recsys.drops.check import Verdict

#: Of a replay: none is the initial drop alone, and nobody has rated for a hundred years.
WEEKS_AFTER = whole(0, 5_000)
NO_DROP = f"no complete drop here; expected movielens/<YYYY-MM-DD>/ with {SUCCESS} in it"
_FILES_ALONE = (
    "checked is what the files alone can say (checksums, archives, layout, columns, text); "
    "not their values, and not whether their users are those that the database knows"
)


def add_drops_command(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `drops` and its three commands; each sets `run`, a function of the arguments that returns
    the exit status.
    """
    commands = subparsers.add_parser(
        "drops", help="the landing zone: list, check, replay"
    ).add_subparsers(required=True)
    _add(commands, "list", _list, "every drop with its date, completeness, files and size")
    check = _add(
        commands,
        "check",
        _check,
        "say of all complete drops, or of one, what taking it in would say; changes nothing; exit "
        "1 where one is refused",
    )
    check.add_argument("source", nargs="?", choices=SOURCES, help="only this source")
    check.add_argument("date", nargs="?", type=DAY, help="only the drop of this date, YYYY-MM-DD")
    play = _add(
        commands,
        "replay",
        _replay,
        "cut a published MovieLens data set by time into one initial drop and weekly ones",
    )
    play.add_argument("data", type=Path, help="the data set as published: a folder or a zip")
    play.add_argument(
        "--weeks",
        type=WEEKS_AFTER,
        default=3,
        metavar="N",
        help="weekly drops after the initial one (default 3)",
    )
    play.add_argument(
        "--imdb",
        type=Path,
        metavar="PATH",
        help="IMDb's TSVs as published, put at every date: a folder or a zip",
    )


def _add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, run, told: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=told, description=told)
    parser.add_argument("--drops", metavar="URI", help="the landing zone (default: RECSYS_DROPS)")
    parser.set_defaults(run=run, needs_schema=False)
    return parser


def _zone(args: argparse.Namespace) -> LandingZone:
    """The landing zone. It needs no database, which Settings otherwise insists on. Raises DropError
    where there can be none.
    """
    zone = LandingZone(args.drops or Settings(database_url=SecretStr("")).drops)
    zone.path("")
    return zone


def _list(args: argparse.Namespace) -> int:
    zone, console = _zone(args), terminal()
    rows: list[list[str]] = []
    notes: list[str] = []
    for source in SOURCES:
        try:
            complete = zone.drops(source)
            drops = sorted([*complete, *zone.incomplete(source)], key=lambda drop: drop.date)
        except DropError as error:
            notes.append(str(error))
            continue
        rows += [_row(zone, drop, is_complete=drop in complete, notes=notes) for drop in drops]
        notes += _warnings(complete)
    if not rows:
        notes.append(NO_DROP)
    columns = ("source", "date", "complete", "files", "size")
    console.print(table(columns, rows, title=f"drops in {zone.uri}", whole=("date", "size")))
    _say(console, *notes)
    return 0


def _row(zone: LandingZone, drop: Drop, *, is_complete: bool, notes: list[str]) -> list[str]:
    """A drop's cells. What cannot be read in it is a note below the table, where there is room for
    a sentence.
    """
    try:
        files = zone.files(drop)
        names, size = (
            (", ").join(file.name for file in files),
            decimal(sum(file.size for file in files)),
        )
    except DropError as error:
        names, size = "cannot be read: see below", "–"
        notes.append(f"{_name(drop)}: {error.reason}")
    return [drop.source, str(drop.date), "yes" if is_complete else "no", names, size]


def _warnings(drops: Iterable[Drop]) -> list[str]:
    """A sentence for each complete drop of the future, unless generated data may lie there."""
    if Settings(database_url=SecretStr("")).allow_future:
        return []
    today = datetime.now(UTC).date()
    return [
        f"warning: {_name(drop)}: more than {AHEAD.days} days after today ({today}): no week runs "
        "for it; "
        "expected a date that has come, unless RECSYS_ALLOW_FUTURE=true says that data are "
        "generated"
        for drop in drops
        if is_ahead(drop.date, today)
    ]


def _name(drop: Drop) -> str:
    return f"{drop.source} {drop.date}"


def _say(console: Console, *lines: str) -> None:
    for line in lines:
        say(console, line)


def _check(args: argparse.Namespace) -> int:
    zone, console = _zone(args), terminal()
    _say(console, f"drops in {zone.uri}")
    if args.date is not None and not zone.is_complete(args.source, args.date):
        _say(console, f"{args.source} {args.date}: not complete: no {SUCCESS}")
        return 1
    drops, problems = _complete_drops(zone)
    wanted = [
        drop
        for drop in drops
        if args.source in (None, drop.source) and args.date in (None, drop.date)
    ]
    if args.date is None:
        problems += _strange(zone, args.source)
    _say(console, *problems, *_warnings(wanted))
    if args.date is None:
        _say(console, *_waiting(zone, args.source))
    if not drops:
        _say(console, NO_DROP)
    n_refused = 0
    for verdict in _verdicts(zone, drops, wanted, console):
        n_refused += verdict.is_refused
        _say(
            console,
            f"{_name(verdict.drop)}: {'refused: ' if verdict.is_refused else ''}{verdict.sentence}",
        )
        _say(console, *(f"    {row}" for row in verdict.bad_rows))
    return 1 if n_refused or problems else 0


def _complete_drops(zone: LandingZone) -> tuple[list[Drop], list[str]]:
    """The drops of all sources, and a sentence for each source whose folder cannot be read."""
    drops: list[Drop] = []
    problems: list[str] = []
    for source in SOURCES:
        try:
            drops += zone.drops(source)
        except DropError as error:
            problems.append(str(error))
    return drops, problems


def _strange(zone: LandingZone, source: str | None) -> list[str]:
    """A sentence for each name in a source's folder that is no drop, complete or on its way."""
    names: list[str] = []
    for each in (source,) if source else SOURCES:
        with suppress(DropError):  # the folder cannot be read: that has been said
            names += [f"{each}/{name}" for name in zone.strange(each)]
    return [f"{name}: strange; expected a folder named YYYY-MM-DD" for name in names]


def _waiting(zone: LandingZone, source: str | None) -> list[str]:
    """A sentence for each drop that is not complete: it is no problem yet."""
    drops: list[Drop] = []
    for each in (source,) if source else SOURCES:
        with suppress(DropError):
            drops += zone.incomplete(each)
    return [f"{_name(drop)}: not complete: no {SUCCESS}; it is not checked" for drop in drops]


def _verdicts(
    zone: LandingZone, drops: list[Drop], wanted: list[Drop], console: Console
) -> "Iterator[Verdict]":
    from recsys.drops.check import check_files, check_in_database

    max_bad_share = Settings(database_url=SecretStr("")).max_bad_share
    with _database() as database:
        if not isinstance(database, str):
            newest = max((drop.date for drop in wanted), default=date.min)
            needed = [drop for drop in drops if drop.date <= newest]
            yield from check_in_database(
                database, zone, needed, wanted, max_bad_share=max_bad_share
            )
            return
        _say(console, f"{database}: {_FILES_ALONE}")
        for drop in wanted:
            yield check_files(zone, drop, max_bad_share=max_bad_share)


@contextmanager
def _database() -> "Iterator[Connection | str]":
    """The pipeline's database, or why there is none to ask."""
    from recsys.db.connect import connect

    try:
        settings = Settings.from_environment()
    except ValidationError:
        yield "RECSYS_DATABASE_URL is not set"
        return
    with ExitStack() as stack:
        try:
            conn = stack.enter_context(connect(settings))
        except OperationalError as error:
            yield str(error).splitlines()[0]
            return
        yield (
            conn
            if _has_schema(conn)
            else ("the database has no schema yet (python -m recsys migrate)")
        )


def _has_schema(conn: "Connection") -> bool:
    from recsys.db.connect import one_row
    from recsys.db.queries import queries

    return one_row(conn, queries("drops")["has_schema"]).ok


def _replay(args: argparse.Namespace) -> int:
    from recsys.drops.replay import replay

    zone, console = _zone(args), terminal()
    with Progress(console=console) as bars:
        bar = bars.add_task("reading", total=None)

        def show_progress(done: int, total: int) -> None:
            bars.update(bar, completed=done, total=total)

        dates = replay(
            args.data, zone.uri, weeks=args.weeks, imdb=args.imdb, progress=show_progress
        )
        bars.update(bar, completed=1, total=1)
    _say(console, f"{len(dates)} drops of {args.data} in {zone.uri}, {dates[0]} to {dates[-1]}")
    return 0
