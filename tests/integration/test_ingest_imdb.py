"""IMDb drops: found by link or by name, cut down to the movies that we have, and kept as
versions.
"""

import gzip
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from recsys.db.connect import Connection
from recsys.errors import DropError
from tests.landing import Landing

DAY = date(2020, 1, 6)
WEEK = timedelta(days=7)
T = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp())

MOVIES = [
    (1, "Toy Story (1995)"),
    (2, "American President, The (1995)"),
    (3, "City of Lost Children, The (Cité des enfants perdus, La) (1995)"),
    (4, "Seven (a.k.a. Se7en) (1995)"),
    (5, "Amélie (2001)"),
    (6, "Emma (1996)"),
    (7, "Nobody Knows It (1950)"),
]
BASICS = (
    "tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult\tstartYear\tendYear\truntimeMinutes\t"
    "genres\n"
)
CREW = "tconst\tdirectors\twriters\n"
PRINCIPALS = "tconst\tordering\tnconst\tcategory\tjob\tcharacters\n"
NAMES = "nconst\tprimaryName\tbirthYear\tdeathYear\tprimaryProfession\tknownForTitles\n"
RATINGS = "tconst\taverageRating\tnumVotes\n"


def title(
    number: int,
    name: str,
    year: object = 1995,
    *,
    kind: str = "movie",
    original: str = "",
    minutes: object = 90,
) -> str:
    return (
        f"tt{number:07d}\t{kind}\t{name}\t{original or name}\t0\t{year}\t\\N\t{minutes}\t"
        "Drama,Comedy\n"
    )


def imdb(
    titles: str, *, crew: str = "", principals: str = "", names: str = "", ratings: str = ""
) -> dict[str, str | bytes]:
    """The five files, gzipped as published."""
    return {
        "title.basics.tsv.gz": BASICS + titles,
        "title.crew.tsv.gz": CREW + crew,
        "title.principals.tsv.gz": PRINCIPALS + principals,
        "name.basics.tsv.gz": NAMES + names,
        "title.ratings.tsv.gz": RATINGS + ratings,
    }


@pytest.fixture
def landing(tmp_path: Path, conn: Connection) -> Landing:
    """With seven movies, of which the first alone is linked."""
    zone = Landing(tmp_path / "drops", conn)
    movies = ("movieId,title,genres\n") + "".join(
        f'{movie},"{name}",Drama\n' for movie, name in MOVIES
    )
    ratings = f"userId,movieId,rating,timestamp\n7,1,4,{T}\n"
    zone.bring(
        DAY,
        {
            "movies.csv": movies,
            "links.csv": "movieId,imdbId,tmdbId\n1,0114709,862\n7,,\n",
            "ratings.csv": ratings,
        },
    )
    return zone


def matched(landing: Landing) -> dict[int, int]:
    return dict(landing.rows("SELECT movie_id, imdb_id FROM imdb_titles ORDER BY drop_id"))


def cast(landing: Landing, drop: int) -> list[tuple]:
    return landing.rows(
        f"SELECT role, position, person_id FROM movie_persons WHERE drop_id = {drop} ORDER BY "
        "movie_id, role DESC, position"
    )


def test_a_linked_movie_is_found_whatever_its_title(landing: Landing) -> None:
    got = landing.bring(
        DAY, imdb(title(114709, "Another Name", 1900) + title(5, "Toy Story")), "imdb"
    )
    assert matched(landing) == {1: 114709}
    assert (got.read["title.basics.tsv"], got.new) == (
        2,
        {"titles": 1, "movie_persons": 0, "persons": 0},
    )


@pytest.mark.parametrize(
    ("movie", "line"),
    [
        (2, title(50, "The American President")),
        (3, title(50, "The City of Lost Children", original="La cité des enfants perdus")),
        (3, title(50, "Die Stadt", original="La Cite des Enfants Perdus")),
        (4, title(50, "Se7en")),
        (4, title(50, "SEVEN!")),
        (5, title(50, "Amelie", 2001)),
        (5, title(50, "Ame\u0301lie", 2001)),
        (5, title(50, "Le fabuleux destin", 2001, original="Amélie")),
    ],
)
def test_other_movies_are_found_by_title_and_year(landing: Landing, movie: int, line: str) -> None:
    landing.bring(DAY, imdb(title(49, "Other Film") + line + title(51, "Seven Samurai")), "imdb")
    assert matched(landing) == {movie: 50}


@pytest.mark.parametrize(
    "line",
    [
        title(50, "Seven", 1994),
        title(50, "Seven", "\\N"),
        title(50, "Sevens"),
        title(50, "Toy Story"),
    ],
)
def test_another_year_or_name_is_another_film_and_a_linked_movie_waits_for_its_link(
    landing: Landing, line: str
) -> None:
    landing.bring(DAY, imdb(line), "imdb")
    assert matched(landing) == {}


@pytest.mark.parametrize(
    "lines",
    [
        title(60, "Emma", 1996, kind="tvMovie") + title(61, "Emma", 1996) + title(62, "Emma", 1995),
        title(61, "Emma", 1996) + title(60, "Emma", 1996, kind="videoGame"),
        title(60, "Emma in Love", 1996, original="Emma") + title(61, "Emma", 1996),
        title(63, "Emma", 1996) + title(61, "Emma", 1996),
    ],
)
def test_of_namesakes_film_of_the_year_then_main_title_then_older_number_wins(
    landing: Landing, lines: str
) -> None:
    landing.bring(DAY, imdb(lines), "imdb")
    assert matched(landing) == {6: 61}


def test_one_title_may_be_two_movies_of_ours(landing: Landing) -> None:
    landing.bring(
        DAY + WEEK,
        {
            "movies.csv": "movieId,title,genres\n8,Toy Story Again (1995),Drama\n",
            "links.csv": "movieId,imdbId,tmdbId\n8,114709,\n",
            "ratings.csv": f"userId,movieId,rating,timestamp\n7,8,4,{T}\n",
        },
    )
    files = imdb(
        title(114709, "Toy Story"), crew="tt0114709\tnm1\t\\N\n", ratings="tt0114709\t8.3\t900\n"
    )
    landing.bring(DAY + WEEK, files, "imdb")
    assert matched(landing) == {1: 114709, 8: 114709}
    assert landing.rows("SELECT movie_id, person_id FROM movie_persons ORDER BY 1") == [
        (1, 1),
        (8, 1),
    ]


WHOLE = imdb(
    title(1, "Not Ours") + title(114709, "Toy Story", minutes=81),
    crew="tt0000001\tnm0000009\t\\N\ntt0114709\tnm0000005,nm0000004\tnm0000008\n",
    principals="tt0000001\t1\tnm0000009\tactor\t\\N\t\\N\n"
    "tt0114709\t10\tnm0000003\tactor\t\\N\t\\N\n"
    "tt0114709\t2\tnm0000002\tactress\t\\N\t\\N\n"
    "tt0114709\t3\tnm0000007\tcomposer\t\\N\t\\N\n",
    names="".join(f"nm{n:07d}\tPerson {n}\t19{n}0\t\\N\tactor\t\\N\n" for n in range(1, 10)),
    ratings="tt0000001\t5.0\t10\ntt0114709\t8.3\t900\n",
)


def test_content_is_cut_down_to_our_movies(landing: Landing) -> None:
    got = landing.bring(DAY, WHOLE, "imdb")
    assert landing.rows(
        "SELECT movie_id, title_type, primary_title, start_year, runtime_minutes, genres, "
        "average_rating, votes FROM imdb_titles"
    ) == [(1, "movie", "Toy Story", 1995, 81, ["Drama", "Comedy"], pytest.approx(8.3), 900)]
    assert cast(landing, 2) == [
        ("director", 1, 5),
        ("director", 2, 4),
        ("actor", 1, 2),
        ("actor", 2, 3),
    ]
    assert landing.rows(
        "SELECT person_id, name, birth_year, death_year FROM persons ORDER BY 1"
    ) == [(n, f"Person {n}", 1900 + 10 * n, None) for n in (2, 3, 4, 5)]
    assert got.read == {
        "title.basics.tsv": 2,
        "title.ratings.tsv": 2,
        "title.crew.tsv": 2,
        "title.principals.tsv": 4,
        "name.basics.tsv": 9,
    }
    assert got.rejected == {}


def test_the_same_content_again_adds_nothing(landing: Landing) -> None:
    landing.bring(DAY, WHOLE, "imdb")
    assert set(landing.bring(DAY + WEEK, WHOLE, "imdb").new.values()) == {0}


def test_a_changed_cast_is_one_whole_version(landing: Landing) -> None:
    landing.bring(DAY, WHOLE, "imdb")
    left = {
        **WHOLE,
        "title.principals.tsv.gz": str(WHOLE["title.principals.tsv.gz"]).replace(
            "tt0114709\t10\tnm0000003\tactor", "tt0114709\t10\tnm0000003\tself"
        ),
    }
    assert landing.bring(DAY + WEEK, left, "imdb").new == {
        "titles": 0,
        "movie_persons": 3,
        "persons": 0,
    }
    assert cast(landing, 3) == [("director", 1, 5), ("director", 2, 4), ("actor", 1, 2)]


def test_what_imdb_does_not_know_is_empty(landing: Landing) -> None:
    line = title(114709, "Toy Story", "\\N", minutes="\\N").replace("Drama,Comedy", "\\N")
    landing.bring(DAY, imdb(line, crew="tt0114709\t\\N\t\\N\n"), "imdb")
    assert landing.rows(
        "SELECT start_year, runtime_minutes, genres, average_rating, votes FROM imdb_titles"
    ) == [(None, None, [], None, None)]


OURS = "tt0114709"


@pytest.mark.parametrize(
    ("file", "row", "reason"),
    [
        (
            "title.basics.tsv",
            f"{OURS}\tmovie\t\\N\tx\t0\t1995\t\\N\t81\tDrama",
            "the title is empty",
        ),
        (
            "title.basics.tsv",
            f"{OURS}\tmovie\tToy\tx\t0\t95\t\\N\t81\tDrama",
            "startYear '95' is not a year",
        ),
        (
            "title.basics.tsv",
            f"{OURS}\tmovie\tToy\tx\t0\t1995\t\\N\tlong\tDrama",
            "runtimeMinutes 'long' is not a number of minutes",
        ),
        (
            "title.basics.tsv",
            title(114709, "Toy Story").strip(),
            "tt114709 is in an earlier line too",
        ),
        ("title.basics.tsv", "tt1\tmovie", "2 columns, expected 9"),
        ("title.ratings.tsv", f"{OURS}\t11\t5", "averageRating '11' is not between 0 and 10"),
        ("title.ratings.tsv", f"{OURS}\t8.1\tmany", "numVotes 'many' is not a number"),
        ("title.ratings.tsv", f"{OURS}\t8.1\t5", "tt114709 is in an earlier line too"),
        ("title.crew.tsv", f"{OURS}\tJohn\t\\N", "directors 'John' are not nconst ids"),
        ("title.crew.tsv", f"{OURS}\tnm1\t\\N", "tt114709 is in an earlier line too"),
        (
            "title.principals.tsv",
            f"{OURS}\tfirst\tnm1\tactor\t\\N\t\\N",
            "ordering 'first' is not a number",
        ),
        (
            "title.principals.tsv",
            f"{OURS}\t1\tnobody\tactor\t\\N\t\\N",
            "nconst 'nobody' is not an id",
        ),
        (
            "title.principals.tsv",
            f"{OURS}\t02\tnm0000003\tactor\t\\N\t\\N",
            "ordering 02 of tt114709 is in an earlier line too",
        ),
        ("name.basics.tsv", "nm0000002\t\\N\t1900\t\\N\t\\N\t\\N", "the name is empty"),
        (
            "name.basics.tsv",
            "nm0000002\tX\tlong ago\t\\N\t\\N\t\\N",
            "birthYear 'long ago' is not a year",
        ),
        ("name.basics.tsv", "nm0000002\tX\t\\N\tsoon\t\\N\t\\N", "deathYear 'soon' is not a year"),
        (
            "name.basics.tsv",
            "nm0000002\tX\t\\N\t\\N\t\\N\t\\N",
            "nm0000002 is in an earlier line too",
        ),
    ],
)
def test_a_bad_row_is_set_aside_with_its_line_and_reason(
    landing: Landing, file: str, row: str, reason: str
) -> None:
    text = str(WHOLE[f"{file}.gz"])
    landing.bring(DAY, {**WHOLE, f"{file}.gz": f"{text}{row}\n"}, "imdb", max_bad_share=0.5)
    assert landing.rows("SELECT file, line, reason FROM rejected_rows") == [
        (file, text.count("\n") + 1, reason)
    ]
    assert landing.rows("SELECT movie_id, average_rating FROM imdb_titles") == [
        (1, pytest.approx(8.3))
    ]
    assert len(cast(landing, 2)) == 4


def test_bad_rows_of_films_that_are_not_ours_are_nobodys_concern(landing: Landing) -> None:
    files = {
        **WHOLE,
        "title.ratings.tsv.gz": f"{WHOLE['title.ratings.tsv.gz']}tt0000001\tawful\t-1\n",
    }
    assert landing.bring(DAY, files, "imdb").rejected == {}


@pytest.mark.parametrize(
    ("file", "row", "is_ours"),
    [
        ("name.basics.tsv", b"nm0000002\t\xff\t1900\t\\N\tactor\t\\N", True),
        ("name.basics.tsv", b"nm0000011\t\xff\t1900\t\\N\tactor\t\\N", False),
        ("title.principals.tsv", b"tt0114709\t4\tnm\xff\tactor\t\\N\t\\N", True),
        ("title.principals.tsv", b"tt0000001\t4\tnm\xff\tactor\t\\N\t\\N", False),
        ("title.basics.tsv", b"tt0114709\tmovie\t\xff\tx\t0\t1939\t\\N\t81\tDrama", True),
        (
            "title.basics.tsv",
            b"tt0000002\tmovie\t\xff\tx\t0\t1995\t\\N\t81\tDrama",
            True,
        ),  # perhaps one that is looked for by name
        ("title.basics.tsv", b"tt0000002\tmovie\t\xff\tx\t0\t1939\t\\N\t81\tDrama", False),
    ],
)
def test_a_row_that_is_no_text_is_set_aside_where_it_may_be_ours(
    landing: Landing, file: str, row: bytes, is_ours: bool
) -> None:
    text = str(WHOLE[f"{file}.gz"])
    got = landing.bring(
        DAY,
        {**WHOLE, f"{file}.gz": gzip.compress(text.encode() + row + b"\n")},
        "imdb",
        max_bad_share=0.5,
    )
    reason = "not UTF-8 text, or a zero byte in it"
    expected = [(file, text.count("\n") + 1, reason)] if is_ours else []
    assert landing.rows("SELECT file, line, reason FROM rejected_rows") == expected
    assert got.read[file] == text.count("\n")


@pytest.mark.parametrize("ident", ["tt0114709", "tt0000001", "nm0000002", "nm0000011"])
@pytest.mark.parametrize("file", [name.removesuffix(".gz") for name in WHOLE])
def test_a_broken_row_with_a_bad_byte_is_set_aside_at_its_line(
    landing: Landing, file: str, ident: str
) -> None:
    """Of whatever movie: how many columns a row has is about the file."""
    head, text = str(WHOLE[f"{file}.gz"]).split("\n", 1)
    row = ident.encode() + b"\tMis\xe9re" + b"\t" * 10
    data = gzip.compress(head.encode() + b"\n" + row + b"\n" + text.encode())
    landing.bring(DAY, {**WHOLE, f"{file}.gz": data}, "imdb", max_bad_share=0.5)
    n_columns = head.count("\t") + 1
    assert landing.rows("SELECT file, line, reason, content FROM rejected_rows") == [
        (file, 2, f"12 columns, expected {n_columns}", f"{ident}\tMis\\xe9re" + "\t" * 10)
    ]
    assert landing.rows("SELECT movie_id, average_rating FROM imdb_titles") == [
        (1, pytest.approx(8.3))
    ]
    assert len(cast(landing, 2)) == 4


def test_one_broken_row_of_many_refuses_nothing(landing: Landing) -> None:
    others = "".join(f"tt{n:07d}\t5.0\t10\n" for n in range(1000, 1200))
    ratings = f"{WHOLE['title.ratings.tsv.gz']}{others}".encode() + b"tt0000002\tx\xe9\t5.0\t10\n"
    got = landing.bring(DAY, {**WHOLE, "title.ratings.tsv.gz": gzip.compress(ratings)}, "imdb")
    assert got.rejected == {"title.ratings.tsv": 1}


@pytest.mark.parametrize(
    ("year", "genres", "expected"),
    [
        ("0000", "Drama", (None, ["Drama"])),
        ("1869", " Drama,,Comedy", (None, ["Drama", "Comedy"])),
        ("9999", "\\N,Drama", (None, ["Drama"])),
        ("2100", "N/A", (2100, [])),
        ("1995", "", (1995, [])),
    ],
)
def test_genres_and_years_of_imdb_are_as_of_movielens(
    landing: Landing, year: str, genres: str, expected: tuple
) -> None:
    line = title(114709, "Toy Story", year).replace("Drama,Comedy", genres)
    landing.bring(DAY, imdb(line), "imdb")
    assert landing.rows("SELECT start_year, genres FROM imdb_titles") == [expected]


def test_a_person_twice_under_two_spellings_is_one(landing: Landing) -> None:
    files = {
        **WHOLE,
        "name.basics.tsv.gz": f"{WHOLE['name.basics.tsv.gz']}nm2\tOther\t\\N\t\\N\t\\N\t\\N\n",
    }
    files["title.principals.tsv.gz"] = (
        f"{WHOLE['title.principals.tsv.gz']}tt0114709\t11\tnm2\tactor\t\\N\t\\N\n"
    )
    landing.bring(DAY, files, "imdb", max_bad_share=0.5)
    assert landing.rows("SELECT name FROM persons WHERE person_id = 2") == [("Person 2",)]


@pytest.mark.parametrize("missing", sorted(WHOLE))
def test_a_missing_file_is_named(landing: Landing, missing: str) -> None:
    landing.put(DAY, {name: text for name, text in WHOLE.items() if name != missing}, "imdb")
    with pytest.raises(
        DropError,
        match=f"^no {missing.removesuffix('.gz')}; found .*, expected title.basics.tsv, "
        f".*imdb drop of {DAY} in ",
    ):
        landing.take_in()
    assert landing.rows("SELECT state FROM drops WHERE source = 'imdb'") == [("refused",)]
    assert landing.rows("SELECT count(*) FROM imdb_titles") == [(0,)]


def test_too_many_bad_rows_are_refused(landing: Landing) -> None:
    with pytest.raises(
        DropError,
        match=r"1 of 3 rows of title\.ratings\.tsv are bad \(33\.3%, allowed 1\.0%\); the first is "
        r"line 4: averageRating 'x'",
    ):
        landing.bring(
            DAY,
            {**WHOLE, "title.ratings.tsv.gz": f"{WHOLE['title.ratings.tsv.gz']}tt0114709\tx\t1\n"},
            "imdb",
        )
    assert landing.rows("SELECT count(*) FROM imdb_titles") == [(0,)]


def test_movielens_of_the_same_date_comes_first(tmp_path: Path, conn: Connection) -> None:
    landing = Landing(tmp_path / "other", conn)
    landing.put(DAY, WHOLE, "imdb")
    movies = "movieId,title,genres\n1,Toy Story (1995),Drama\n"
    landing.put(
        DAY, {"movies.csv": movies, "ratings.csv": f"userId,movieId,rating,timestamp\n7,1,4,{T}\n"}
    )
    assert [got.new.get("titles") for got in landing.take_in()] == [None, 1]
