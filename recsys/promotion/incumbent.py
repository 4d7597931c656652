"""The incumbent of a week: the champion that its challengers must beat; it is looked up here."""

from datetime import date

from recsys.db.connect import Connection
from recsys.promotion import exams
from recsys.promotion.ledger import champion_before
from recsys.recipe import Recipe


def incumbent_of(conn: Connection, as_of: date, like_threshold: float) -> Recipe | None:
    """Return the incumbent's recipe as it was when the week's exam was set, or as it is now: then
    as one of a week with this like_threshold.

    A person's rollback since then counts: what was put aside is not defended, and what was put back
    is evaluated too.
    """
    now = champion_before(conn, as_of)
    exam = exams.exam_on_record(conn, as_of)
    if exam is None or (now and now.by_hand):
        return now.recipe.of_week(like_threshold) if now else None
    return Recipe.from_json(exam.incumbent_recipe) if exam.incumbent_recipe else None
