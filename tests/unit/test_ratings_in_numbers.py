"""Which ratings read as numbers, and which are left to the checks; and in which order they
stand.
"""

import pyarrow as pa
import pytest

from recsys.ingest.order import Order
from recsys.ingest.ratings import in_numbers


def batch(*rows: tuple[str, ...]) -> pa.RecordBatch:
    columns = dict(
        zip(
            ("user_id", "movie_id", "rating", "rated_at"),
            map(list, zip(*rows, strict=True)),
            strict=True,
        )
    )
    lines = pa.array(range(2, len(rows) + 2), pa.int64())
    return pa.RecordBatch.from_pydict(
        {"line": lines} | {name: pa.array(column, pa.string()) for name, column in columns.items()}
    )


def test_plain_rows_are_numbers() -> None:
    numbers, unread = in_numbers(
        batch(("7", "1", "4.5", "978300760"), ("007", "123456789012345678", "5", "631152000"))
    )
    assert unread.num_rows == 0
    assert numbers["line"].to_pylist() == [2, 3]
    assert numbers["user_id"].to_pylist() == [7, 7]
    assert numbers["movie_id"].to_pylist() == [1, 123456789012345678]
    assert numbers["rating"].to_pylist() == [4.5, 5.0]
    assert [int(at.timestamp()) for at in numbers["rated_at"].to_pylist()] == [978300760, 631152000]


GOOD = ("7", "1", "4.5", "978300760")


@pytest.mark.parametrize(
    ("place", "odd"),
    [
        *((0, text) for text in ("x", "-1", "+1", "0x1", "", "1 ", "٣", "1234567890123456789")),
        *((1, text) for text in ("1e3", "1.0", "")),
        *((2, text) for text in ("4.50", ".5", "nan", "0", "0.0", "5.5", "4.25", "")),
        *(
            (3, text)
            for text in ("631151999", "4102444800", "97830076.0", "09783007600", "-978300760", "")
        ),
    ],
)
def test_what_does_not_read_so_stays_text(place: int, odd: str) -> None:
    row = (*GOOD[:place], odd, *GOOD[place + 1 :])
    numbers, unread = in_numbers(batch(GOOD, row, GOOD))
    assert numbers["line"].to_pylist() == [2, 4]
    assert unread.num_rows == 1
    assert tuple(unread.to_pylist()[0].values()) == (3, *row)


@pytest.mark.parametrize(
    ("pairs", "ascending"),
    [
        ([[(1, 1), (1, 2), (2, 1)], [(2, 2), (3, 1)]], True),
        ([[(1, 1)], [], [(1, 2)]], True),
        ([[(1, 1), (1, 1)]], False),
        ([[(1, 2), (1, 1)]], False),
        ([[(2, 1), (1, 2)]], False),
        ([[(1, 1)], [(1, 1)]], False),
        ([[(2, 1)], [(1, 9)]], False),
        ([[(2, 1), (1, 1)], [(3, 1)]], False),
    ],
)
def test_order_is_of_user_then_movie_over_all_batches(
    pairs: list[list[tuple[int, int]]], ascending: bool
) -> None:
    order = Order()
    for rows in pairs:
        columns = {
            name: pa.array([row[place] for row in rows], pa.int64())
            for place, name in enumerate(("user_id", "movie_id"))
        }
        order.see(pa.RecordBatch.from_pydict(columns))
    assert order.ascending is ascending
