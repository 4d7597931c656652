"""What leaves a query has the type that its reader named."""

from dataclasses import dataclass
from datetime import date
from typing import LiteralString

import pytest

from recsys.db.connect import Connection
from recsys.db.rows import (
    fetch_row,
    fetch_rows,
    fetch_value,
    fetch_values,
    find_row,
    find_value,
)
from recsys.errors import RecsysError


@dataclass(frozen=True)
class Square:
    n: int
    square: int


SQUARES = "SELECT n, n * n AS square FROM generate_series(1, %(last)s) AS n"


def test_rows_are_of_the_class_that_was_named(conn: Connection) -> None:
    assert fetch_rows(conn, Square, SQUARES, {"last": 2}) == [Square(1, 1), Square(2, 4)]
    assert fetch_row(conn, Square, SQUARES, {"last": 1}) == Square(1, 1)
    assert find_row(conn, Square, SQUARES, {"last": 1}) == Square(1, 1)


def test_no_row_is_none_or_an_error_that_shows_the_query(conn: Connection) -> None:
    assert fetch_rows(conn, Square, SQUARES, {"last": 0}) == []
    assert find_row(conn, Square, SQUARES, {"last": 0}) is None
    with pytest.raises(RecsysError, match=r"returned none: 'SELECT n, n \* n.*\{'last': 0\}"):
        fetch_row(conn, Square, SQUARES, {"last": 0})


def test_values_are_the_first_column(conn: Connection) -> None:
    assert fetch_values(conn, int, SQUARES, {"last": 3}) == [1, 2, 3]
    assert fetch_value(conn, date, "SELECT date '2019-01-07'") == date(2019, 1, 7)
    assert find_value(conn, str, "SELECT 'a' WHERE false") is None
    assert find_value(conn, str, "SELECT NULL::text") is None


def test_a_value_that_must_be_there_is_not_null(conn: Connection) -> None:
    with pytest.raises(RecsysError, match="returned none: 'SELECT NULL::text'"):
        fetch_value(conn, str, "SELECT NULL::text")


@pytest.mark.parametrize("query", ["SELECT 1.5::numeric", "SELECT '1'::text"])
def test_a_value_of_another_type_is_an_error(conn: Connection, query: LiteralString) -> None:
    for read in (fetch_value, fetch_values, find_value):
        with pytest.raises(RecsysError, match=r"another type: found .*, expected int"):
            read(conn, int, query)
