"""What a week's fits and its exam are made of, read from Postgres."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from recsys.costs import worked_on
from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.db.rows import fetch_rows, find_value
from recsys.errors import NothingToRecommend
from recsys.evaluation.split import WEEKS, Exam, cut_of, shortest_enough, split_exam
from recsys.features.catalogue import Catalogue
from recsys.features.interactions import Interactions
from recsys.features.stored_train import StoredTrain
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
    """Return the week's exam, whose training ratings stay in Postgres until a fit reads them.

    Raises NothingToRecommend where the snapshot has no rating.
    """
    catalogue = read_catalogue(conn, week.snapshot)
    exam = read_exam(split_of(conn, week, catalogue.movie_ids))
    worked_on(exam.train.extent().n_ratings + len(exam.held_out))
    return exam, catalogue


@dataclass(frozen=True)
class StoredSplit:
    """What an exam's fits may see, and by how many weeks its ratings are cut; None where each
    user's newest are held out.
    """

    train: StoredTrain
    weeks: int | None


def split_of(conn: Connection, week: WeekPlan, movie_ids: np.ndarray) -> StoredSplit:
    """Return how the exam splits the ratings of these movies, by the rule of `split_exam`."""
    newest = newest_rating(conn, week, movie_ids)
    cuts = {cut_of(newest, weeks): weeks for weeks in WEEKS}
    deciding = deciding_by_weeks(conn, week, movie_ids, cuts)
    weeks = shortest_enough(
        deciding, min_users=week.exam_min_users, wanted_users=week.exam_wanted_users
    )
    cut = cut_of(newest, weeks) if weeks else None
    train = StoredTrain(conn, week.snapshot, cut, movie_ids, week.like_threshold)
    return StoredSplit(train, weeks)


def newest_rating(conn: Connection, week: WeekPlan, movie_ids: np.ndarray) -> int:
    """Return the epoch seconds of the newest visible rating. Raises NothingToRecommend without
    one.
    """
    params = {**week.snapshot.params, "movie_ids": movie_ids.tolist()}
    newest = find_value(conn, int, queries("training")["newest"], params)
    if newest is None:
        raise NothingToRecommend(
            f"week {week.as_of}: no rating before {week.as_of} up to drop {week.watermark}"
        )
    return newest


@dataclass(frozen=True)
class _Deciding:
    """How many users decide an exam with this cut."""

    cut: datetime
    n_users: int


def deciding_by_weeks(
    conn: Connection, week: WeekPlan, movie_ids: np.ndarray, cuts: Mapping[datetime, int]
) -> list[tuple[int, int]]:
    """Return the weeks of each cut, and how many users then decide."""
    params = {
        **week.snapshot.params,
        "movie_ids": movie_ids.tolist(),
        "cuts": list(cuts),
        "since": min(cuts),
        "like_threshold": week.like_threshold,
    }
    rows = fetch_rows(conn, _Deciding, queries("training")["deciding_users"], params)
    counts = {row.cut: row.n_users for row in rows}
    return [(weeks, counts.get(cut, 0)) for cut, weeks in cuts.items()]


def read_exam(split: StoredSplit) -> Exam:
    """Read what evaluation needs of a split."""
    train = split.train
    held_out = train.held_out()
    kind = "dated" if split.weeks else "leave-newest-out"
    histories = train.histories(held_out.user_ids)
    # by name: many of a kind
    return Exam(
        kind=kind,
        weeks=split.weeks,
        cut=train.cut,
        train=train,
        held_out=held_out,
        histories=histories,
        raters=train.raters(),
    )


def validation_of(conn: Connection, week: WeekPlan, exam: Exam) -> Exam:
    """Split the exam's training ratings likewise: nothing in it is held out by the exam.

    Older versions of re-rated ratings are read again only beneath a dated exam. A
    leave-newest-out exam holds out some that are older than any cut, and they would come back.
    """
    train = exam.train.interactions()
    validation = split_exam(
        train, min_users=week.exam_min_users, like_threshold=week.like_threshold
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
    rerated = read_rerated(conn, at_cut, exam.movie_ids)
    return exam.with_train(exam.train.interactions().adding(rerated))
