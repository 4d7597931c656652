"""`python -m recsys drops list|check|replay`."""

import argparse
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from psycopg import OperationalError
from pydantic import SecretStr, ValidationError
from rich.console import Console
from rich.filesize import decimal

from recsys.arguments import DAY, whole
from recsys.drops.zone import AHEAD, SUCCESS, WEEK_SOURCE, Drop, LandingZone, is_ahead
from recsys.errors import DropError
from recsys.ingest import SOURCES
from recsys.settings import Settings
from recsys.terminal import Progress, say, table, terminal

if TYPE_CHECKING:
    from recsys.db.connect import Connection
    from recsys.drops.check import Verdict

_Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

#: Of a replay: none is the initial drop alone, and nobody has rated for a hundred years.
WEEKS_AFTER = whole(0, 5_000)
NO_DROP = f"no complete drop here; expected {WEEK_SOURCE}/<YYYY-MM-DD>/ with {SUCCESS} in it"
_FILES_ALONE = (
    "checked is what the files alone can say (checksums, archives, layout, columns, text); "
    "not their values, and not whether their users are those that the database knows"
)


def add_drops_command(subparsers: _Subparsers) -> None:
    """Add `drops` and its three commands; each sets `run`, a function of the arguments that returns
    the exit status.
    """
    drops = subparsers.add_parser("drops", help="the landing zone: list, check, replay")
    commands = drops.add_subparsers(required=True)
    _add(commands, "list", _list, "every drop with its date, completeness, files and size")
    add_check(commands)
    add_replay(commands)


def add_check(commands: _Subparsers) -> None:
    """Add `drops check` to the parser."""
    check = _add(
        commands,
        "check",
        _check,
        "say of all complete drops, or of one, what taking it in would say; changes nothing; exit "
        "1 where one is refused",
    )
    check.add_argument("source", nargs="?", choices=SOURCES, help="only this source")
    check.add_argument("date", nargs="?", type=DAY, help="only the drop of this date, YYYY-MM-DD")


def add_replay(commands: _Subparsers) -> None:
    """Add `drops replay` to the parser."""
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


def _add(commands: _Subparsers, name: str, run, summary: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=summary, description=summary)
    parser.add_argument("--drops", metavar="URI", help="the landing zone (default: RECSYS_DROPS)")
    parser.set_defaults(run=run, needs_schema=False)
    return parser


def _settings() -> Settings:
    """The settings besides the database, which Settings otherwise insists on."""
    return Settings(database_url=SecretStr(""))


def _zone(args: argparse.Namespace) -> LandingZone:
    """The landing zone. Raises DropError where there can be none."""
    zone = LandingZone(args.drops or _settings().drops)
    zone.path("")
    return zone


def _name(drop: Drop) -> str:
    return f"{drop.source} {drop.date}"


def _say(console: Console, *lines: str) -> None:
    for line in lines:
        say(console, line)


def _warnings(drops: Iterable[Drop]) -> list[str]:
    """A sentence for each complete drop of the future, unless generated data may lie there."""
    if _settings().allow_future:
        return []
    today = datetime.now(UTC).date()
    return [
        f"warning: {_name(drop)}: more than {AHEAD.days} days after today ({today}): no week runs "
        "for it; expected a date that has come, unless RECSYS_ALLOW_FUTURE=true says that data "
        "are generated"
        for drop in drops
        if is_ahead(drop.date, today)
    ]


# ---------------------------------------------------------------- list


def _list(args: argparse.Namespace) -> int:
    listing = _Listing(_zone(args))
    for source in SOURCES:
        listing.add(source)
    listing.show(terminal())
    return 0


@dataclass
class _Listing:
    """All drops of a zone, and below the table what of them needs a sentence."""

    zone: LandingZone
    rows: list[list[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, source: str) -> None:
        """Add the drops of a source."""
        try:
            complete = self.zone.drops(source)
            waiting = self.zone.incomplete(source)
        except DropError as error:
            self.notes.append(str(error))
            return
        for drop in sorted([*complete, *waiting], key=lambda drop: drop.date):
            is_complete = "yes" if drop in complete else "no"
            self.rows.append([source, str(drop.date), is_complete, *self._files(drop)])
        self.notes += _warnings(complete)

    def _files(self, drop: Drop) -> list[str]:
        """The names of a drop's files and their size. What cannot be read is a note, where there is
        room for a sentence.
        """
        try:
            files = self.zone.files(drop)
        except DropError as error:
            self.notes.append(f"{_name(drop)}: {error.reason}")
            return ["cannot be read: see below", "–"]
        names = ", ".join(file.name for file in files)
        return [names, decimal(sum(file.size for file in files))]

    def show(self, console: Console) -> None:
        """Print the table and the notes."""
        columns = ("source", "date", "complete", "files", "size")
        title = f"drops in {self.zone.uri}"
        console.print(table(columns, self.rows, title=title, whole=("date", "size")))
        _say(console, *self.notes, *([] if self.rows else [NO_DROP]))


# ---------------------------------------------------------------- check


def _check(args: argparse.Namespace) -> int:
    check = _Check(_zone(args), terminal(), args.source, args.date)
    _say(check.console, f"drops in {check.zone.uri}")
    if args.date is not None and not check.zone.is_complete(args.source, args.date):
        _say(check.console, f"{args.source} {args.date}: not complete: no {SUCCESS}")
        return 1
    return check.run()


@dataclass
class _Check:
    """A dry run of all complete drops, or of those of one source, or of one."""

    zone: LandingZone
    console: Console
    source: str | None
    date: date | None
    problems: list[str] = field(default_factory=list)

    def run(self) -> int:
        """Print what comes of each drop; return the exit status."""
        drops = self.complete_drops()
        chosen = [drop for drop in drops if self.is_chosen(drop)]
        self.preface(chosen)
        if not drops:
            _say(self.console, NO_DROP)
        n_refused = 0
        with Progress(terminal(stderr=True), "checking") as progress:
            for verdict in self.verdicts(drops, chosen):
                with progress.paused():
                    n_refused += self._show(verdict)
        return 1 if n_refused or self.problems else 0

    def preface(self, chosen: list[Drop]) -> None:
        """Print what is wrong besides single drops, and which drops are not checked."""
        waiting: list[str] = []
        if self.date is None:
            self.problems += self._strange()
            waiting = self._waiting()
        _say(self.console, *self.problems, *_warnings(chosen), *waiting)

    def is_chosen(self, drop: Drop) -> bool:
        return self.source in (None, drop.source) and self.date in (None, drop.date)

    @property
    def _sources(self) -> Iterable[str]:
        return (self.source,) if self.source else SOURCES

    def complete_drops(self) -> list[Drop]:
        """The drops of all sources. That a source's folder cannot be read is a problem."""
        drops: list[Drop] = []
        for source in SOURCES:
            try:
                drops += self.zone.drops(source)
            except DropError as error:
                self.problems.append(str(error))
        return drops

    def _strange(self) -> list[str]:
        """A sentence for each name in a source's folder that is no drop, complete or on its way."""
        names: list[str] = []
        for source in self._sources:
            with suppress(DropError):  # the folder cannot be read: that has been said
                names += [f"{source}/{name}" for name in self.zone.strange(source)]
        return [f"{name}: strange; expected a folder named YYYY-MM-DD" for name in names]

    def _waiting(self) -> list[str]:
        """A sentence for each drop that is not complete: it is no problem yet."""
        drops: list[Drop] = []
        for source in self._sources:
            with suppress(DropError):
                drops += self.zone.incomplete(source)
        return [f"{_name(drop)}: not complete: no {SUCCESS}; it is not checked" for drop in drops]

    def verdicts(self, drops: list[Drop], chosen: list[Drop]) -> "Iterator[Verdict]":
        from recsys.drops.check import check_files, check_in_database

        max_bad_share = _settings().max_bad_share
        with _database() as database:
            if isinstance(database, str):
                _say(self.console, f"{database}: {_FILES_ALONE}")
                for drop in chosen:
                    yield check_files(self.zone, drop, max_bad_share=max_bad_share)
                return
            before = up_to(drops, chosen)
            yield from check_in_database(
                database, self.zone, before, chosen, max_bad_share=max_bad_share
            )

    def _show(self, verdict: "Verdict") -> bool:
        """Print a verdict; return whether it is a refusal."""
        refused = "refused: " if verdict.is_refused else ""
        _say(self.console, f"{_name(verdict.drop)}: {refused}{verdict.sentence}")
        _say(self.console, *(f"    {row}" for row in verdict.bad_rows))
        return verdict.is_refused


def up_to(drops: list[Drop], chosen: list[Drop]) -> list[Drop]:
    """The drops up to the newest of the chosen ones."""
    newest = max((drop.date for drop in chosen), default=date.min)
    return [drop for drop in drops if drop.date <= newest]


@contextmanager
def _database() -> "Iterator[Connection | str]":
    """The pipeline's database, or why there is none to query."""
    from recsys.db.connect import connect

    with ExitStack() as stack:
        try:
            conn = stack.enter_context(connect(Settings.from_environment()))
        except ValidationError:
            yield "RECSYS_DATABASE_URL is not set"
            return
        except OperationalError as error:
            yield str(error).splitlines()[0]
            return
        has_schema = _has_schema(conn)
        yield conn if has_schema else "the database has no schema yet (python -m recsys migrate)"


def _has_schema(conn: "Connection") -> bool:
    from recsys.db.queries import queries
    from recsys.db.rows import fetch_value

    return fetch_value(conn, bool, queries("drops")["has_schema"])


# ---------------------------------------------------------------- replay


def _replay(args: argparse.Namespace) -> int:
    zone, console = _zone(args), terminal()
    with Progress(terminal(stderr=True), f"reading {args.data}") as progress:
        dates = put_drops(args, zone, progress)
    _say(console, f"{len(dates)} drops of {args.data} in {zone.uri}, {dates[0]} to {dates[-1]}")
    return 0


def put_drops(args: argparse.Namespace, zone: LandingZone, progress: Progress) -> list[date]:
    """Cut a published set into drops; return their dates."""
    from recsys.drops.replay import replay

    def show(done: int, total: int) -> None:
        progress.show(f"reading {args.data}: {done / max(total, 1):.0%}")

    return replay(args.data, zone.uri, weeks=args.weeks, imdb=args.imdb, progress=show)
