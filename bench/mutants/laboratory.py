"""Where mutants are taken in: a Postgres server, a database a mutant, a landing zone, and a process
that can be ended.
"""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from bench.mutants.independent import Verdict, judge_movielens
from bench.mutants.independent_imdb import judge_imdb
from bench.mutants.mutant import Mutant
from bench.mutants.releases import Release
from bench.mutants.verdicts import LIMIT_S, Outcome, outcome_of
from bench.mutants.worker import Task, Worker, take_in
from bench.speed.databases import Databases
from recsys.db.connect import connect
from recsys.db.migrate import migrate
from stack.postgres import Postgres

BLANK, WITH_MOVIES, CLONE = "mutants_blank", "mutants_movies", "mutants_one"
DAY = date(2020, 1, 6)


class Laboratory:
    """Takes mutants in, one after the other. IMDb's are about the movies of `releases["csv"]`."""

    def __init__(self, postgres: Postgres, folder: Path, releases: Mapping[str, Release]) -> None:
        self._databases = Databases(postgres)
        self._folder = folder
        self._releases = releases
        self._worker = Worker(folder)
        self._movies: dict[int, int] = {}

    def prepare(self) -> None:
        """Make the databases that are copied for each mutant."""
        self._databases.once(BLANK, self._migrate)
        if "imdb" in self._releases:
            self._databases.once(WITH_MOVIES, self._bring_movies)
            links = judge_movielens(self._releases["csv"].files).facts["links"]
            self._movies = {movie: imdb for movie, imdb, _ in links}

    def close(self) -> None:
        self._worker.stop()

    def outcome(self, mutant: Mutant) -> Outcome:
        """Take it in, and hold it against the independent parser."""
        is_imdb = mutant.source == "imdb"
        with (
            self._databases.clone(WITH_MOVIES if is_imdb else BLANK, CLONE) as database,
            self._zone(mutant.source, mutant.stored) as zone,
        ):
            self._worker.begin(Task(self._url(database), zone, last_drop=int(is_imdb)))
            verdict = self.verdict(mutant)  # meanwhile
            observed = self._worker.observed(LIMIT_S)
        return outcome_of(mutant, verdict, observed)

    def verdict(self, mutant: Mutant) -> Verdict:
        """Return what the independent parser says of it."""
        if mutant.source == "imdb":
            return judge_imdb(mutant.stored, self._movies)
        return judge_movielens(mutant.stored)

    @contextmanager
    def _zone(self, source: str, stored: Mapping[str, bytes]) -> Iterator[str]:
        """Yield a landing zone with one complete drop."""
        zone = self._folder / "drops"
        shutil.rmtree(zone, ignore_errors=True)
        write_drop(zone / source / DAY.isoformat(), stored)
        yield str(zone)
        shutil.rmtree(zone)

    def _url(self, database: str) -> str:
        return self._databases.postgres.url(database)

    def _migrate(self, database: str) -> None:
        with connect(Task(self._url(database), str(self._folder)).settings) as conn:
            migrate(conn)

    def _bring_movies(self, database: str) -> None:
        self._migrate(database)
        with self._zone("movielens", self._releases["csv"].files) as zone:
            observed = take_in(Task(self._url(database), zone))
        if observed.state != "ingested":
            reason = observed.error or observed.crash
            raise RuntimeError(f"the release itself is not taken in: {reason}")


def write_drop(folder: Path, stored: Mapping[str, bytes]) -> None:
    """Write the files of a drop, and that it is complete."""
    folder.mkdir(parents=True)
    for name, data in stored.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (folder / "_SUCCESS").touch()
