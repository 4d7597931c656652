"""A whole release taken in, beside COPY of the same files."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import LiteralString

from psycopg import sql

from bench.speed.stages.base import Bound, Stage, Way
from recsys.db.connect import connect
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
        blank, zone, first = ground.blank, ground.zones.full, ground.first
        name = ground.name("first_load")

        def emptied(_round: int) -> Settings:
            ground.databases.renew(blank, name)
            return ground.settings(name, zone)

        def resolved(number: int) -> tuple[Settings, WeekPlan]:
            settings = emptied(number)
            return settings, run_step(settings, "resolve_week", RunRequest(as_of=first))

        with ground.databases.clone(blank, name):
            files = sorted((zone / "movielens" / str(first)).glob("*.csv"))
            yield [
                Way(
                    OURS,
                    lambda prepared: run_step(prepared[0], "ingest_drops", prepared[1]),
                    resolved,
                ),
                Way(PLAIN, lambda settings: copy_plainly(settings, files), emptied),
            ]


def copy_plainly(settings: Settings, files: Sequence[Path]) -> None:
    """Each file into an unlogged table of its own."""
    with connect(settings) as conn:
        for path in files:
            table, columns = sql.Identifier(f"plain_{path.stem}"), sql.SQL(TABLES[path.name])
            conn.execute(sql.SQL("CREATE UNLOGGED TABLE {} ({})").format(table, columns))
            statement = sql.SQL("COPY {} FROM STDIN (FORMAT csv, HEADER true)").format(table)
            with path.open("rb") as file, conn.cursor() as cursor, cursor.copy(statement) as copy:
                while chunk := file.read(CHUNK):
                    copy.write(chunk)
