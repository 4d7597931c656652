"""Rows of delimited text from whole columns, without a Python step for each row.

A column is a matrix of bytes, (rows, width), in which a NUL stands for nothing: the rows' text is
what remains without them.
"""

from collections.abc import Sequence

import numpy as np


def number(values: np.ndarray, *, least_digits: int = 1) -> np.ndarray:
    """A column of whole numbers from 0 to 2³²-1 in decimal, with leading zeros up to
    `least_digits`.
    """
    rest = values.astype(np.uint32)
    width = max(len(str(int(rest.max(initial=0)))), least_digits)
    column = np.empty((width, len(rest)), np.uint8)
    for place in reversed(range(width)):
        tens = rest // 10
        column[place] = rest - 10 * tens + ord("0")
        if width - place > least_digits:
            column[place][rest == 0] = 0
        rest = tens
    return column.T


def text(values: Sequence[str]) -> np.ndarray:
    """A column of values in UTF-8. Indexed by places, it is a column of the values there."""
    encoded = np.char.encode(np.asarray(values, dtype=np.str_), "utf-8")
    return encoded.view(np.uint8).reshape(len(encoded), -1)


def fixed(value: str, rows: int) -> np.ndarray:
    """A column that says the same in each row."""
    return np.broadcast_to(np.frombuffer(value.encode(), np.uint8), (rows, len(value.encode())))


def joined(*columns: np.ndarray) -> np.ndarray:
    """One column of several, side by side."""
    return np.concatenate(columns, axis=1)


def either(where: np.ndarray, column: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The column's rows where so, the other's elsewhere."""
    yes = where[:, None].astype(np.uint8)
    return joined(column * yes, other * (1 - yes))


def rows_of(columns: Sequence[np.ndarray], separator: str, end: str) -> bytes:
    """The text of all rows."""
    rows = len(columns[0])
    between, last = fixed(separator, rows), fixed(end, rows)
    parts = [part for column in columns for part in (column, between)]
    matrix = np.concatenate([*parts[:-1], last], axis=1)
    return matrix[matrix != 0].tobytes()
