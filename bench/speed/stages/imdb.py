"""IMDb's casts cut down to our movies, beside unpacking alone."""

import gzip
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from fsspec.implementations.local import LocalFileSystem

from bench.speed.stages.base import Bound, Stage, Way
from recsys.db.connect import connect
from recsys.db.queries import queries
from recsys.drops.members import Member, find_members
from recsys.ingest.imdb import BASICS, PRINCIPALS, Imdb
from recsys.ingest.matching import MovieToMatch

OURS, GZIP = "read and cut down", "gzip -dc"


class ImdbPrincipals(Stage):
    """The other files are cut down beforehand, so that next to all of the time is the
    principals'.
    """

    name = "imdb"
    title = "IMDb principals, gzipped, cut down to our movies"
    ours = OURS
    bounds = (Bound(OURS, GZIP, "≤", 3),)

    def lacks(self) -> str:
        missing = [file for file in Imdb.files if not (self.ground.imdb / f"{file}.gz").is_file()]
        return f"{', '.join(missing)} (.gz) in {self.ground.imdb}" if missing else ""

    @contextmanager
    def ways(self) -> Iterator[Sequence[Way]]:
        movies = self.movies()
        titles = {f"tt{movie.imdb_id:07d}" for movie in movies if movie.imdb_id}
        principals = self.ground.imdb / f"{PRINCIPALS}.gz"
        with TemporaryDirectory(dir=self.ground.folder) as folder:
            cut_others(self.ground.imdb, Path(folder), titles)
            members = members_of([*Path(folder).iterdir(), principals])
            yield [
                Way(OURS, lambda _: sum(1 for _part in Imdb().about(movies, members))),
                Way(GZIP, lambda _: unpack(principals)),
            ]

    def movies(self) -> Sequence[MovieToMatch]:
        with connect(self.ground.settings(self.ground.unrated, self.ground.zones.full)) as conn:
            return conn.execute(queries("ingest")["movies_to_match"]).fetchall()


def members_of(paths: Sequence[Path]) -> dict[str, Member]:
    files = [(path.name, str(path)) for path in paths]
    return dict(find_members(LocalFileSystem(), files, "the bench's files"))


def unpack(path: Path) -> None:
    subprocess.run(["gzip", "-dc", path], stdout=subprocess.DEVNULL, check=True)


def cut_others(source: Path, target: Path, titles: set[str]) -> None:
    """The basics of these titles, and of the files besides the principals the header alone."""
    for file in sorted(set(Imdb.files) - {PRINCIPALS}):
        with (
            gzip.open(source / f"{file}.gz", "rt") as rows,
            gzip.open(target / f"{file}.gz", "wt") as kept,
        ):
            kept.write(next(rows))
            if file == BASICS:
                kept.writelines(row for row in rows if row.partition("\t")[0] in titles)
