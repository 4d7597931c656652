"""Scores of an exam as a test wants them."""

from datetime import date

from recsys.db.connect import Connection


def set_scores(conn: Connection, as_of: date, **means: float) -> None:
    """Give recipes these scores for every user, and all the same figures otherwise."""
    conn.execute("DELETE FROM exam_results WHERE as_of = %s AND metric NOT LIKE 'NDCG@10'", [as_of])
    conn.execute("UPDATE exam_results SET value = 0.1 WHERE as_of = %s", [as_of])
    for name, mean in means.items():
        filled = "UPDATE exam_entries SET ndcg = array_fill(%s::real, ARRAY[cardinality(ndcg)])"
        conn.execute(
            f"{filled} WHERE as_of = %s AND recipe_key LIKE %s", [mean, as_of, f"{name}-%"]
        )  # pyright: ignore
