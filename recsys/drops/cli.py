"""`python -m recsys drops list|check|replay`."""

import argparse
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from pydantic import SecretStr
from rich.console import Console
from rich.filesize import decimal
from rich.progress import Progress
from rich.table import Table

from recsys.drops.replay import replay
from recsys.drops.zone import Drop, LandingZone
from recsys.errors import DropError
from recsys.settings import Settings

#: As in recsys.ingest, which stands above and names its sources there.
SOURCES = ("movielens", "imdb")


def add_drops_command(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `drops` and its three commands; each sets `run`, a function of the arguments that returns the exit status."""
    commands = subparsers.add_parser("drops", help="the landing zone: list, check, replay").add_subparsers(required=True)
    _add(commands, "list", _list, "every drop with its date, completeness, files and size")
    check = _add(commands, "check", _check, "verify the files of all complete drops, or of one; exit 1 on a problem")
    check.add_argument("source", nargs="?", choices=SOURCES, help="only this source")
    check.add_argument("date", nargs="?", type=date.fromisoformat, help="only the drop of this date, YYYY-MM-DD")
    play = _add(commands, "replay", _replay, "cut a published MovieLens data set by time into one initial drop and weekly ones")
    play.add_argument("data", type=Path, help="the data set as published: a folder or a zip")
    play.add_argument("--weeks", type=_count, default=3, metavar="N", help="weekly drops after the initial one (default 3)")
    play.add_argument("--imdb", type=Path, metavar="PATH", help="IMDb's TSVs as published, put at every date: a folder or a zip")


def _add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, run, told: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=told, description=told)
    parser.add_argument("--drops", metavar="URI", help="the landing zone (default: RECSYS_DROPS)")
    parser.set_defaults(run=run)
    return parser


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"found {number}, expected 0 or more")
    return number


def _zone(args: argparse.Namespace) -> LandingZone:
    # the landing zone is looked at without a database, which Settings otherwise insists on
    return LandingZone(args.drops or Settings(database_url=SecretStr("")).drops)


def _list(args: argparse.Namespace) -> int:
    zone = _zone(args)
    table = Table("source", "date", "complete", "files", "size", title=f"drops in {zone.uri}")
    for source in SOURCES:
        complete = zone.drops(source)
        for drop in sorted([*complete, *zone.incomplete(source)], key=lambda drop: drop.date):
            files = zone.files(drop)
            names, size = ", ".join(file.name for file in files), decimal(sum(file.size for file in files))
            table.add_row(source, str(drop.date), "yes" if drop in complete else "no", names, size)
    Console().print(table)
    return 0


def _check(args: argparse.Namespace) -> int:
    console, problems = Console(), 0
    for name, problem in _findings(_zone(args), args.source, args.date):
        problems += problem is not None
        console.print(f"{name}: {problem or 'ok'}", markup=False, soft_wrap=True)
    return 1 if problems else 0


def _findings(zone: LandingZone, source: str | None, when: date | None) -> Iterator[tuple[str, str | None]]:
    """(what was looked at, what is wrong with it), a line each."""
    if source is not None and when is not None:
        drop = zone.at(source, when)
        yield str(drop), _problem(zone, drop) if zone.is_complete(source, when) else "not complete: no _SUCCESS"
        return
    for each in (source,) if source else SOURCES:
        for name in zone.strange(each):
            yield zone.path(each, name), "strange: expected a folder named YYYY-MM-DD"
        for drop in zone.incomplete(each):
            yield str(drop), None if zone.files(drop) else "empty"
        for drop in zone.drops(each):
            yield str(drop), _problem(zone, drop)


def _problem(zone: LandingZone, drop: Drop) -> str | None:
    try:
        zone.checksums(drop)
        if not zone.members(drop):
            return "complete, but found no file; expected the publisher's files"
    except DropError as error:
        return error.reason
    return None


def _replay(args: argparse.Namespace) -> int:
    zone, console = _zone(args), Console()
    with Progress(console=console) as bars:
        bar = bars.add_task("reading", total=None)
        told = lambda done, total: bars.update(bar, completed=done, total=total)  # noqa: E731
        dates = replay(args.data, zone.uri, weeks=args.weeks, imdb=args.imdb, progress=told)
        bars.update(bar, completed=1, total=1)
    console.print(f"{len(dates)} drops of {args.data} in {zone.uri}, {dates[0]} to {dates[-1]}", markup=False, soft_wrap=True)
    return 0
