"""Where mutants are taken in: a Postgres server, a database a mutant, a landing zone, and a process
that can be ended.
"""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from pydantic import SecretStr

from bench.mutants.independent import Verdict, judge_movielens
from bench.mutants.independent_imdb import judge_imdb
from bench.mutants.mutant import Mutant
from bench.mutants.releases import Release
from bench.mutants.verdicts import LIMIT_S, Outcome, outcome_of
from bench.mutants.worker import Task, Worker, take_in
from bench.speed.databases import Databases
from recsys.db.connect import connect
from recsys.db.migrate import migrate
from recsys.settings import Settings
from stack.postgres import Postgres

BLANK, WITH_MOVIES, CLONE = "mutants_blank", "mutants_movies", "mutants_one"
_DAY = date(2020, 1, 6)


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
        template = WITH_MOVIES if is_imdb else BLANK
        with (
            self._databases.clone(template, CLONE) as database,
            self._zone(mutant.source, mutant.stored) as zone,
        ):
            task = Task(self._databases.postgres.url(database), zone, known=int(is_imdb))
            self._worker.begin(task)
            verdict = self.verdict(mutant)  # meanwhile
            observed = self._worker.observed(LIMIT_S)
        return outcome_of(mutant, verdict, observed)

    def verdict(self, mutant: Mutant) -> Verdict:
        """What the independent parser says of it."""
        if mutant.source == "imdb":
            return judge_imdb(mutant.stored, self._movies)
        return judge_movielens(mutant.stored)

    @contextmanager
    def _zone(self, source: str, stored: Mapping[str, bytes]) -> Iterator[str]:
        """A landing zone with one complete drop."""
        zone = self._folder / "drops"
        shutil.rmtree(zone, ignore_errors=True)
        place = zone / source / _DAY.isoformat()
        place.mkdir(parents=True)
        for name, data in stored.items():
            path = place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        (place / "_SUCCESS").touch()
        yield str(zone)
        shutil.rmtree(zone)

    def _migrate(self, database: str) -> None:
        settings = Settings(
            database_url=SecretStr(self._databases.postgres.url(database)),
            _env_file=None,  # pyright: ignore[reportCallIssue]
        )
        with connect(settings) as conn:
            migrate(conn)

    def _bring_movies(self, database: str) -> None:
        self._migrate(database)
        with self._zone("movielens", self._releases["csv"].files) as zone:
            observed = take_in(Task(self._databases.postgres.url(database), zone))
        if observed.state != "ingested":
            raise RuntimeError(
                f"the release itself is not taken in: {observed.error or observed.crash}"
            )
