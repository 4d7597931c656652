"""Every source, in every layout, keeps the contract."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from recsys.db.connect import Connection
from recsys.ingest import SOURCES
from recsys.ingest.layouts import LAYOUTS
from recsys.ingest.ratings import FIRST_ISSUED
from recsys.settings import Settings
from tests.contracts.source_contract import (
    BEYOND_INT64,
    DAY,
    Correction,
    Sample,
    SourceContract,
    with_rows,
)
from tests.contracts.test_gate_contract import kinds_of
from tests.landing import Landing

T = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp())
GENRES = "|0|0|1" + "|0" * 16


CSV = Sample(
    files={
        "movies.csv": 'movieId,title,genres\n1,Toy Story (1995),Animation\n2,"Net, The (1995)",\n',
        "links.csv": "movieId,imdbId,tmdbId\n1,0114709,862\n2,0113957,\n",
        "ratings.csv": f"userId,movieId,rating,timestamp\n7,1,4.5,{T}\n7,2,0.5,{T}\n8,1,3,{T}\n",
        "tags.csv": f'userId,movieId,tag,timestamp\n7,1,"pixar, ""great""",{T}\n8,1,fun,{T}\n',
    },
    required=("ratings.csv",),
    broken={
        "movies.csv": "3,,Drama\n",
        "links.csv": "3,none,\n",
        "ratings.csv": f"7,1,6,{T}\n",
        "tags.csv": f"7,1,,{T}\n",
    },
    beyond_int64={
        "movies.csv": f"{BEYOND_INT64},Heat (1995),Crime\n",
        "links.csv": f"3,{BEYOND_INT64},\n",
        "ratings.csv": f"{BEYOND_INT64},1,4,{T}\n",
        "tags.csv": f"8,{BEYOND_INT64},fun,{T}\n",
    },
    corrections=(
        Correction("movies.csv", "Animation", "Comedy"),
        Correction("ratings.csv", "7,1,4.5", "7,1,4.0"),
    ),
    of_users=("ratings.csv", "tags.csv"),
)

ML_1M = Sample(
    files={
        "movies.dat": "1::Toy Story (1995)::Animation\n2::Mis\xe9rables, Les (1995)::Drama\n",
        "users.dat": "7::F::1::10::48067\n8::M::56::16::70072-1234\n",
        "ratings.dat": f"7::1::5::{T}\n7::2::1::{T}\n8::1::3::{T}\n",
    },
    required=("ratings.dat",),
    broken={
        "movies.dat": "3::::Drama\n",
        "users.dat": "7::F::old::10::48067\n",
        "ratings.dat": f"7::1::6::{T}\n",
    },
    beyond_int64={
        "movies.dat": f"{BEYOND_INT64}::Heat (1995)::Crime\n",
        "users.dat": f"{BEYOND_INT64}::F::1::10::48067\n",
        "ratings.dat": f"8::{BEYOND_INT64}::4::{T}\n",
    },
    corrections=(
        Correction("movies.dat", "Animation", "Comedy"),
        Correction("ratings.dat", "7::1::5", "7::1::4"),
    ),
    of_users=("users.dat", "ratings.dat"),
)

ML_10M = Sample(
    files={
        "movies.dat": ML_1M.files["movies.dat"],
        "ratings.dat": f"7::1::4.5::{T}\n7::2::0.5::{T}\n8::1::3::{T}\n",
        "tags.dat": f'7::1::"quoted" & caf\xe9::{T}\n8::1::fun::{T}\n',
    },
    required=("ratings.dat",),
    broken={
        "movies.dat": "3::::Drama\n",
        "ratings.dat": f"7::1::6::{T}\n",
        "tags.dat": f"7::1::::{T}\n",
    },
    beyond_int64={
        "movies.dat": f"{BEYOND_INT64}::Heat (1995)::Crime\n",
        "ratings.dat": f"{BEYOND_INT64}::1::4::{T}\n",
        "tags.dat": f"8::{BEYOND_INT64}::fun::{T}\n",
    },
    corrections=(
        Correction("movies.dat", "(1995)::Drama", "(1998)::Drama"),
        Correction("ratings.dat", "7::1::4.5", "7::1::4"),
    ),
    of_users=("ratings.dat", "tags.dat"),
)

ML_100K = Sample(
    files={
        "u.item": f"1|Toy Story (1995)|01-Jan-1995||http://x{GENRES}\n"
        f"2|Caf\xe9 (1994)|01-Jan-1994||{GENRES}\n",
        "u.user": "7|24|M|technician|85711\n8|53|F|other|T8H1N\n",
        "u.data": f"7\t1\t5\t{T}\n7\t2\t1\t{T}\n8\t1\t3\t{T}\n",
    },
    required=("u.data",),
    broken={
        "u.item": f"3||01-Jan-1995||{GENRES}\n",
        "u.user": "7|old|M|technician|85711\n",
        "u.data": f"7\t1\t6\t{T}\n",
    },
    beyond_int64={
        "u.item": f"{BEYOND_INT64}|Heat (1995)|01-Jan-1995||{GENRES}\n",
        "u.user": f"{BEYOND_INT64}|24|M|technician|85711\n",
        "u.data": f"8\t{BEYOND_INT64}\t4\t{T}\n",
    },
    corrections=(
        Correction("u.item", "http://x|0|0|1", "http://x|0|1|1"),
        Correction("u.data", "7\t1\t5", "7\t1\t4"),
    ),
    of_users=("u.user", "u.data"),
)

IMDB = Sample(
    movies=CSV.files,
    files={
        "title.basics.tsv": "tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult\tstartYear\t"
        "endYear\truntimeMinutes\tgenres\n"
        "tt0114709\tmovie\tToy Story\tToy Story\t0\t1995\t\\N\t81\tComedy\n"
        "tt0113957\tmovie\tThe Net\tThe Net\t0\t1995\t\\N\t114\tAction\n",
        "title.ratings.tsv": "tconst\taverageRating\tnumVotes\ntt0114709\t8.3\t1000\n",
        "title.crew.tsv": "tconst\tdirectors\twriters\ntt0114709\tnm0005124\t\\N\n",
        "title.principals.tsv": "tconst\tordering\tnconst\tcategory\tjob\tcharacters\n"
        "tt0114709\t1\tnm0000158\tactor\t\\N\t\\N\ntt0113957\t1\tnm0000113\tactress\t\\N\t\\N\n",
        "name.basics.tsv": "nconst\tprimaryName\tbirthYear\tdeathYear\n"
        "nm0005124\tJohn Lasseter\t1957\t\\N\nnm0000158\tTom Hanks\t1956\t\\N\n"
        "nm0000113\tSandra Bullock\t1964\t\\N\n",
    },
    required=(
        "title.basics.tsv",
        "title.ratings.tsv",
        "title.crew.tsv",
        "title.principals.tsv",
        "name.basics.tsv",
    ),
    broken={
        "title.basics.tsv": "tt0114709\tmovie\tToy Story\tToy Story\t0\tsoon\t\\N\t81\tComedy\n",
        "title.ratings.tsv": "tt0114709\televen\t1000\n",
        "title.crew.tsv": "tt0114709\tJohn Lasseter\t\\N\n",
        "title.principals.tsv": "tt0114709\tfirst\tnm0000158\tactor\t\\N\t\\N\n",
        "name.basics.tsv": "nm0000158\t\t1956\t\\N\n",
    },
    beyond_int64={
        "title.ratings.tsv": f"tt0114709\t8.3\t{BEYOND_INT64}\n",
        "title.crew.tsv": f"tt0114709\tnm{BEYOND_INT64}\t\\N\n",
        "title.principals.tsv": f"tt0114709\t2\tnm{BEYOND_INT64}\tactor\t\\N\t\\N\n",
        "name.basics.tsv": f"nm{BEYOND_INT64}\tTom Hanks\t1956\t\\N\n",
    },
    corrections=(
        Correction("title.basics.tsv", "81\tComedy", "82\tComedy"),
        Correction("title.crew.tsv", "nm0005124", "nm0000158"),
        Correction("title.principals.tsv", "nm0000113", "nm0000158"),
    ),
)


FEEDBACK = Sample(
    movies=CSV.files,
    files={
        "ratings.csv": f"userId,movieId,rating,timestamp\n7,1,4.0,{T + 60}\n7,2,1.5,{T + 60}\n"
        f"{FIRST_ISSUED},1,3.0,{T + 60}\n",
    },
    required=("ratings.csv",),
    broken={"ratings.csv": f"7,1,6,{T + 60}\n"},
    beyond_int64={"ratings.csv": f"{BEYOND_INT64},1,4,{T + 60}\n"},
    corrections=(Correction("ratings.csv", "7,1,4.0", "7,1,3.5"),),
    of_users=("ratings.csv",),
)


class TestMovieLensInCsv(SourceContract):
    source = "movielens"
    population = "csv"
    sample = CSV


class TestMovieLens1M(SourceContract):
    source = "movielens"
    population = "double-colon"
    sample = ML_1M


class TestMovieLens10M(SourceContract):
    source = "movielens"
    population = "double-colon"
    sample = ML_10M


class TestMovieLens100K(SourceContract):
    source = "movielens"
    population = "ml-100k"
    sample = ML_100K


class TestImdb(SourceContract):
    source = "imdb"
    sample = IMDB


class TestFeedback(SourceContract):
    source = "feedback"
    sample = FEEDBACK


@pytest.mark.parametrize(
    ("file", "row"),
    [
        ("ratings.csv", f"{FIRST_ISSUED},1,4.5,{T}\n"),
        ("ratings.csv", f"{FIRST_ISSUED}.0,1,4.5,{T}\n"),
        ("tags.csv", f"{FIRST_ISSUED},1,fun,{T}\n"),
        ("users.dat", f"{FIRST_ISSUED}::F::1::10::48067\n"),
    ],
)
def test_movielens_has_no_user_that_the_api_issued(
    settings: Settings, conn: Connection, file: str, row: str
) -> None:
    landing = Landing(Path(settings.drops), conn)
    sample = ML_1M if file.endswith(".dat") else CSV
    ingested = landing.bring(DAY, with_rows(sample.files, {file: row}), max_bad_share=0.5)
    assert ingested.rejected == {file: 1}
    ((reason, user),) = landing.rows("SELECT reason, user_id FROM rejected_rows")
    assert f"userId {FIRST_ISSUED} is one that the API issues" in reason and user == FIRST_ISSUED
    assert landing.rows(f"SELECT count(*) FROM ratings WHERE user_id >= {FIRST_ISSUED}") == [(0,)]


def test_every_source_and_every_layout_has_its_class() -> None:
    kinds = kinds_of(SourceContract)
    assert {kind.source for kind in kinds} >= set(SOURCES)
    layouts = {kind.population for kind in kinds if kind.source == "movielens"}
    assert layouts == {layout.population for layout in LAYOUTS}
