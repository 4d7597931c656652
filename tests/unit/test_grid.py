"""Tables that a terminal shows whole, however many columns they have."""

import pytest

from recsys.report.grid import WIDTH, Grid

KEYS = ["als-3f9a2c41", "popularity-af3a3c4c (incumbent)", "blend-0c1d2e3f (proposed)"]


def grid(n_columns: int) -> Grid:
    header = ["recipe", *(f"a metric, number {place}" for place in range(n_columns))]
    return Grid(header, [[key, *(f"0.{place:04d}" for place in range(n_columns))] for key in KEYS])


@pytest.mark.parametrize("n_columns", [0, 1, 2, 3, 21])
@pytest.mark.parametrize("width", [WIDTH, 120])
def test_a_grid_becomes_tables_of_the_width_that_hold_every_cell(
    n_columns: int, width: int
) -> None:
    whole = grid(n_columns)
    parts = list(whole.fitting(width))
    assert [name for part in parts for name in part.header[1:]] == whole.header[1:]
    assert all([line[0] for line in part.lines] == KEYS for part in parts)
    text = whole.markdown(width)
    assert max(map(len, text.split("\n"))) <= width
    assert all(text.count(f" 0.{place:04d} ") == len(KEYS) for place in range(n_columns))


def test_a_grid_that_fits_stays_one_table() -> None:
    assert len(list(grid(1).fitting())) == 1


def test_a_column_that_is_wider_than_the_terminal_has_a_table_of_its_own() -> None:
    wide = Grid(["recipe", "a", "why"], [["als", "1", "x" * 100]])
    assert [part.header for part in wide.fitting()] == [["recipe", "a"], ["recipe", "why"]]
