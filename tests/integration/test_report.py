"""What a week's report says of its figures, and what it leaves unsaid."""

from datetime import date

import pytest

from recsys.db.connect import Connection
from recsys.report import exam_page

AS_OF = date(2018, 10, 1)
ALS = "als-3f9a2c41"


def cells(text: str, first: str) -> list[str]:
    """The cells of a table's line that begins with a word."""
    (line,) = [line for line in text.split("\n") if line.startswith(f"| {first} ")]
    return [cell.strip() for cell in line.split("|")[1:-1]]


@pytest.fixture
def exam(conn: Connection) -> Connection:
    """An exam of 500 users, with slices of too few and of enough users."""
    conn.execute(
        "INSERT INTO weeks (as_of, watermark, params, resolved_late) VALUES (%s, 1, '{}', false)",
        [AS_OF],
    )
    conn.execute(
        "INSERT INTO exams (as_of, kind, fingerprint, n_users, n_ratings) VALUES (%s, "
        "'leave-newest-out', 'f', 500, 900)",
        [AS_OF],
    )
    for part, value, n in (
        ("all", 0.1, 500),
        ("light users", 0.1, 50),
        ("new movies", 0.0, 82),
        ("cold users", 0.2, 100),
    ):
        conn.execute(
            "INSERT INTO exam_results VALUES (%s, %s, %s, 'NDCG@10', %s, %s)",
            [AS_OF, ALS, part, value, n],
        )
    return conn


def test_a_slice_of_too_few_users_has_no_figure(exam: Connection) -> None:
    page = exam_page(exam, AS_OF)
    assert cells(page.markdown(), "recipe") == ["recipe", "NDCG@10", "cold users", "new movies"]
    assert cells(page.markdown(), ALS) == [ALS, "0.1000", "0.2000", "–"]
    assert "new movies (82 users, too few to measure)" in page.markdown()
    assert "cold users (100 users), " in page.markdown()


def test_a_slice_that_no_gate_looks_at_is_among_all_figures(exam: Connection) -> None:
    page = exam_page(exam, AS_OF)
    assert "light users (50 users)" in page.markdown()
    assert "light users" not in cells(page.markdown(), "recipe")
    assert cells(page.markdown(every=True), "recipe")[2:] == [
        "cold users",
        "light users",
        "new movies",
    ]
    assert cells(page.markdown(every=True), ALS)[2:] == ["0.2000", "0.1000", "–"]
