"""A row that is none takes nobody's place: of several rows about one thing the first that can be
read is the fact.
"""

from datetime import date
from pathlib import Path

import pytest

from recsys.db.connect import Connection
from tests.landing import Landing

DAY, NEXT = date(2020, 1, 6), date(2020, 1, 13)
T = 1_577_836_800
CSV = {
    "movies.csv": "movieId,title,genres\n1,Toy Story (1995),Drama\n",
    "links.csv": "movieId,imdbId,tmdbId\n1,0114709,862\n",
    "ratings.csv": f"userId,movieId,rating,timestamp\n7,1,4.5,{T}\n",
    "tags.csv": f"userId,movieId,tag,timestamp\n7,1,pixar,{T}\n",
}
ML_1M = {
    "movies.dat": "1::Toy Story (1995)::Drama\n",
    "users.dat": "7::F::1::10::48067\n",
    "ratings.dat": f"7::1::4::{T}\n",
}
IMDB = {
    "title.basics.tsv": "tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult\tstartYear\t"
    "endYear\truntimeMinutes\tgenres\n"
    "tt0114709\tmovie\tToy Story\tToy Story\t0\t1995\t\\N\t81\tDrama\n",
    "title.ratings.tsv": "tconst\taverageRating\tnumVotes\ntt0114709\t8.3\t1000\n",
    "title.crew.tsv": "tconst\tdirectors\twriters\ntt0114709\tnm0000005\t\\N\n",
    "title.principals.tsv": "tconst\tordering\tnconst\tcategory\tjob\tcharacters\ntt0114709\t1\t"
    "nm0000002\tactor\t\\N\t\\N\n",
    "name.basics.tsv": "nconst\tprimaryName\tbirthYear\tdeathYear\nnm0000002\tAnna\t1950\t\\N\n"
    "nm0000005\tBoris\t1950\t\\N\n",
}
FACTS = ("ratings", "tags", "movies", "links", "users", "imdb_titles", "movie_persons", "persons")


@pytest.fixture
def landing(tmp_path: Path, conn: Connection) -> Landing:
    return Landing(tmp_path / "drops", conn)


def facts(landing: Landing, drop_id: int) -> dict[str, list[tuple]]:
    return {
        table: sorted(
            landing.rows(
                f"SELECT to_jsonb(f) - 'drop_id' FROM {table} f WHERE drop_id = {drop_id}"
            ),
            key=str,
        )
        for table in FACTS
    }


def with_row(text: str, row: str, header: bool) -> str:
    """The file with a row in front of its others."""
    head, rest = text.split("\n", 1) if header else ("", text)
    return f"{head}\n{row}\n{rest}" if header else f"{row}\n{rest}"


@pytest.mark.parametrize(
    ("file", "row"),
    [
        ("movies.csv", "1, ,Drama"),
        ("movies.csv", '01,"Toy\nStory",Drama'),
        ("links.csv", "1,nm1,862"),
        ("links.csv", "1,0114709,many"),
        ("ratings.csv", f"7,1,9,{T}"),
        ("tags.csv", f"7,1,{'x' * 2001},{T}"),
        ("users.dat", "7::F::old::10::48067"),
        ("movies.dat", "1:: ::Drama"),
    ],
)
def test_a_bad_row_of_movielens_takes_nobodys_place(landing: Landing, file: str, row: str) -> None:
    is_csv = file.endswith(".csv")
    files = CSV if is_csv else ML_1M
    landing.put(DAY, files | {file: with_row(files[file], row, is_csv)})
    landing.take_in(max_bad_share=0.9)
    assert landing.rows("SELECT file, line FROM rejected_rows") == [(file, 2 if is_csv else 1)]
    brought = {table for table, rows in facts(landing, 1).items() if len(rows) == 1}
    assert brought == (
        {"ratings", "tags", "movies", "links"} if is_csv else {"ratings", "movies", "users"}
    )


@pytest.mark.parametrize(
    ("file", "row"),
    [
        ("title.basics.tsv", "tt0114709\tmovie\tToy Story\tToy Story\t0\t95\t\\N\t81\tDrama"),
        ("title.basics.tsv", "tt0114709\tmovie\t\\N\tToy Story\t0\t1995\t\\N\t81\tDrama"),
        ("title.ratings.tsv", "tt0114709\t11\t1000"),
        ("title.crew.tsv", "tt0114709\tJohn\t\\N"),
        ("title.principals.tsv", "tt0114709\t1\tnobody\tactor\t\\N\t\\N"),
        ("name.basics.tsv", "nm0000002\t\\N\t1950\t\\N"),
        ("name.basics.tsv", "nm0000002\tAnna\tlong ago\t\\N"),
    ],
)
def test_a_bad_row_of_imdb_takes_nobodys_place(landing: Landing, file: str, row: str) -> None:
    landing.bring(DAY, CSV)
    landing.bring(
        NEXT, IMDB | {file: with_row(IMDB[file], row, header=True)}, "imdb", max_bad_share=0.9
    )
    assert landing.rows("SELECT file, line FROM rejected_rows") == [(file, 2)]
    spoilt = facts(landing, 2)
    assert landing.rows("SELECT average_rating::text, votes FROM imdb_titles") == [("8.3", 1000)]
    assert {table: len(rows) for table, rows in spoilt.items() if rows} == {
        "imdb_titles": 1,
        "movie_persons": 2,
        "persons": 2,
    }


def test_of_two_good_rows_the_second_is_set_aside(landing: Landing) -> None:
    files = CSV | {"movies.csv": f"{CSV['movies.csv']}01,Toy Story II (1999),Drama\n"}
    landing.put(DAY, files)
    landing.take_in(max_bad_share=0.9)
    assert landing.rows("SELECT title FROM movies") == [("Toy Story (1995)",)]
    assert landing.rows("SELECT file, line, reason FROM rejected_rows") == [
        ("movies.csv", 3, "movieId 01 is in an earlier line too")
    ]
