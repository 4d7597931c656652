"""A whole release taken in, beside COPY of the same files."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import LiteralString

from psycopg import sql

from bench.speed.stages.base import Bound, Stage, Way
from bench.speed.stages.delta import ingest
from recsys.db.connect import Connection, connect
from recsys.request import RunRequest
from recsys.run import run_step
from recsys.settings import Settings
from recsys.week import WeekPlan

OURS, PLAIN = "ingest_drops", "plain COPY"
#: File → columns of an unlogged table without any index.
TABLES: dict[str, LiteralString] = {
    "ratings.csv": "user_id bigint, movie_id bigint, rating real, rated_at bigint",
    "movies.csv": "movie_id bigint, title text, genres text",
    "links.csv": "movie_id bigint, imdb_id text, tmdb_id text",
    "tags.csv": "user_id bigint, movie_id bigint, tag text, tagged_at bigint",
}
CHUNK = 1 << 20


class FirstLoad(Stage):
    name = "first-load"
    title = "ingest, first load, checks and versions included"
    ours = OURS
    bounds = (Bound(OURS, PLAIN, "≤", 6),)

    @contextmanager
    def ways(self) -> Iterator[Sequence[Way]]:
        ground = self.ground
        drop = ground.zones.full / "movielens" / str(ground.first)
        files = sorted(drop.glob("*.csv"))
        with ground.databases.clone(ground.blank, self.database):
            yield [
                Way(OURS, ingest, self.resolved),
                Way(PLAIN, lambda settings: copy_plainly(settings, files), self.emptied),
            ]

    @property
    def database(self) -> str:
        return self.ground.name("first_load")

    def emptied(self, _round: int) -> Settings:
        """Empty the database; return its settings."""
        self.ground.databases.renew(self.ground.blank, self.database)
        return self.ground.settings(self.database, self.ground.zones.full)

    def resolved(self, number: int) -> tuple[Settings, WeekPlan]:
        settings = self.emptied(number)
        return settings, run_step(settings, "resolve_week", RunRequest(as_of=self.ground.first))


def copy_plainly(settings: Settings, files: Sequence[Path]) -> None:
    """Copy each file into an unlogged table of its own."""
    with connect(settings) as conn:
        for path in files:
            table, columns = sql.Identifier(f"plain_{path.stem}"), sql.SQL(TABLES[path.name])
            conn.execute(sql.SQL("CREATE UNLOGGED TABLE {} ({})").format(table, columns))
            copy_file(conn, path, table)


def copy_file(conn: Connection, path: Path, table: sql.Identifier) -> None:
    statement = sql.SQL("COPY {} FROM STDIN (FORMAT csv, HEADER true)").format(table)
    with path.open("rb") as file, conn.cursor() as cursor, cursor.copy(statement) as copy:
        while chunk := file.read(CHUNK):
            copy.write(chunk)
