"""Withdrawing a movie, and erasing a user so that nothing is left anywhere."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from recsys.db.connect import Connection
from recsys.errors import DropError, RecsysError, RequestError
from recsys.removal import erase_user, withdraw_movie
from recsys.settings import Settings
from tests import steps
from tests.landing import Landing

USER = 70_707_070_707  # a number that stands nowhere by chance
OTHER = 80_808_080_808
DAY = date(2020, 1, 6)
T = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp())
DROP = {
    "movies.dat": "1::Toy Story (1995)::Drama\n",
    "users.dat": f"{USER}::F::1::10::48067\n{OTHER}::M::1::1::1\n{USER}::F::1::10::1\n",
    "ratings.dat": f"{USER}::1::5::{T}\n{OTHER}::1::5::{T}\n{USER}::1::55::{T}\n{USER}::1::4::{T}\n"
    f"{USER}::1\n"
    f"0{USER}::1::5::{T + 1}\n",
    "tags.dat": f"{USER}::1::fun::{T}\n{OTHER}::1::fun::{T}\n{USER}::1::fun::soon\n",
}
REFUSED = DROP | {"ratings.dat": f"{USER}::1::4::{T}\n{USER}::1::3::{T}\n", "tags.dat": ""}


def relations(conn: Connection) -> list[str]:
    """Every table and materialized view of the project, its schema before it."""
    rows = conn.execute(
        "SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n "
        "ON n.oid = c.relnamespace "
        "WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> "
        "'information_schema' ORDER BY 1"
    )
    return [row.name for row in rows]


def traces(conn: Connection, user_id: int) -> dict[str, int]:
    """Relation → rows in which the number stands anywhere, in text, arrays and JSON too."""
    number = rf"\m0*{user_id}\M"
    counts = {}
    for name in relations(conn):
        statement = sql.SQL("SELECT count(*) FROM {} t WHERE t::text ~ %s").format(sql.SQL(name))  # pyright: ignore[reportArgumentType]
        counts[name] = conn.execute(statement, [number]).fetchone()[0]
    return {name: count for name, count in counts.items() if count}


@pytest.fixture
def full(settings: Settings, conn: Connection) -> Connection:
    """A database that knows the user everywhere: facts, staging, rejected rows, exam, candidates,
    publication.
    """
    landing = Landing(Path(settings.drops), conn)
    landing.bring(DAY, dict(DROP), max_bad_share=0.9)
    landing.put(date(2020, 1, 13), dict(REFUSED))
    with pytest.raises(DropError):  # leaves rows in staging and a reason in the ledger
        landing.take_in(max_bad_share=0.1)
    conn.execute(
        "INSERT INTO weeks (as_of, watermark, params, resolved_late) VALUES "
        "('2020-01-06', 1, '{}', false)"
    )
    conn.execute(
        "INSERT INTO exams (as_of, kind, fingerprint, n_users, n_ratings) VALUES "
        "('2020-01-06', 'dated', '', 3, 3)"
    )
    conn.execute(
        "INSERT INTO exam_entries VALUES ('2020-01-06', 'als', '{}', 'run', %s, "
        "'{0.25,0.5,0.75}'), "
        "('2020-01-06', 'pop', '{}', 'run', %s, '{1}')",
        [[1, OTHER, USER], [OTHER]],
    )
    decided = (
        "INSERT INTO promotions (as_of, decision, recipe_key, recipe, model_version, fit_key, "
        "comparisons, reasons) "
    )
    conn.execute(
        decided.encode() + b"VALUES ('2020-01-06', 'first', 'als', '{}', '1', 'key', '[]', '{}')"
    )
    conn.execute(
        "INSERT INTO candidates VALUES ('key', 0, %s, '{1}', '{1}'), ('key', 0, %s, '{1}', '{1}')",
        [USER, OTHER],
    )
    conn.execute("CREATE TABLE published_lists_1 PARTITION OF published_lists FOR VALUES IN (1)")
    conn.execute(
        "INSERT INTO published_lists VALUES (1, %s, '{1}', '{1}', 1), (1, %s, '{1}', '{1}', 1)",
        [USER, OTHER],
    )
    steps.refresh_views(settings)
    return conn


def test_erasing_leaves_nothing_but_the_tombstone(settings: Settings, full: Connection) -> None:
    places = set(traces(full, USER))
    assert places >= {
        "public.ratings",
        "public.tags",
        "public.users",
        "public.rerated",
        "public.mv_rerated",
        "public.rejected_rows",
        "public.candidates",
        "public.published_lists",
        "public.exam_entries",
        "staging.ratings",
        "staging.rejects",
    }
    others = {
        name: count
        for name, count in traces(full, OTHER).items()
        if not name.startswith("staging.")
    }
    counts = erase_user(settings, USER)
    assert counts == {
        "ratings": 2,
        "rerated": 1,
        "tags": 1,
        "users": 1,
        "lists": 1,
        "candidates": 1,
        "exam scores": 1,
        "rejected": 7,
        "feedback ratings": 0,
        "feedback events": 0,
        "feedback requests": 0,
    }
    left = traces(full, USER)
    assert left == {"public.erased_users": 1}
    assert traces(full, OTHER) == others


def test_erasing_takes_the_scores_of_that_user_alone(settings: Settings, full: Connection) -> None:
    erase_user(settings, OTHER)
    rows = full.execute("SELECT user_ids, ndcg FROM exam_entries ORDER BY recipe_key").fetchall()
    assert [tuple(row) for row in rows] == [([1, USER], [0.25, 0.75]), ([], [])]


def test_an_exam_that_decided_nothing_is_set_again(settings: Settings, full: Connection) -> None:
    full.execute("DELETE FROM promotions")
    full.execute(
        """INSERT INTO proposals (as_of, run_id, inputs, decision, champion, fallback)
           SELECT as_of, 'monday', 'digest', '{}', '{}', '{}' FROM exams"""
    )
    erase_user(settings, USER)
    assert [
        full.execute(f"SELECT count(*) FROM {name}".encode()).fetchone()[0]
        for name in ("exams", "exam_entries", "proposals")
    ] == [0, 0, 0]


def test_rejected_rows_about_movies_are_no_ones(settings: Settings, full: Connection) -> None:
    full.execute(
        "INSERT INTO rejected_rows VALUES (1, 'movies.csv', 5, 'r', %s)", [f"{USER}|Title|"]
    )
    erase_user(settings, USER)
    assert full.execute("SELECT file FROM rejected_rows").fetchall() == [("movies.csv",)]


def test_an_erased_user_stays_away(settings: Settings, full: Connection) -> None:
    erase_user(settings, USER)
    landing = Landing(Path(settings.drops), full)
    (landing.folder / "movielens/2020-01-13/_SUCCESS").unlink()
    full.execute("UPDATE drops SET admitted_for = '2020-01-13' WHERE state = 'refused'")
    landing.bring(
        date(2020, 1, 20),
        DROP | {"ratings.dat": f"{DROP['ratings.dat']}9::1::5::{T}\n"},
        max_bad_share=0.9,
    )
    steps.refresh_views(settings)
    assert traces(full, USER) == {"public.erased_users": 1}


def test_erasing_twice_is_no_error_and_erasing_the_unknown_is_one(
    settings: Settings, full: Connection
) -> None:
    erase_user(settings, USER)
    assert set(erase_user(settings, USER).values()) == {0}
    with pytest.raises(RequestError, match="no user 123456789"):
        erase_user(settings, 123_456_789)
    assert full.execute("SELECT count(*) FROM erased_users").fetchone() == (1,)


def test_a_failed_erasure_changes_nothing(settings: Settings, full: Connection) -> None:
    full.execute(
        "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''no''; END'"
    )
    full.execute("CREATE TRIGGER no BEFORE DELETE ON candidates FOR EACH ROW EXECUTE FUNCTION no()")
    before = traces(full, USER)
    with pytest.raises(psycopg.errors.RaiseException):
        erase_user(settings, USER)
    assert traces(full, USER) == before


def test_a_withdrawal_is_kept_with_its_first_reason(settings: Settings, full: Connection) -> None:
    withdraw_movie(settings, 1, "requested")
    withdraw_movie(settings, 1, "again")
    assert full.execute("SELECT movie_id, reason FROM withdrawals").fetchall() == [(1, "requested")]


def test_a_movie_that_no_drop_brought_cannot_be_withdrawn(
    settings: Settings, full: Connection
) -> None:
    with pytest.raises(
        RecsysError, match=re.escape("no movie 5: expected one that a drop brought")
    ):
        withdraw_movie(settings, 5, "requested")
    assert full.execute("SELECT count(*) FROM withdrawals").fetchone() == (0,)
