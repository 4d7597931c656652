"""Rows as arrays, both ways, and what is refused because the bytes would be misread."""

from typing import LiteralString

import numpy as np
import psycopg
import pytest

from recsys.db.arrays import read_arrays, write_arrays
from recsys.db.connect import Connection
from recsys.errors import RecsysError

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
        2**40 + 3, -3, pytest.approx(-1 + 6 / (n - 1)), pytest.approx(3e300 / (n - 1)),
    )  # fmt: skip


def test_one_value_for_every_row(table: Connection) -> None:
    kinds = {"word": "text", "a": "bigint", "b": "integer"}
    values = {"word": "Zoë", "a": np.array([1, 2]), "b": 7}
    write_arrays(table, "COPY t (word, a, b) FROM STDIN (FORMAT binary)", values, kinds)
    assert table.execute("SELECT word, a, b FROM t ORDER BY a").fetchall() == [("Zoë", 1, 7), ("Zoë", 2, 7)]


def test_no_rows(table: Connection) -> None:
    write_arrays(table, WRITE, {name: np.empty(0) for name in KINDS}, KINDS)
    got = read_arrays(table, READ, {}, KINDS)
    assert {name: (values.shape, values.dtype.str) for name, values in got.items()} == {
        "a": ((0,), "<i8"), "b": ((0,), "<i4"), "c": ((0,), "<f4"), "d": ((0,), "<f8"),
    }  # fmt: skip


@pytest.mark.parametrize("rows", [1, 3, 24])
def test_a_null_is_refused(table: Connection, rows: int) -> None:
    table.execute("INSERT INTO t SELECT g, nullif(g, %s), 1, 1 FROM generate_series(1, %s) g", [rows, rows])
    with pytest.raises(RecsysError, match="NULL"):
        read_arrays(table, READ, {}, KINDS)


@pytest.mark.parametrize("query", ["SELECT 1::integer", "SELECT 'a'::text", "SELECT 1::bigint, 2::bigint", "SELECT 1::smallint"])
def test_another_type_is_refused_where_it_has_another_width(table: Connection, query: LiteralString) -> None:
    with pytest.raises(RecsysError, match=r"multiple of|is not"):
        read_arrays(table, query, {}, {"a": "bigint"})


def test_widths_that_only_sum_to_the_right_one_are_refused(table: Connection) -> None:
    with pytest.raises(RecsysError, match="column 'a' of a binary COPY has a NULL, or is not bigint"):
        read_arrays(table, "SELECT 1::integer, 1::bigint", {}, {"a": "bigint", "b": "integer"})


def test_parameters_reach_the_query(table: Connection) -> None:
    got = read_arrays(table, "SELECT %(x)s::bigint", {"x": 5}, {"a": "bigint"})
    assert got["a"].tolist() == [5]


def test_a_table_that_refuses_a_row_takes_none(table: Connection) -> None:
    table.execute("ALTER TABLE t ADD CHECK (a < 2)")
    with pytest.raises(psycopg.errors.CheckViolation):
        write_arrays(table, "COPY t (a) FROM STDIN (FORMAT binary)", {"a": np.array([1, 2])}, {"a": "bigint"})
    assert table.execute("SELECT count(*) FROM t").fetchone() == (0,)
