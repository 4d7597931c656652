"""An erased user is erased however the id is written, in every file, before the erasure and after
it.
"""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from psycopg import sql

from recsys.db.connect import Connection
from recsys.errors import DropError
from recsys.removal import erase_user
from recsys.settings import Settings
from tests import steps
from tests.landing import Landing

FIRST, LATER = date(2020, 1, 6), date(2020, 1, 13)
T = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp())
OTHER = 4_000_000_001
LONGEST = 2**63 - 1
#: What only the erased user says.
MARK = "said-by-the-erased"

SPELLINGS = [
    (0, "0"),
    (0, "00"),
    (0, "-0"),
    (7, "0007"),
    (7, "+7"),
    (7, " 7"),
    (7, "7.0"),
    (7, '"7"'),
    (LONGEST, str(LONGEST)),
]


def double_colon(user: str, at: int) -> dict[str, str]:
    """Rows of the user that are read, read after all (4.50), set aside and broken; and another
    user's.
    """
    return {
        "movies.dat": "1::Toy Story (1995)::Drama\n2::Heat (1995)::Crime\n",
        "users.dat": f"{user}::F::25::10::{MARK}\n{user}::M::25::10::{MARK}\n{OTHER}::M::1::1::1\n",
        "ratings.dat": f"{user}::1::5::{at}\n{user}::2::4.50::{at}\n{user}::1::55::{at}\n"
        f"{user}::1::4::{MARK}\n"
        f"{user}::1::5::{at}::{MARK}\n{user}::{MARK}\n{OTHER}::1::5::{at}\n",
        "tags.dat": f"{user}::1::{MARK}::{at}\n{user}::1::{MARK}::soon\n"
        f"{user}::1::\xff\0{MARK}::{at}\n{OTHER}::1::fun::{at}\n",
    }


def other_order(user: str, at: int) -> dict[str, str]:
    """The user's column is not the first, so that a row that could not be read does not begin with
    it.
    """
    return {
        "movies.csv": "movieId,title,genres\n1,Toy Story (1995),Drama\n2,Heat (1995),Crime\n",
        "ratings.csv": "rating,movieId,userId,timestamp\n"
        f"5,1,{user},{at}\n4.50,2,{user},{at}\n9,1,{user},{at}\n5,1,{user},{at},{MARK}\n"
        f"5,1,{user}\n5,1,{OTHER},{at}\n3\n",
        "tags.csv": f'movieId,userId,tag,timestamp\n1,{user},{MARK},{at}\n1,{user},"{MARK}, '
        f'and",{at},1\n1,{OTHER},fun,{at}\n',
    }


def columns(conn: Connection, condition: str) -> list[tuple[str, str]]:
    """(relation, column) of every table and materialized view of the project."""
    rows = conn.execute(
        "SELECT format('%%I.%%I', n.nspname, c.relname), a.attname FROM pg_attribute a JOIN "
        "pg_class c ON c.oid = a.attrelid "
        "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'm') AND "
        "a.attnum > 0 "
        f"AND NOT a.attisdropped AND n.nspname IN ('public', 'staging') AND {condition} ORDER BY "
        "1, 2".encode(),
        [],
    )
    return [(row[0], row[1]) for row in rows]


def is_user(text: str, user: int) -> bool:
    """Whether a text begins with the user's number, by a reader of our own."""
    field = text.replace("::", "|").replace(",", "|").split("|")[0].strip().strip('"').strip()
    try:
        return float(field) == user
    except ValueError:
        return False


def belongings(conn: Connection, user: int) -> list[str]:
    """Where anything of the user is: by number, by text, by array, and by what only they said."""
    places = []
    for table, column in columns(conn, "a.attname ~ '^user'"):
        query = sql.SQL("SELECT {}::text FROM {}").format(sql.Identifier(column), sql.SQL(table))  # pyright: ignore[reportArgumentType]
        values = [row[0] for row in conn.execute(query) if row[0] is not None]
        members = [member for value in values for member in value.strip("{}").split(",")]
        places += [f"{table}.{column}" for member in members if is_user(member, user)]
    for table in {table for table, _ in columns(conn, "true")}:
        query = sql.SQL("SELECT count(*) FROM {} t WHERE t::text LIKE %s").format(sql.SQL(table))  # pyright: ignore[reportArgumentType]
        places += [f"{table} by its words"] * conn.execute(query, [f"%{MARK}%"]).fetchall()[0][0]
    return sorted(set(places) - {"public.erased_users.user_id"})


READ_AS = {
    **dict.fromkeys(
        (
            "0",
            "00",
            "-0",
            "+0",
            " 0",
            "0.0",
            "0e0",
            '"0"',
            "0|1|5",
            "0::1::5",
            "0\\t1",
            "'0' is",
            ".0",
        ),
        0,
    ),
    **dict.fromkeys(
        (
            "7",
            "0007",
            "+7",
            "\ufeff7",
            "\u00a07",
            "7 ",
            "7.",
            "7.0",
            "7e0",
            '"7"',
            '"7",1',
            "0" * 500 + "7",
        ),
        7,
    ),
    **dict.fromkeys(("1e1", "10|7"), 10),
    **dict.fromkeys((str(LONGEST), f"0{LONGEST}", f"{LONGEST}::1"), LONGEST),
    **dict.fromkeys(
        ("", "|7", "x7", "7.5", "9223372036854775808", "1e30", "-", ".", "\uff17", "E7"), None
    ),
}


def test_a_user_is_the_number_that_a_text_begins_with(conn: Connection) -> None:
    users = {
        text: conn.execute("SELECT staging.user_of(%s)", [text]).fetchall()[0][0]
        for text in READ_AS
    }
    assert users == READ_AS


@pytest.fixture
def landing(settings: Settings, conn: Connection) -> Landing:
    return Landing(Path(settings.drops), conn)


@pytest.mark.parametrize("layout", [double_colon, other_order])
@pytest.mark.parametrize(("user", "text"), SPELLINGS)
def test_nothing_of_an_erased_user_is_left_or_comes_back(
    settings: Settings, landing: Landing, layout, user: int, text: str
) -> None:
    landing.bring(FIRST, layout(text, T), max_bad_share=1)
    steps.refresh_views(settings)
    assert belongings(landing.conn, user)
    erase_user(settings, user)
    assert belongings(landing.conn, user) == []
    landing.bring(LATER, layout(text, T + 1), max_bad_share=1)
    steps.refresh_views(settings)
    assert belongings(landing.conn, user) == []
    steps.check_facts(settings)
    assert belongings(landing.conn, OTHER)  # all that the other user said is still there


def test_another_order_sets_aside_no_other_users_rows(settings: Settings, landing: Landing) -> None:
    """Rows begin with the stars: an erasure of user 5 is none of theirs."""
    landing.bring(FIRST, other_order("7", T), max_bad_share=1)
    before = landing.rows("SELECT file, line, user_id FROM rejected_rows ORDER BY 1, 2")
    assert before == [
        ("ratings.csv", line, user) for line, user in ((4, 7), (5, 7), (6, 7), (8, None))
    ] + [("tags.csv", 3, 7)]
    erase_user(settings, 5, bar=True)
    assert landing.rows("SELECT file, line, user_id FROM rejected_rows ORDER BY 1, 2") == before


@pytest.mark.parametrize("text", ["+7", "0007", str(LONGEST)])
def test_a_refusals_reason_names_no_erased_user(
    settings: Settings, landing: Landing, text: str
) -> None:
    twice = {
        "users.dat": f"{text}::F::25::10::1\n{text}::F::25::10::1\n",
        "ratings.dat": f"{OTHER}::1::5::{T}\n",
        "tags.dat": "",
    }
    landing.put(FIRST, double_colon(text, T) | twice)
    with pytest.raises(DropError):
        landing.take_in()
    reasons = "SELECT reason FROM drops"
    assert text in landing.rows(reasons)[0][0]
    erase_user(settings, int(text))
    assert text not in landing.rows(reasons)[0][0]


def test_a_header_that_is_a_users_row_goes_too(settings: Settings, landing: Landing) -> None:
    landing.put(FIRST, other_order("7", T) | {"ratings.csv": f"7,1,4.0,{T}\n"})
    with pytest.raises(DropError, match="no column"):
        landing.take_in()
    erase_user(settings, 7, bar=True)
    ((reason,),) = landing.rows("SELECT reason FROM drops")
    assert str(T) not in reason


def test_an_id_that_is_no_number_hides_no_zero(landing: Landing) -> None:
    """A row without an id is not the same movie as movie 0."""
    movies = "movieId,title,genres\n,Nothing (1990),Drama\n0,Zero (1990),Drama\n"
    landing.bring(
        FIRST,
        {"movies.csv": movies, "ratings.csv": f"userId,movieId,rating,timestamp\n1,0,5,{T}\n"},
        max_bad_share=0.5,
    )
    assert landing.rows("SELECT movie_id, title FROM movies") == [(0, "Zero (1990)")]
