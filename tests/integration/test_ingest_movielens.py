"""MovieLens drops, in every layout, from files to facts; and what happens to those that are not
what they should be.
"""

import gzip
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from recsys.db.connect import Connection
from recsys.errors import DropError
from tests.landing import Landing

DAY = date(2020, 1, 6)
WEEK = timedelta(days=7)
T = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp())

MOVIES = (
    'movieId,title,genres\n1,Toy Story (1995),Adventure|Children\n2,"American President, The '
    '(1995)",Drama\n'
    '3,"Say ""Hi""",(no genres listed)\n'
)
LINKS = "movieId,imdbId,tmdbId\n1,0114709,862\n2,0112346,\n3,,\n"
TAGS = f'userId,movieId,tag,timestamp\n7,1,"pixar, ""great""",{T}\n'
RATINGS_HEAD = "userId,movieId,rating,timestamp\n"
CSV = {
    "movies.csv": MOVIES,
    "links.csv": LINKS,
    "tags.csv": TAGS,
    "ratings.csv": f"{RATINGS_HEAD}7,1,4.5,{T}\n7,2,0.5,{T + 1}\n8,1,3,{T}\n",
}
ML_1M = {
    "movies.dat": "1::Toy Story (1995)::Adventure|Children\n2::Mis\xe9rables, Les (1995)::Drama\n",
    "users.dat": "7::F::1::10::48067\n8::M::56::16::70072-1234\n",
    "ratings.dat": f"7::1::5::{T}\n7::2::1::{T + 1}\n8::1::3::{T}\n",
}
ML_10M = {
    "movies.dat": ML_1M["movies.dat"].encode(),
    "ratings.dat": f"7::1::4.5::{T}\n7::2::0.5::{T + 1}\n8::1::3::{T}\n",
    "tags.dat": f'7::1::"quoted" & caf\xe9::{T}\n'.encode(),
}
FLAGS = [0] * 19
ML_100K = {
    "u.item": "1|Toy Story (1995)|01-Jan-1995||http://x|0|0|1|0|1|0|0|0|0|0|0|0|0|0|0|0|0|0|0\n"
    "2|Caf\xe9 (1994)|01-Jan-1994|||1|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0\n",
    "u.user": "7|24|M|technician|85711\n8|53|F|other|T8H1N\n",
    "u.data": f"7\t1\t5\t{T}\n7\t2\t1\t{T + 1}\n8\t1\t3\t{T}\n",
    "u.genre": "unknown|0\n",
}
FACTS = ("ratings", "movies", "links", "users", "tags")


@pytest.fixture
def landing(tmp_path: Path, conn: Connection) -> Landing:
    return Landing(tmp_path / "drops", conn)


def ratings(*rows: tuple) -> str:
    return RATINGS_HEAD + "".join(",".join(map(str, row)) + "\n" for row in rows)


def only(*rows: tuple) -> dict[str, str | bytes]:
    return {"movies.csv": MOVIES, "ratings.csv": ratings(*rows)}


def stars(landing: Landing) -> list[tuple]:
    return landing.rows(
        "SELECT user_id, movie_id, rating, extract(epoch FROM rated_at)::bigint FROM ratings ORDER "
        "BY 1, 2, 4, drop_id"
    )


def n_facts(landing: Landing) -> dict[str, int]:
    return {table: landing.rows(f"SELECT count(*) FROM {table}")[0][0] for table in FACTS}


def refusal(landing: Landing, files: Mapping[str, str | bytes], max_bad_share: float = 0.01) -> str:
    """The message that this drop is refused with, its ledger row being checked."""
    before = n_facts(landing)
    landing.put(DAY + 50 * WEEK, files)
    with pytest.raises(DropError) as error:
        landing.take_in(max_bad_share=max_bad_share)
    message = str(error.value)
    assert message.endswith(
        f" (movielens drop of {DAY + 50 * WEEK} in {landing.folder}/movielens/{DAY + 50 * WEEK})"
    )
    assert n_facts(landing) == before
    ((state, reason),) = landing.rows(
        "SELECT state, reason FROM drops ORDER BY drop_id DESC LIMIT 1"
    )
    assert (state, message.startswith(reason), str(landing.folder) in reason) == (
        "refused",
        True,
        False,
    )
    return message


# ---------------------------------------------------------------- layouts


def test_csv(landing: Landing) -> None:
    got = landing.bring(DAY, CSV)
    assert got.read == {"movies.csv": 3, "links.csv": 3, "ratings.csv": 3, "tags.csv": 1}
    assert got.new == {"movies": 3, "links": 3, "users": 0, "ratings": 3, "tags": 1}
    assert stars(landing) == [(7, 1, 4.5, T), (7, 2, 0.5, T + 1), (8, 1, 3.0, T)]
    assert landing.rows("SELECT movie_id, title, year, genres FROM movies ORDER BY 1") == [
        (1, "Toy Story (1995)", 1995, ["Adventure", "Children"]),
        (2, "American President, The (1995)", 1995, ["Drama"]),
        (3, 'Say "Hi"', None, []),
    ]
    assert landing.rows("SELECT movie_id, imdb_id, tmdb_id FROM links ORDER BY 1") == [
        (1, 114709, 862),
        (2, 112346, None),
        (3, None, None),
    ]
    assert landing.rows("SELECT user_id, movie_id, tag, tagged_at FROM tags") == [
        (7, 1, 'pixar, "great"', datetime(2020, 1, 1, tzinfo=UTC))
    ]


def test_ml_1m(landing: Landing) -> None:
    landing.bring(DAY, ML_1M)
    assert stars(landing) == [(7, 1, 5.0, T), (7, 2, 1.0, T + 1), (8, 1, 3.0, T)]
    assert landing.rows("SELECT title, year FROM movies WHERE movie_id = 2") == [
        ("Misérables, Les (1995)", 1995)
    ]
    assert landing.rows(
        "SELECT user_id, gender, age, occupation, zip_code FROM users ORDER BY 1"
    ) == [
        (7, "F", 1, "10", "48067"),
        (8, "M", 56, "16", "70072-1234"),
    ]


def test_ml_10m(landing: Landing) -> None:
    landing.bring(DAY, ML_10M)
    assert stars(landing) == [(7, 1, 4.5, T), (7, 2, 0.5, T + 1), (8, 1, 3.0, T)]
    assert landing.rows("SELECT title FROM movies WHERE movie_id = 2") == [
        ("Misérables, Les (1995)",)
    ]
    assert landing.rows("SELECT tag FROM tags") == [('"quoted" & café',)]


BOTH = ["Toy Story (1995)", "Misérables, Les (1995)"]
# more than a block without an accent
LATE = "".join(f"{n}::Film {n} (1990)::Drama\n" for n in range(10, 60_000))


@pytest.mark.parametrize(
    ("files", "titles", "n_bad"),
    [
        (ML_10M | {"movies.dat": LATE.encode() + ML_10M["movies.dat"]}, BOTH, 0),
        ({**ML_1M, "movies.dat": LATE + ML_1M["movies.dat"]}, BOTH, 0),
        ({file: ML_10M[file] for file in ("movies.dat", "ratings.dat")}, BOTH, 0),
        ({file: ML_1M[file] for file in ("movies.dat", "ratings.dat")}, BOTH, 0),
        ({**ML_1M, "movies.dat": ML_10M["movies.dat"]}, BOTH, 0),
        (
            ML_10M | {"movies.dat": b"1::Toy Story::\n2::Caf\xe9 \xe8::\n3::\xc3\xa9::\n"},
            ["Toy Story", "é"],
            1,
        ),
        (ML_10M | {"movies.dat": b"1::Toy Story::\n2::Caf\xe9::\n"}, ["Toy Story"], 1),
        ({**ML_1M, "movies.dat": b"1::\xe9::\n2::\xe8 \xc3\xa9::\n"}, ["é", "è Ã©"], 0),
        (
            {**ML_1M, "movies.dat": b"\xef\xbb\xbf1::Toy Story::\n2::\xc3\xa9::\n"},
            ["Toy Story", "é"],
            0,
        ),
    ],
    ids=[
        "ml-10M, late",
        "ml-1m, late",
        "ml-10M, no tags",
        "ml-1m, no users",
        "ml-1m as UTF-8",
        "one bad row",
        "tags say UTF-8",
        "ml-1m with UTF-8 by chance",
        "byte order mark",
    ],
)
def test_the_encoding_of_double_colon_files_follows_from_content(
    landing: Landing, files: dict[str, str | bytes], titles: list[str], n_bad: int
) -> None:
    got = landing.bring(DAY, files, max_bad_share=0.5)
    assert landing.rows("SELECT title FROM movies WHERE movie_id < 10 ORDER BY movie_id") == [
        (title,) for title in titles
    ]
    assert got.rejected.get("movies.dat", 0) == n_bad


def test_ml_100k_as_utf_8_is_the_same(landing: Landing) -> None:
    landing.bring(DAY, {**ML_100K, "u.item": ML_100K["u.item"].encode()})
    assert landing.rows("SELECT title FROM movies WHERE movie_id = 2") == [("Café (1994)",)]


def test_ml_100k(landing: Landing) -> None:
    landing.bring(DAY, ML_100K)
    assert stars(landing) == [(7, 1, 5.0, T), (7, 2, 1.0, T + 1), (8, 1, 3.0, T)]
    assert landing.rows("SELECT title, year, genres FROM movies ORDER BY movie_id") == [
        ("Toy Story (1995)", 1995, ["Adventure", "Children's"]),
        ("Café (1994)", 1994, []),
    ]
    assert landing.rows(
        "SELECT user_id, gender, age, occupation, zip_code FROM users ORDER BY 1"
    ) == [
        (7, "M", 24, "technician", "85711"),
        (8, "F", 53, "other", "T8H1N"),
    ]


def test_zipped_and_gzipped_files_are_the_same_facts(landing: Landing) -> None:
    landing.put_zip(DAY, {name: str(text) for name, text in CSV.items()})
    landing.put(DAY + WEEK, {f"{name}.gz": text for name, text in CSV.items()})
    first, second = landing.take_in()
    assert first.new == {"movies": 3, "links": 3, "users": 0, "ratings": 3, "tags": 1}
    assert set(second.new.values()) == {0}


# ---------------------------------------------------------------- rows that are set aside

BAD_RATINGS = [
    ("x,1,4,{T}", "userId 'x' is not a whole number"),
    ("-1,1,4,{T}", "userId '-1' is not a whole number"),
    ("\uff17,1,4,{T}", "userId '\uff17' is not a whole number"),
    ("1234567890123456789,1,4,{T}", "userId '1234567890123456789' is not a whole number"),
    ("7,1.5,4,{T}", "movieId '1.5' is not a whole number"),
    ("1e1,1,4,{T}", "userId '1e1' is not a whole number"),
    ("7,1.,4,{T}", "movieId '1.' is not a whole number"),
    ("7,1,55,{T}", "rating '55' is not between 0.5 and 5 in half stars"),
    ("7,1,0,{T}", "rating '0' is not between 0.5 and 5 in half stars"),
    ("7,1,5.5,{T}", "rating '5.5' is not between 0.5 and 5 in half stars"),
    ("7,1,3.7,{T}", "rating '3.7' is not between 0.5 and 5 in half stars"),
    ("7,1,NaN,{T}", "rating 'NaN' is not between 0.5 and 5 in half stars"),
    ("7,1,,{T}", "rating '' is not between 0.5 and 5 in half stars"),
    ("7,1,4,2020-01-01", "timestamp '2020-01-01' is not in seconds since 1970"),
    ("7,1,4,{T}000", "timestamp '{T}000' is not in seconds since 1970"),
    ("7,1,4,86400", "timestamp 86400 is not between 1990 and 2100"),
    ("7,1,4,9999999999", "timestamp 9999999999 is not between 1990 and 2100"),
    ("7,99,4,{T}", "movie 99 is in no movies file so far"),
    ("007,01,2,1577836801", "the same user, movie and time are in line 2 too"),
    ("7,1,4", "3 columns, expected 4"),
    ('"7,1,4,{T}', "a quote is opened and not closed"),
]


def test_a_bad_rating_is_set_aside_with_its_line_and_reason(landing: Landing) -> None:
    """Each between two good ones."""
    bad = [
        (row.replace("{T}", str(T)), reason.replace("{T}", str(T))) for row, reason in BAD_RATINGS
    ]
    lines = ["7,1,4,1577836801"]
    for place, (row, _) in enumerate(bad):
        lines += [row, f"{100 + place},2,4,{T}"]
    got = landing.bring(
        DAY,
        {"movies.csv": MOVIES, "ratings.csv": RATINGS_HEAD + "\n".join(lines)},
        max_bad_share=0.5,
    )
    rows = landing.rows("SELECT file, line, reason FROM rejected_rows ORDER BY line")
    assert rows == [("ratings.csv", 3 + 2 * place, reason) for place, (_, reason) in enumerate(bad)]
    assert (got.read["ratings.csv"], got.rejected, got.new["ratings"]) == (
        len(lines),
        {"ratings.csv": len(bad)},
        1 + len(bad),
    )
    assert [row[:2] for row in stars(landing)] == [
        (7, 1),
        *((100 + place, 2) for place in range(len(bad))),
    ]


@pytest.mark.parametrize(
    ("file", "row", "reason"),
    [
        ("movies.csv", "x,T (1990),Drama", "movieId 'x' is not a whole number"),
        ("movies.csv", "9, ,Drama", "the title is empty"),
        ("movies.csv", "01,T (1990),Drama", "movieId 01 is in an earlier line too"),
        (
            "movies.csv",
            '9,T (1990),"Drama\n10,U,Drama"',
            "a line break in title or genres: is a quote left open?",
        ),
        ("links.csv", "x,1,1", "movieId 'x' is not a whole number"),
        ("links.csv", "1,nm1,1", "imdbId 'nm1' is not a number"),
        ("links.csv", "1,1,x", "tmdbId 'x' is not a number"),
        ("links.csv", "01,1,1", "movieId 01 is in an earlier line too"),
        ("tags.csv", f"x,1,t,{T}", "userId 'x' is not a whole number"),
        ("tags.csv", f"7,x,t,{T}", "movieId 'x' is not a whole number"),
        ("tags.csv", f"7,1, ,{T}", "the tag is empty"),
        ("tags.csv", f"7,1,{'t' * 2001},{T}", "the tag has 2001 bytes, more than 2,000"),
        ("tags.csv", "7,1,t,soon", "timestamp 'soon' is not in seconds since 1970"),
        ("tags.csv", "7,1,t,1", "timestamp 1 is not between 1990 and 2100"),
    ],
)
def test_a_bad_row_of_another_file_is_set_aside_with_its_line_and_reason(
    landing: Landing, file: str, row: str, reason: str
) -> None:
    files = CSV | {file: f"{CSV[file]}{row}\n"}
    landing.bring(DAY, files, max_bad_share=0.5)
    assert landing.rows("SELECT file, line, reason FROM rejected_rows") == [
        (file, CSV[file].count("\n") + 1, reason)
    ]
    assert landing.rows(
        "SELECT count(*) FROM movies, links WHERE movies.movie_id = links.movie_id"
    ) == [(3,)]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("x::F::1::10::1", "userId 'x' is not a whole number"),
        ("9::F::old::10::1", "age 'old' is not a number of years"),
        ("07::F::1::10::1", "userId 07 is in an earlier line too"),
    ],
)
def test_a_bad_user_is_set_aside_with_its_line_and_reason(
    landing: Landing, row: str, reason: str
) -> None:
    landing.bring(DAY, ML_1M | {"users.dat": ML_1M["users.dat"] + row + "\n"}, max_bad_share=0.5)
    assert landing.rows("SELECT file, line, reason, content FROM rejected_rows") == [
        ("users.dat", 3, reason, row.replace("::", "|"))
    ]


def test_every_way_to_write_half_stars(landing: Landing) -> None:
    values = ["0.5", ".5", "1", "1.0", "1.5", "2", "2.50", "3.0", "4.5", "5", "5.0"]
    landing.bring(DAY, only(*((7, 1, value, T + n) for n, value in enumerate(values))))
    assert [row[2] for row in stars(landing)] == [float(value) for value in values]


def test_the_longest_tag_fits(landing: Landing) -> None:
    import random

    # does not compress
    tag = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=2000))
    assert (
        landing.bring(
            DAY, only((7, 1, 4, T)) | {"tags.csv": f"userId,movieId,tag,timestamp\n7,1,{tag},{T}\n"}
        ).new["tags"]
        == 1
    )


def test_all_quoted_files_are_the_same_facts(landing: Landing) -> None:
    def quote(text: str) -> str:
        return ("").join(
            ",".join(f'"{value}"' for value in line.split(",")) + "\n" for line in text.splitlines()
        )

    files = {
        "movies.csv": MOVIES,
        "links.csv": quote(LINKS),
        "ratings.csv": quote(CSV["ratings.csv"]),
    }
    got = landing.bring(DAY, files)
    assert (got.rejected, got.new["links"]) == ({}, 3)
    assert stars(landing) == [(7, 1, 4.5, T), (7, 2, 0.5, T + 1), (8, 1, 3.0, T)]


def test_whole_numbers_with_a_point_are_whole_numbers(landing: Landing) -> None:
    files = {
        "movies.csv": MOVIES.replace("\n1,", "\n1.0,"),
        "links.csv": "movieId,imdbId,tmdbId\n1.0,114709.0,862.00\n2,0112346,\n",
        "tags.csv": f"userId,movieId,tag,timestamp\n7.0,1.0,2.0,{T}.0\n",
        "ratings.csv": ratings(("7.0", "1.0", "4.0", f"{T}.0"), (8, 1, 3, T)),
    }
    assert landing.bring(DAY, files).rejected == {}
    assert stars(landing) == [(7, 1, 4.0, T), (8, 1, 3.0, T)]
    assert landing.rows("SELECT movie_id, imdb_id, tmdb_id FROM links ORDER BY 1") == [
        (1, 114709, 862),
        (2, 112346, None),
    ]
    assert landing.rows("SELECT user_id, movie_id, tag FROM tags") == [(7, 1, "2.0")]


def test_a_tag_that_stands_there_twice_is_counted_once(landing: Landing) -> None:
    lines = [f"7,1,t,{T}", f"7,1,T,{T}", f"7,1,t,{T + 1}", f"07,1.0,t,{T}", f'"7",1,"t",{T}']
    got = landing.bring(
        DAY,
        CSV | {"tags.csv": "userId,movieId,tag,timestamp\n" + "\n".join(lines)},
        max_bad_share=0.5,
    )
    assert (got.read["tags.csv"], got.new["tags"], got.rejected) == (5, 3, {"tags.csv": 2})
    assert landing.rows("SELECT line, reason, content FROM rejected_rows ORDER BY line") == [
        (5, "the same user, movie, tag and time are in line 2 too", f"07|1|t|{T}"),
        (6, "the same user, movie, tag and time are in line 5 too", f"7|1|t|{T}"),
    ]
    again = landing.bring(
        DAY + WEEK, CSV | {"tags.csv": f"userId,movieId,tag,timestamp\n{lines[0]}\n"}
    )
    assert (again.new["tags"], again.rejected) == (0, {})


@pytest.mark.parametrize(
    ("published", "genres"),
    [
        ("Drama||Comedy", ["Drama", "Comedy"]),
        (" Drama | Comedy\t", ["Drama", "Comedy"]),
        ("(no genres listed)|Drama", ["Drama"]),
        ("(No Genres Listed)", []),
        ("|", []),
        ("Drama|Comedy|Drama", ["Drama", "Comedy"]),
        ("Sci-Fi|Children's", ["Sci-Fi", "Children's"]),
    ],
)
def test_genres_are_trimmed_and_no_genre_is_none(
    landing: Landing, published: str, genres: list[str]
) -> None:
    landing.bring(DAY, CSV | {"movies.csv": f"{MOVIES}4,T,{published}\n"})
    assert landing.rows("SELECT genres FROM movies WHERE movie_id = 4") == [(genres,)]


@pytest.mark.parametrize(
    ("title", "year"),
    [
        ("T (1995)", 1995),
        ("T (1987\u20132000)", 1987),
        ("T (1987-2000) ", 1987),
        ("T (2006- )", 2006),
        ("T (1870)", 1870),
        ("T (2100)", 2100),
        ("T (10000)", None),
        ("T (0000)", None),
        ("T (1869)", None),
        ("T (2101)", None),
        ("T (198)", None),
        ("T (1995) (Director's Cut)", None),
    ],
)
def test_a_year_is_four_digits_of_a_time_that_had_films(
    landing: Landing, title: str, year: int | None
) -> None:
    landing.bring(DAY, CSV | {"movies.csv": f"{MOVIES}4,{title},Drama\n"})
    assert landing.rows("SELECT title, year FROM movies WHERE movie_id = 4") == [
        (title.strip(), year)
    ]


@pytest.mark.parametrize(
    "layout", [CSV, ML_1M, ML_10M, ML_100K], ids=["csv", "ml-1m", "ml-10M", "ml-100k"]
)
def test_a_broken_row_with_a_bad_byte_is_set_aside_in_every_file(
    landing: Landing, layout: dict[str, str | bytes]
) -> None:
    """A column too few or too many, and a byte that is no UTF-8."""
    names = [name for name in layout if name != "u.genre"]
    signs = {".dat": "::", "item": "|", "user": "|", "data": "\t"}
    files: dict[str, str | bytes] = dict(layout)
    for name in names:
        text = layout[name]
        old = name.endswith(".dat") or name.startswith("u.")
        data = text if isinstance(text, bytes) else text.encode("latin-1" if old else "utf-8")
        sign = signs.get(name[-4:], ",").encode()
        first, rest = data.split(b"\n", 1)
        files[name] = first + b"\n" + b"7" + sign + b"Mis\xe9re" + sign * 40 + b"\n" + rest
    landing.bring(DAY, files, max_bad_share=0.5)
    rows = landing.rows(
        "SELECT file, line, reason, left(content, 20) FROM rejected_rows ORDER BY file"
    )
    assert [(file, line) for file, line, *_ in rows] == [(name, 2) for name in sorted(names)]
    for name, _, reason, content in rows:
        assert reason.startswith("42 columns, expected ")
        shown = "Misére" if layout in (ML_1M, ML_100K) else r"Mis\xe9re"
        assert content.startswith("7" + signs.get(name[-4:], ",") + shown)
    assert len(stars(landing)) == 3


def test_a_tag_over_a_mebibyte_is_one_row_that_is_set_aside(landing: Landing) -> None:
    for drop, tag in ((DAY, "x" * (5 << 20)), (DAY + WEEK, "x" * ((1 << 20) - 100))):
        tags = f"userId,movieId,tag,timestamp\n7,1,{tag},{T}\n7,1,t,{T}\n8,1,t,{T}\n"
        got = landing.bring(drop, CSV | {"tags.csv": tags}, max_bad_share=0.5)
        assert (got.read["tags.csv"], got.rejected) == (3, {"tags.csv": 1})
    rows = landing.rows("SELECT line, reason, length(content) FROM rejected_rows ORDER BY drop_id")
    assert rows == [
        (2, f"a row of {(5 << 20) + 15:,} bytes, more than 1,048,576", 2000),
        (2, f"the tag has {(1 << 20) - 100} bytes, more than 2,000", 2000),
    ]


def test_a_reason_is_short_however_long_the_value(landing: Landing) -> None:
    landing.bring(DAY, only((7, "9" * 300_000, 4, T), (7, 1, 4, T)), max_bad_share=0.5)
    ((reason, content),) = landing.rows("SELECT reason, content FROM rejected_rows")
    assert reason == f"movieId '{'9' * 100}' is not a whole number"
    assert len(content) == 2000


# ---------------------------------------------------------------- drops that are refused


def test_more_bad_rows_than_allowed_change_no_fact(landing: Landing) -> None:
    landing.bring(DAY, CSV)
    rows = [(7, 1, 4, T + n) for n in range(97)] + [(9, 2, 55, T), (9, 2, 44, T), (9, 99, 4, T)]
    message = refusal(landing, CSV | {"ratings.csv": ratings(*rows)}, max_bad_share=0.02)
    assert (
        "3 of 100 rows of ratings.csv are bad (3.0%, allowed 2.0%); the first is line 99: rating "
        "'55' is not between 0.5" in message
    )
    assert landing.rows("SELECT drop_id, file, line, content FROM rejected_rows ORDER BY line") == [
        (2, "ratings.csv", 99, f"9|2|55|{T}"),
        (2, "ratings.csv", 100, f"9|2|44|{T}"),
        (2, "ratings.csv", 101, f"9|99|4.0|{T}"),
    ]


def test_the_allowed_share_itself_is_allowed(landing: Landing) -> None:
    rows = [(7, 1, 4, T + n) for n in range(98)] + [(9, 2, 55, T), (9, 2, 44, T)]
    assert landing.bring(DAY, only(*rows), max_bad_share=0.02).rejected == {"ratings.csv": 2}


def test_a_refused_drop_tells_its_rejected_rows_once_however_often_it_is_tried(
    landing: Landing,
) -> None:
    for _ in range(2):
        message = refusal(landing, only((7, 1, 55, T)))
        assert "1 of 1 rows" in message
    assert landing.rows("SELECT count(*) FROM rejected_rows") == [(1,)]


def test_a_refused_drop_leaves_the_rejected_rows_of_others(landing: Landing) -> None:
    landing.bring(DAY, only((7, 1, 55, T), (7, 1, 5, T)), max_bad_share=0.5)
    refusal(landing, only((7, 1, 4, T)) | {"links.csv": "movieId\n"})
    assert landing.rows("SELECT drop_id, file FROM rejected_rows") == [(1, "ratings.csv")]


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        (
            "ratings.csv",
            "userId,movieId,timestamp\n",
            "no column rating; found 'userId,movieId,timestamp', expected userId,movieId,rating",
        ),
        ("movies.csv", "", "movies.csv line 1: no column movieId, title, genres; found ''"),
        ("tags.csv", f"7,1,t,{T}\n", "tags.csv line 1: no column userId, movieId, tag, timestamp"),
    ],
)
def test_missing_columns(landing: Landing, file: str, text: str, message: str) -> None:
    assert message in refusal(landing, CSV | {file: text})
    assert landing.rows("SELECT count(*) FROM rejected_rows") == [(0,)]


def test_an_unknown_layout(landing: Landing) -> None:
    assert (
        "no ratings file; found films.txt, expected one of ratings.csv, ratings.dat, u.data"
        in refusal(landing, {"films.txt": "x"})
    )


def test_files_cut_short(landing: Landing) -> None:
    text = ratings(*((7, 1, 4, T + n) for n in range(3000)))
    whole = gzip.compress(text.encode())
    assert "ratings.csv.gz cannot be read" in refusal(
        landing, {"movies.csv": MOVIES, "ratings.csv.gz": whole[: len(whole) // 2]}
    )


def test_a_zip_cut_short(landing: Landing) -> None:
    place = landing.put_zip(DAY, {"ratings.csv": ratings((7, 1, 4, T)), "movies.csv": MOVIES})
    whole = (place / "release.zip").read_bytes()
    assert "release.zip is not a whole zip file" in refusal(
        landing_without(landing, place), {"release.zip": whole[: len(whole) // 2]}
    )


def landing_without(landing: Landing, place: Path) -> Landing:
    (place / "_SUCCESS").unlink()
    return landing


# ---------------------------------------------------------------- whose users these are


def people(n_users: int, n_rows: int, *, seed: int, start: int = T) -> list[tuple]:
    """Rating rows of users 1… over movies 1…3, each at a second of its own."""
    return [
        (user, 1 + n % 3, 4, start + seed * 1_000_003 + user * 10_007 + n * 60)
        for user in range(1, n_users + 1)
        for n in range(n_rows)
    ]


def test_another_layout_is_another_population(landing: Landing) -> None:
    landing.bring(DAY, CSV)
    message = refusal(landing, dict(ML_1M))
    assert (
        "its users are of another release: found layout 'double-colon', expected 'csv' as in the "
        "movielens drop of 2020-01-06" in message
    )


def test_a_refused_drop_does_not_say_whose_users_these_are(landing: Landing) -> None:
    landing.put(DAY, {**ML_1M, "ratings.dat": "x\n"})
    with pytest.raises(DropError):
        landing.take_in(as_of=DAY)
    landing.put(DAY + WEEK, CSV)
    assert [got.new["ratings"] for got in landing.take_in(as_of=DAY + WEEK)] == [3]


def test_renumbered_users_are_another_population(landing: Landing) -> None:
    first = people(30, 8, seed=0)
    landing.bring(DAY, only(*first))
    renumbered = [(31 - user, *rest) for user, *rest in first]
    message = refusal(landing, only(*renumbered))
    assert (
        "of 27 users with a known history from the drop's time, the drop has nothing of it for 27"
        in message
    )


def test_a_newer_release_of_the_same_users_is_taken_in(landing: Landing) -> None:
    first = people(30, 8, seed=0)
    landing.bring(DAY, only(*first))
    got = landing.bring(DAY + WEEK, only(*first, *people(40, 8, seed=5)))
    assert got.new["ratings"] == 40 * 8


def test_a_late_week_of_busy_users_is_taken_in(landing: Landing) -> None:
    landing.bring(DAY, only(*people(30, 8, seed=0)))
    landing.bring(DAY + 2 * WEEK, only(*people(30, 8, seed=2)))
    assert landing.bring(DAY + WEEK, only(*people(30, 8, seed=1))).new["ratings"] == 240


def test_a_late_week_with_a_few_much_older_ratings_is_taken_in(landing: Landing) -> None:
    landing.bring(DAY, only(*people(30, 8, seed=0)))
    landing.bring(DAY + 2 * WEEK, only(*people(30, 8, seed=2)))
    old = [(user, 1, 2, T - 10_000_000 + user) for user in range(1, 6)]
    assert landing.bring(DAY + WEEK, only(*old, *people(30, 8, seed=1))).new["ratings"] == 245


# ---------------------------------------------------------------- versions


def test_the_same_content_under_a_new_date_adds_nothing(landing: Landing) -> None:
    landing.bring(DAY, CSV | {"movies.csv": MOVIES})
    before = n_facts(landing)
    assert set(landing.bring(DAY + WEEK, CSV).new.values()) == {0}
    assert n_facts(landing) == before
    assert landing.take_in() == []


def test_users_and_demographics_that_change_are_versions(landing: Landing) -> None:
    landing.bring(DAY, ML_1M)
    got = landing.bring(
        DAY + WEEK, ML_1M | {"users.dat": "7::F::18::10::48067\n8::M::56::16::70072-1234\n"}
    )
    assert got.new == {"movies": 0, "links": 0, "users": 1, "ratings": 0, "tags": 0}


def test_the_same_date_with_other_content_is_a_revision(landing: Landing) -> None:
    landing.bring(DAY, only((7, 1, 4, T)))
    got = landing.bring(
        DAY, only((7, 1, 2, T)) | {"movies.csv": MOVIES.replace("Toy Story", "Toy Stories")}
    )
    assert (got.new["ratings"], got.new["movies"]) == (1, 1)
    assert landing.rows("SELECT drop_date, revision, state FROM drops ORDER BY drop_id") == [
        (DAY, 1, "ingested"),
        (DAY, 2, "ingested"),
    ]


def test_only_the_newest_of_several_unread_revisions_is_taken_in(landing: Landing) -> None:
    from recsys.ingest import ledger

    landing.put(DAY, only((7, 1, 4, T)))
    ledger.register_drops(landing.conn, landing.zone, DAY)
    assert landing.bring(DAY, only((7, 1, 2, T))).new["ratings"] == 1
    assert landing.rows("SELECT revision, state FROM drops ORDER BY drop_id") == [
        (1, "registered"),
        (2, "ingested"),
    ]


def test_a_week_goes_on_without_the_files_of_a_drop_that_is_taken_in(
    landing: Landing, caplog: pytest.LogCaptureFixture
) -> None:
    landing.put(DAY, only((7, 1, 4, T)))
    landing.take_in(as_of=DAY)
    (landing.folder / "movielens" / str(DAY) / "extra.csv").symlink_to("/nonexistent/x.csv")
    landing.put(DAY + WEEK, only((8, 1, 4, T)))
    assert [got.new["ratings"] for got in landing.take_in(as_of=DAY + WEEK)] == [1]
    assert (
        "does not need: extra.csv cannot be read: it is a link to /nonexistent/x.csv" in caplog.text
    )
    assert landing.rows("SELECT drop_date, revision, state FROM drops ORDER BY 1") == [
        (DAY, 1, "ingested"),
        (DAY + WEEK, 1, "ingested"),
    ]


def test_a_week_goes_on_where_a_drop_taken_in_no_longer_has_its_checksums(landing: Landing) -> None:
    landing.put(DAY, only((7, 1, 4, T)))
    landing.take_in(as_of=DAY)
    landing.put(
        DAY,
        only((7, 1, 5, T)) | {"SHA256SUMS": f"{'0' * 64}  movies.csv\n{'0' * 64}  ratings.csv\n"},
    )
    assert landing.take_in(as_of=DAY + WEEK) == []


def test_a_week_stops_at_an_unreadable_drop_that_was_never_taken_in(landing: Landing) -> None:
    for day in (DAY, DAY + WEEK, DAY + 2 * WEEK):
        landing.put(day, only((7, 1, 4, T)))
    (landing.folder / "movielens" / str(DAY + WEEK) / "extra.csv").symlink_to("/nonexistent/x.csv")
    assert len(landing.take_in(as_of=DAY)) == 1  # one that is newer than the week is not looked at
    for later in (DAY + WEEK, DAY + 2 * WEEK):
        with pytest.raises(
            DropError, match=rf"^extra\.csv cannot be read: .*\(movielens drop of {DAY + WEEK} in "
        ):
            landing.take_in(as_of=later)


def test_a_refused_drop_that_becomes_unreadable_stops_its_own_week_alone(landing: Landing) -> None:
    landing.put(DAY, {"movies.csv": MOVIES, "ratings.csv": "broken\n"})
    with pytest.raises(DropError, match="no column"):
        landing.take_in(as_of=DAY)
    (landing.folder / "movielens" / str(DAY) / "extra.csv").symlink_to("/nonexistent/x.csv")
    with pytest.raises(DropError, match=r"^extra\.csv cannot be read"):
        landing.take_in(as_of=DAY)
    landing.put(DAY + WEEK, only((8, 1, 4, T)))
    assert len(landing.take_in(as_of=DAY + WEEK)) == 1


def test_a_week_whose_drops_are_in_needs_no_file_any_more(landing: Landing) -> None:
    from psycopg.types.json import Jsonb

    landing.bring(DAY, only((7, 1, 4, T)))
    landing.conn.execute(
        "INSERT INTO weeks (as_of, watermark, params, resolved_late, ingested_at) VALUES (%s, 1, "
        "%s, false, now())",
        [DAY + WEEK, Jsonb({})],
    )
    (landing.put(DAY + WEEK, {}) / "extra.csv").symlink_to("/nonexistent/x.csv")  # came after all
    assert landing.take_in(as_of=DAY + WEEK) == []
    with pytest.raises(DropError, match=r"^extra\.csv cannot be read"):
        landing.take_in(as_of=DAY + 2 * WEEK)


def test_a_re_rating_a_late_rating_and_a_correction_are_rows_of_their_own(landing: Landing) -> None:
    landing.bring(DAY, only((7, 1, 4, T)))
    landing.bring(DAY + WEEK, only((7, 1, 2, T + 500), (7, 1, 3, T - 500), (7, 1, 5, T)))
    rows = landing.rows(
        "SELECT rating, extract(epoch FROM rated_at)::bigint, drop_id FROM ratings ORDER BY 2, 3"
    )
    assert rows == [(3.0, T - 500, 2), (4.0, T, 1), (5.0, T, 2), (2.0, T + 500, 2)]


def test_what_an_older_drop_says_late_is_kept_unless_the_newest_says_the_same(
    landing: Landing,
) -> None:
    landing.bring(DAY, only((7, 1, 4, T)))
    landing.bring(DAY + 2 * WEEK, only((7, 1, 5, T)))
    assert landing.bring(DAY + WEEK, only((7, 1, 5, T))).new["ratings"] == 0
    assert landing.bring(DAY + WEEK, only((7, 1, 3, T))).new["ratings"] == 1


def test_the_order_in_which_drops_are_taken_in_does_not_matter(landing: Landing) -> None:
    """A week's watermark is a number of arrival: what a later arrival says must not stand for an
    earlier one's word.
    """
    from recsys.ingest import ledger

    landing.put(DAY + WEEK, CSV)
    ledger.register_drops(landing.conn, landing.zone, DAY + WEEK)
    landing.put(DAY, CSV)
    assert len(landing.take_in()) == 2  # the older date, registered second, goes first
    for table in ("ratings", "movies", "links"):
        assert landing.rows(f"SELECT count(*) FROM {table} WHERE drop_id = 1") == [(3,)]


def test_an_erased_user_is_not_brought_back(landing: Landing) -> None:
    landing.conn.execute("INSERT INTO erased_users (user_id) VALUES (7)")
    bad = {
        "ratings.csv": f"{RATINGS_HEAD}007,1,4,{T}\n7,1,55,{T}\n7,1\n8,1,3,{T}\n",
        "tags.csv": f"{TAGS}7,1,t\n77,1,t\n",
    }
    got = landing.bring(DAY, CSV | bad, max_bad_share=0.5)
    assert stars(landing) == [(8, 1, 3.0, T)]
    assert (got.new["tags"], got.rejected) == (0, {"tags.csv": 1})
    assert landing.rows("SELECT content FROM rejected_rows") == [("77,1,t",)]


def test_staging_is_left_empty(landing: Landing) -> None:
    landing.bring(DAY, CSV)
    assert landing.rows("SELECT count(*) FROM staging.ratings") == [(0,)]
