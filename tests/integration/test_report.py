"""What a week's report says of its figures, and what it leaves unsaid."""

from datetime import date

import pytest

from recsys.db.connect import Connection
from recsys.report import exam_table

AS_OF = date(2018, 10, 1)
ALS = "als-3f9a2c41"


def exam_line(conn: Connection, part: str) -> list[str]:
    """The cells of the exam's line about a slice."""
    lines = [line for line in exam_table(conn, AS_OF).split("\n") if f", {part} (" in line]
    assert len(lines) == 1
    return [cell.strip() for cell in lines[0].split("|")[1:-1]]


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
    assert exam_line(exam, "new movies") == [
        "NDCG@10, new movies (82 users, too few to measure)",
        "–",
    ]


def test_a_slice_of_enough_users_has_its_figure(exam: Connection) -> None:
    assert exam_line(exam, "cold users") == ["NDCG@10, cold users (100 users)", "0.2000"]
    assert exam_line(exam, "light users") == ["NDCG@10, light users (50 users)", "0.1000"]
