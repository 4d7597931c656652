"""What every source promises. A new one inherits `SourceContract` in a class that names it, with a
small sound drop, rows that break it, and corrections of it.
"""

import gzip
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import ClassVar, NamedTuple

import pytest

from recsys import __main__ as cli
from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.drops.check import check_files
from recsys.errors import DropError
from recsys.ingest import source_of
from recsys.ingest.load import Ingested
from recsys.removal import erase_user
from recsys.settings import Settings
from tests.landing import Landing

DAY = date(2020, 1, 6)
WEEK = timedelta(days=7)
BEYOND_INT64 = str(2**63)
NO_LAYOUT = "one\ntwo\n"
USER = 7


class Correction(NamedTuple):
    """What a later drop says instead, so that lists or a catalogue differ."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Sample:
    """A small drop of a source, and what becomes of it."""

    files: dict[str, str]
    """File → its text, all of it sound."""
    required: tuple[str, ...]
    """Files without which it is no drop."""
    broken: dict[str, str]
    """File → a row whose columns are right and whose values are not."""
    beyond_int64: dict[str, str]
    """File → a row with an id beyond int64."""
    corrections: tuple[Correction, ...]
    of_users: tuple[str, ...] = ()
    """Files whose rows are about a user. The broken ones are of user 7, as are some that are
    sound.
    """
    movies: dict[str, str] = field(default_factory=dict)
    """A MovieLens drop that the source needs before it."""


class SourceContract:
    source: ClassVar[str]
    population: ClassVar[str | None] = None
    sample: ClassVar[Sample]

    @pytest.fixture
    def landing(self, settings: Settings, conn: Connection) -> Landing:
        landing = Landing(Path(settings.drops), conn)
        if self.sample.movies:
            landing.bring(DAY - WEEK, self.sample.movies)
        return landing

    def put(self, landing: Landing, files: Mapping[str, str | bytes], day: date = DAY) -> Path:
        """Put a drop in the place of the one that lies there."""
        shutil.rmtree(landing.folder / self.source / str(day), ignore_errors=True)
        return landing.put(day, files, self.source)

    def bring(
        self, landing: Landing, files: Mapping[str, str | bytes], day: date = DAY
    ) -> Ingested:
        """Put a drop in the place of the one that lies there, and take it in, however many of its
        rows are bad.
        """
        self.put(landing, files, day)
        (ingested,) = landing.take_in(max_bad_share=1)
        return ingested

    def refusal(self, landing: Landing, files: Mapping[str, str | bytes]) -> str:
        """Return the reason for which a drop is refused; no fact may have changed."""
        before = facts(landing)
        self.put(landing, files)
        with pytest.raises(DropError) as refused:
            landing.take_in()
        assert facts(landing) == before
        ledger = "SELECT state, reason FROM drops ORDER BY drop_id DESC LIMIT 1"
        assert landing.rows(ledger) == [("refused", refused.value.reason)]
        return refused.value.reason

    def corrected(self, *corrections: Correction) -> dict[str, str]:
        """Return the drop with these corrections, each of which is one."""
        files = dict(self.sample.files)
        for file, old, new in corrections:
            assert old in files[file]
            files[file] = files[file].replace(old, new)
        return files

    # a drop and its files

    def test_a_drop_is_taken_in_once_it_is_complete(self, landing: Landing) -> None:
        folder = self.put(landing, self.sample.files)
        (folder / "_SUCCESS").unlink()
        assert not landing.zone.is_complete(self.source, DAY)
        assert landing.zone.newest(self.source) is None and landing.take_in() == []
        (folder / "_SUCCESS").touch()
        assert landing.zone.is_complete(self.source, DAY)
        (ingested,) = landing.take_in()
        assert set(ingested.read) == set(self.sample.files) and all(ingested.read.values())
        assert ingested.rejected == {} and any(ingested.new.values())
        ledger = "SELECT source, drop_date, revision, state, population FROM drops WHERE source = "
        assert landing.rows(f"{ledger} '{self.source}'") == [
            (self.source, DAY, 1, "ingested", self.population)
        ]

    def test_it_has_the_name_that_it_is_registered_by(self) -> None:
        assert source_of(self.source).name == self.source

    def test_packed_files_are_the_same_facts(self, landing: Landing) -> None:
        self.bring(landing, self.sample.files)
        before = facts(landing)
        zipped = zip_of(landing.folder / "packed.zip", self.put(landing, self.sample.files))
        for packed in ({f"{name}.gz": text for name, text in self.sample.files.items()}, zipped):
            ingested = self.bring(landing, packed)
            assert set(ingested.read) == set(self.sample.files) and not any(ingested.new.values())
        assert facts(landing) == before

    def test_a_drop_without_a_file_that_it_needs_is_refused(self, landing: Landing) -> None:
        for name in self.sample.required:
            others = {other: text for other, text in self.sample.files.items() if other != name}
            reason = self.refusal(landing, others)
            assert name in reason and "expected" in reason

    def test_a_damaged_file_is_refused_by_its_name(self, landing: Landing) -> None:
        for name, text in self.sample.files.items():
            half = gzip.compress(text.encode())[:-10]
            others = {other: text for other, text in self.sample.files.items() if other != name}
            assert name in self.refusal(landing, {**others, f"{name}.gz": half})

    def test_a_file_of_another_layout_is_refused_at_its_first_line(self, landing: Landing) -> None:
        for name in self.sample.files:
            reason = self.refusal(landing, {**self.sample.files, name: NO_LAYOUT})
            assert name in reason and "line 1" in reason, reason

    # rows

    @pytest.mark.parametrize("kind", ["broken", "beyond_int64"])
    def test_a_broken_row_is_set_aside_at_its_line(self, landing: Landing, kind: str) -> None:
        rows: dict[str, str] = getattr(self.sample, kind)
        assert rows
        ingested = self.bring(landing, with_rows(self.sample.files, rows))
        lines = {file: self.sample.files[file].count("\n") + 1 for file in rows}
        assert ingested.rejected == dict.fromkeys(rows, 1)
        set_aside = landing.rows("SELECT file, line, reason FROM rejected_rows")
        assert {file: line for file, line, _ in set_aside} == lines
        assert all(reason for *_, reason in set_aside)
        again = self.bring(landing, self.sample.files)  # the other rows were taken in
        assert not any(again.new.values())

    def test_more_broken_rows_than_allowed_are_refused(self, landing: Landing) -> None:
        for file, row in self.sample.broken.items():
            reason = self.refusal(landing, with_rows(self.sample.files, {file: row}))
            line = self.sample.files[file].count("\n") + 1
            assert f"of {file} are bad" in reason and f"line {line}: " in reason
            assert (file, line) in landing.rows("SELECT file, line FROM rejected_rows")

    # versions

    def test_the_same_drop_twice_is_the_same_state(self, landing: Landing) -> None:
        self.bring(landing, self.sample.files)
        before = facts(landing)
        self.put(landing, self.sample.files)
        assert landing.take_in() == []
        repeated = self.bring(landing, self.sample.files, DAY + WEEK)
        assert not any(repeated.new.values()) and facts(landing) == before

    def test_a_newer_revision_replaces_the_older(self, landing: Landing) -> None:
        self.bring(landing, self.sample.files)
        first = snapshot(landing)
        for correction in self.sample.corrections:
            self.bring(landing, self.corrected(correction))
            assert snapshot(landing) != first, correction
            self.bring(landing, self.sample.files)
            assert snapshot(landing) == first

    def test_an_older_snapshot_does_not_see_a_later_drop(self, landing: Landing) -> None:
        self.bring(landing, self.sample.files)
        watermark = newest_drop(landing)
        before = snapshot(landing, watermark=watermark)
        self.bring(landing, self.corrected(*self.sample.corrections), DAY + WEEK)
        self.bring(landing, self.corrected(self.sample.corrections[0]))
        assert snapshot(landing, watermark=watermark) == before != snapshot(landing)

    def test_an_erased_user_stays_out(self, settings: Settings, landing: Landing) -> None:
        rows = {file: self.sample.broken[file] for file in self.sample.of_users}
        no_text = {file: row.replace("\n", "\0\n") for file, row in rows.items()}
        files = with_rows(with_rows(self.sample.files, rows), no_text)
        before = n_facts_of_user(landing)
        self.bring(landing, files)
        assert n_rejected_of_user(landing) == dict.fromkeys(self.sample.of_users, 2)
        assert (n_facts_of_user(landing) > before) == bool(self.sample.of_users)
        erase_user(settings, USER, bar=True)
        self.bring(landing, files, DAY + WEEK)
        assert n_rejected_of_user(landing) == {} and n_facts_of_user(landing) == 0

    # what is said before

    def test_the_check_says_what_ingest_does(
        self,
        settings: Settings,
        landing: Landing,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setenv("RECSYS_DATABASE_URL", settings.database_url.get_secret_value())
        monkeypatch.setenv("RECSYS_DROPS", settings.drops)
        monkeypatch.setenv("COLUMNS", "250")
        command = ["drops", "check", self.source, str(DAY)]
        self.put(landing, self.sample.files)
        before = facts(landing)
        assert cli.main(command) == 0
        assert f"{self.source} {DAY}: would be taken in" in capsys.readouterr().out
        assert facts(landing) == before
        drop = landing.zone.at(self.source, DAY)
        assert not check_files(landing.zone, drop, max_bad_share=0.01).is_refused
        reason = self.refusal(landing, with_rows(self.sample.files, self.sample.broken))
        assert cli.main(command) == 1
        assert f"refused: {reason}" in capsys.readouterr().out


def facts(landing: Landing) -> dict[str, list[tuple]]:
    """Return all rows of the tables of facts."""
    tables = landing.rows(
        "SELECT tablename FROM pg_tables JOIN information_schema.columns ON table_name = tablename "
        "WHERE schemaname = 'public' AND column_name = 'drop_id' "
        "AND table_name NOT IN ('drops', 'rejected_rows')"
    )
    return {table: sorted(landing.rows(f"TABLE {table}"), key=str) for (table,) in tables}


def snapshot(landing: Landing, *, watermark: int | None = None) -> dict[str, list[tuple]]:
    """Return what a week of DAY may read, up to a watermark or the newest drop."""
    for refresh in queries("views").values():
        landing.conn.execute(refresh)
    params = {"as_of": DAY, "watermark": watermark or newest_drop(landing)}
    return {
        f"{name} {role}": sorted(landing.conn.execute(query, {**params, "role": role}), key=str)
        for name, query in queries("visible").items()
        for role in (("director", "actor") if "%(role)s" in query else ("",))
        if name not in ("rerated", "histories")  # how ratings are read, and not what they are
    }


def newest_drop(landing: Landing) -> int:
    ((drop_id,),) = landing.rows("SELECT max(drop_id) FROM drops")
    return drop_id


def with_rows(files: Mapping[str, str], rows: Mapping[str, str]) -> dict[str, str]:
    """Return the files with one more row at the end of some."""
    return {name: text + rows.get(name, "") for name, text in files.items()}


def n_rejected_of_user(landing: Landing) -> dict[str, int]:
    """Return how many rows of the user were set aside, by file."""
    query = "SELECT file, count(*) FROM rejected_rows WHERE user_id = {} GROUP BY file"
    return dict(landing.rows(query.format(USER)))


def n_facts_of_user(landing: Landing) -> int:
    """Return how many facts there are of the user."""
    tables = ("ratings", "tags", "users")
    counts = [landing.rows(f"SELECT count(*) FROM {t} WHERE user_id = {USER}") for t in tables]
    return sum(count for ((count,),) in counts)


def zip_of(path: Path, folder: Path) -> dict[str, bytes]:
    """Return a drop's files as one zip."""
    shutil.make_archive(str(path.with_suffix("")), "zip", folder)
    return {"release.zip": path.read_bytes()}
