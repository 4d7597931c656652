"""What a week's fits and its exam are made of, read from Postgres."""

from dataclasses import replace

from recsys.costs import worked_on
from recsys.db.connect import Connection
from recsys.errors import NothingToRecommend
from recsys.evaluation.split import Exam, split_exam
from recsys.features.catalogue import Catalogue
from recsys.features.interactions import Interactions
from recsys.features.visible import read_catalogue, read_interactions, read_rerated
from recsys.recipe import Recipe
from recsys.registry.fitting import Fit
from recsys.week import WeekPlan


def read_snapshot(conn: Connection, week: WeekPlan) -> tuple[Catalogue, Interactions]:
    """Read all movies and ratings that the week's snapshot admits."""
    catalogue = read_catalogue(conn, week.snapshot)
    interactions = read_interactions(conn, week.snapshot, catalogue.movie_ids)
    worked_on(len(interactions))
    return catalogue, interactions


def exam_of(conn: Connection, week: WeekPlan) -> tuple[Exam, Catalogue]:
    """Return the week's exam. Raises NothingToRecommend where the snapshot has no rating."""
    catalogue, interactions = read_snapshot(conn, week)
    if not len(interactions):
        raise NothingToRecommend(
            f"week {week.as_of}: no rating before {week.as_of} up to drop {week.watermark}"
        )
    exam = split_exam(
        interactions,
        min_users=week.exam_min_users,
        wanted_users=week.exam_wanted_users,
        like_threshold=week.like_threshold,
    )
    return _as_of_its_cut(conn, week, exam), catalogue


def validation_of(conn: Connection, week: WeekPlan, exam: Exam) -> Exam:
    """Split the exam's training ratings likewise: nothing in it is held out by the exam.

    Older versions of re-rated ratings are read again only beneath a dated exam. A
    leave-newest-out exam holds out some that are older than any cut, and they would come back.
    """
    validation = split_exam(
        exam.train, min_users=week.exam_min_users, like_threshold=week.like_threshold
    )
    return _as_of_its_cut(conn, week, validation) if exam.cut else validation


def fit_for_exam(
    week: WeekPlan, recipe: Recipe, exam: Exam, catalogue: Catalogue, *, anew: bool = False
) -> Fit:
    """Return the fit of a recipe on the exam's training ratings."""
    return Fit(
        recipe, exam.train, catalogue, exam.cut_name, "exam", week.as_of, week.seed, anew=anew
    )


def _as_of_its_cut(conn: Connection, week: WeekPlan, exam: Exam) -> Exam:
    """Add the training ratings that a re-rating has since moved behind a dated exam's cut."""
    if not exam.cut:
        return exam
    at_cut = replace(week.snapshot, as_of=exam.cut)
    rerated = read_rerated(conn, at_cut, exam.train.movie_ids)
    return exam.with_train(exam.train.adding(rerated), like_threshold=week.like_threshold)
