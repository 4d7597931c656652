"""Rows as arrays, both ways, and what is refused because the bytes would be misread."""

import signal
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import LiteralString

import numpy as np
import psycopg
import pytest
from pydantic import SecretStr

from recsys.db.arrays import read_arrays, write_arrays
from recsys.db.connect import Connection, connect
from recsys.errors import RecsysError
from recsys.settings import Settings

KINDS = {"a": "bigint", "b": "integer", "c": "real", "d": "double precision"}
READ = "SELECT a, b, c, d FROM t ORDER BY a"
WRITE = "COPY t (a, b, c, d) FROM STDIN (FORMAT binary)"


@pytest.fixture
def table(conn: Connection) -> Connection:
    conn.execute("CREATE TABLE t (a bigint, b integer, c real, d double precision, word text)")
    return conn


def test_what_is_written_is_read(table: Connection) -> None:
    n = 250_001  # more than two writes
    sent = {
        "a": np.arange(n, dtype=np.int64) + 2**40,
        "b": -np.arange(n, dtype=np.int32),
        "c": np.linspace(-1, 1, n, dtype=np.float32),
        "d": np.linspace(0, 1e300, n),
    }
    write_arrays(table, WRITE, sent, KINDS)
    got = read_arrays(table, READ, {}, KINDS)
    for name, values in sent.items():
        assert got[name].dtype == values.dtype
        assert got[name].dtype.isnative
        np.testing.assert_array_equal(got[name], values)
    assert table.execute("SELECT a, b, c, d FROM t ORDER BY a LIMIT 1 OFFSET 3").fetchone() == (
        2**40 + 3,
        -3,
        pytest.approx(-1 + 6 / (n - 1)),
        pytest.approx(3e300 / (n - 1)),
    )


def test_one_value_for_every_row(table: Connection) -> None:
    kinds = {"word": "text", "a": "bigint", "b": "integer"}
    values = {"word": "Zoë", "a": np.array([1, 2]), "b": 7}
    write_arrays(table, "COPY t (word, a, b) FROM STDIN (FORMAT binary)", values, kinds)
    assert table.execute("SELECT word, a, b FROM t ORDER BY a").fetchall() == [
        ("Zoë", 1, 7),
        ("Zoë", 2, 7),
    ]


def test_no_rows(table: Connection) -> None:
    write_arrays(table, WRITE, {name: np.empty(0) for name in KINDS}, KINDS)
    got = read_arrays(table, READ, {}, KINDS)
    assert {name: (values.shape, values.dtype.str) for name, values in got.items()} == {
        "a": ((0,), "<i8"),
        "b": ((0,), "<i4"),
        "c": ((0,), "<f4"),
        "d": ((0,), "<f8"),
    }


@pytest.mark.parametrize("rows", [1, 3, 24])
def test_a_null_is_refused(table: Connection, rows: int) -> None:
    table.execute(
        "INSERT INTO t SELECT g, nullif(g, %s), 1, 1 FROM generate_series(1, %s) g", [rows, rows]
    )
    with pytest.raises(RecsysError, match="NULL"):
        read_arrays(table, READ, {}, KINDS)


def test_a_null_among_many_rows_is_refused(table: Connection) -> None:
    query = "SELECT nullif(g, 99999)::bigint FROM generate_series(1, 300000) g"
    with pytest.raises(RecsysError, match="column 'a' of a binary COPY has a NULL"):
        read_arrays(table, query, {}, {"a": "bigint"})
    assert_usable(table)


@pytest.mark.parametrize(
    "query",
    ["SELECT 1::integer", "SELECT 'a'::text", "SELECT 1::bigint, 2::bigint", "SELECT 1::smallint"],
)
def test_another_type_is_refused_where_it_has_another_width(
    table: Connection, query: LiteralString
) -> None:
    with pytest.raises(RecsysError, match=r"multiple of|is not"):
        read_arrays(table, query, {}, {"a": "bigint"})


def test_widths_that_only_sum_to_the_right_one_are_refused(table: Connection) -> None:
    with pytest.raises(
        RecsysError, match="column 'a' of a binary COPY has a NULL, or is not bigint"
    ):
        read_arrays(table, "SELECT 1::integer, 1::bigint", {}, {"a": "bigint", "b": "integer"})


def test_times_are_read(table: Connection) -> None:
    times = [
        "2026-11-16 00:00:00.000001",
        "2000-01-01 00:00:00",
        "1999-12-31 23:59:59",
        "1969-12-31 23:59:58",
    ]
    query = "SELECT t::timestamptz FROM unnest(%(times)s::text[]) t"
    got = read_arrays(table, query, {"times": times}, {"t": "timestamptz"})["t"]
    assert got.dtype == np.dtype("datetime64[us]")
    np.testing.assert_array_equal(got, np.array(times, dtype="datetime64[us]"))


def test_parameters_reach_the_query(table: Connection) -> None:
    got = read_arrays(table, "SELECT %(x)s::bigint", {"x": 5}, {"a": "bigint"})
    assert got["a"].tolist() == [5]


@pytest.mark.parametrize("rows_before", [0, 1, 150_000])
def test_an_error_of_the_server_is_raised_as_it_is(table: Connection, rows_before: int) -> None:
    query = "SELECT (1 / (g - %(rows)s - 1))::bigint FROM generate_series(1, 300000) g"
    with pytest.raises(psycopg.errors.DivisionByZero, match="division by zero"):
        read_arrays(table, query, {"rows": rows_before}, {"a": "bigint"})
    assert_usable(table)


def test_a_refused_statement_is_raised_as_it_is(table: Connection) -> None:
    with pytest.raises(psycopg.errors.UndefinedTable):
        read_arrays(table, "SELECT a FROM nowhere", {}, {"a": "bigint"})
    assert_usable(table)


def test_the_statement_timeout_holds(table: Connection) -> None:
    table.execute("SET statement_timeout = '200ms'")
    with pytest.raises(psycopg.errors.QueryCanceled, match="statement timeout"):
        read_arrays(
            table,
            "SELECT g::bigint FROM generate_series(1, 5) g, pg_sleep(g * 0.1)",
            {},
            {"a": "bigint"},
        )
    assert_usable(table)


@contextmanager
def interrupted_after(seconds: float) -> Iterator[None]:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1::bigint FROM pg_sleep(60)",
        "SELECT g::bigint FROM generate_series(1, 9e9::bigint) g",
    ],
)
def test_an_interrupt_ends_a_read(database_url: str, query: LiteralString) -> None:
    """As Airflow's does, where a task is to end; the connection goes with it, as psycopg leaves it
    in no state to be used.
    """
    start = monotonic()
    with (
        pytest.raises(KeyboardInterrupt),
        connect(Settings(database_url=SecretStr(database_url))) as conn,
        interrupted_after(0.3),
    ):
        read_arrays(conn, query, {}, {"a": "bigint"})
    assert monotonic() - start < 10


def test_rows_of_the_same_transaction_are_read(table: Connection) -> None:
    with table.transaction():
        table.execute("INSERT INTO t (a) VALUES (7)")
        assert read_arrays(table, "SELECT a FROM t", {}, {"a": "bigint"})["a"].tolist() == [7]


def test_the_answer_is_not_held_twice(table: Connection) -> None:
    """The arrays, one column of them again while its parts are joined, and what is being
    decoded.
    """
    n, names = 400_000, "abcd"
    query = "SELECT g::bigint, g::bigint, g::bigint, g::bigint FROM generate_series(1, 400000) g"
    tracemalloc.start()
    try:
        got = read_arrays(table, query, {}, dict.fromkeys(names, "bigint"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sum(values.nbytes for values in got.values()) == 8 * n * len(names)
    assert peak < 8 * n * (len(names) + 1) + 4 * 2**20


def assert_usable(conn: Connection) -> None:
    assert conn.execute("SELECT 1").fetchone() == (1,)


def test_a_table_that_refuses_a_row_takes_none(table: Connection) -> None:
    table.execute("ALTER TABLE t ADD CHECK (a < 2)")
    with pytest.raises(psycopg.errors.CheckViolation):
        write_arrays(
            table, "COPY t (a) FROM STDIN (FORMAT binary)", {"a": np.array([1, 2])}, {"a": "bigint"}
        )
    assert table.execute("SELECT count(*) FROM t").fetchone() == (0,)
