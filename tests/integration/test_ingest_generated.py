"""What stack.datasets writes in a release's layout is taken in without one row set aside."""

from datetime import date
from pathlib import Path

from recsys.db.connect import Connection
from stack.datasets.full_imdb import Sizes, generate_full_imdb
from stack.datasets.release import RELEASES, generate_release
from tests.landing import Landing


def files(folder: Path) -> dict[str, str | bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_a_release_and_its_imdb_files_are_taken_in_whole(conn: Connection, tmp_path: Path) -> None:
    release = RELEASES["ml-20m"].share(0.002)
    imdb = Sizes(titles=4_000, principals=32_000, persons=6_000, ratings=1_500)
    generate_release(tmp_path / "movielens", release, seed=1)
    generate_full_imdb(tmp_path / "imdb", imdb, tmp_path / "movielens", seed=1)
    landing = Landing(tmp_path / "drops", conn)
    got = landing.bring(date(2016, 1, 4), files(tmp_path / "movielens"))
    assert got.rejected == {}
    assert got.new == {
        "movies": release.movies,
        "links": release.movies,
        "users": 0,
        "ratings": release.ratings,
        "tags": release.tags,
    }
    about = landing.bring(date(2016, 1, 5), files(tmp_path / "imdb"), "imdb")
    assert about.rejected == {}
    assert about.read["title.principals.tsv"] == imdb.principals
    assert about.new["titles"] == release.movies
    rows = landing.rows(
        "SELECT role, count(DISTINCT movie_id) FROM movie_persons GROUP BY role ORDER BY role"
    )
    assert rows == [("actor", release.movies), ("director", release.movies)]
