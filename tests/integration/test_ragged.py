"""Rows with arrays of any length on their way into Postgres."""

from typing import Any, LiteralString

import numpy as np
import pytest

from recsys.db.connect import Connection
from recsys.db.ragged import ArrayColumn, write_ragged

WRITE: LiteralString = "COPY t (word, n, ids, scores) FROM STDIN (FORMAT binary)"
KINDS = {"word": "text", "n": "integer", "ids": "bigint[]", "scores": "real[]"}


@pytest.fixture
def table(conn: Connection) -> Connection:
    conn.execute("CREATE TABLE t (word text, n integer, ids bigint[], scores real[])")
    return conn


def rows(conn: Connection) -> list[tuple]:
    return [tuple(row) for row in conn.execute("SELECT word, n, ids, scores FROM t ORDER BY n")]


def test_arrays_of_any_length_arrive_with_their_nulls(table: Connection) -> None:
    rng = np.random.default_rng(0)
    n, longest = 2_345, 7  # more than two writes
    values = rng.integers(-(2**62), 2**62, (n, longest))
    scores = (rng.integers(-999, 999, (n, longest)) / 8).astype(np.float32)
    lengths = rng.integers(0, longest + 1, n)
    is_null = rng.random((n, longest)) < 0.3
    columns = {
        "word": "Zoë",
        "n": np.arange(n, dtype=np.int32),
        "ids": ArrayColumn(values, lengths, is_null),
        "scores": ArrayColumn(scores, lengths),
    }
    assert write_ragged(table, WRITE, columns, KINDS) == n
    expected: list[tuple[Any, ...]] = []
    for row, length in enumerate(lengths):
        ids = [None if is_null[row, i] else int(values[row, i]) for i in range(length)]
        expected.append(("Zoë", row, ids, scores[row, :length].tolist()))
    assert rows(table) == expected
    # as the server writes them itself
    again = "SELECT record_send(t) = record_send(ROW(word, n, ids || '{}', scores || '{}')) FROM t"
    assert table.execute(f"SELECT bool_and(same) FROM ({again}) s (same)".encode()).fetchone()[0]


def test_a_column_may_be_null_and_there_may_be_no_row(table: Connection) -> None:
    none = np.empty(0, dtype=np.int32)
    no_arrays = ArrayColumn(np.empty((0, 3)), none)
    columns = {"word": None, "n": none, "ids": no_arrays, "scores": None}
    assert write_ragged(table, WRITE, columns, KINDS) == 0
    columns |= {"n": np.array([1, 2]), "ids": ArrayColumn(np.array([[5], [6]]), np.array([1, 0]))}
    assert write_ragged(table, WRITE, columns, KINDS) == 2
    assert rows(table) == [(None, 1, [5], None), (None, 2, [], None)]
