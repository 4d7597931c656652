"""What a week's fits and its exam are made of, read from Postgres."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time

import numpy as np

from recsys.costs import worked_on
from recsys.db.arrays import read_arrays
from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.db.rows import find_value
from recsys.errors import NothingToRecommend
from recsys.evaluation.split import WEEKS, Exam, cut_of, name_of_cut, shortest_enough, split_exam
from recsys.features.catalogue import Catalogue
from recsys.features.interactions import Interactions, index_of
from recsys.features.stored_train import StoredTrain
from recsys.features.visible import read_catalogue, read_ratings, read_rerated
from recsys.recipe import Recipe
from recsys.registry.fitting import Fit
from recsys.week import WeekPlan


def stored_snapshot(conn: Connection, week: WeekPlan) -> tuple[StoredTrain, Catalogue]:
    """Return all ratings that the week's snapshot admits, as a handle, and its movies."""
    catalogue = read_catalogue(conn, week.snapshot)
    end = datetime.combine(week.as_of, time(), UTC)
    train = StoredTrain(conn, week.snapshot, end, catalogue.movie_ids, week.like_threshold)
    return train, catalogue


def exam_of(conn: Connection, week: WeekPlan) -> tuple[Exam, Catalogue]:
    """Return the week's exam, whose training ratings stay in Postgres until a fit reads them.

    Raises NothingToRecommend where the snapshot has no rating.
    """
    split, catalogue = split_of_exam(conn, week)
    exam = read_exam(split)
    worked_on(split.train.n_ratings + len(exam.held_out))
    return exam, catalogue


def split_of_exam(conn: Connection, week: WeekPlan) -> tuple["StoredSplit", Catalogue]:
    """Return how the week's exam splits the ratings, and its movies: what a fit needs of it."""
    catalogue = read_catalogue(conn, week.snapshot)
    split = split_of(conn, week, catalogue.movie_ids)
    return split, catalogue


@dataclass(frozen=True)
class StoredSplit:
    """What an exam's fits may see, the newest visible ratings of the longest window, and of how
    many `weeks` the exam is; None where each user's newest ratings are held out.
    """

    train: StoredTrain
    recent: Interactions
    weeks: int | None

    @property
    def cut_name(self) -> str:
        """Return the cut as the exam's fits are known by."""
        return name_of_cut(self.train.cut)

    def candidates(self) -> Interactions:
        """Return the ratings that are held out unless the user had rated the movie by the cut."""
        if self.train.cut is None:
            return self.train.newest_of_each()
        return self.recent.where(self.recent.rated_at >= self.train.cut.timestamp())


def split_of(conn: Connection, week: WeekPlan, movie_ids: np.ndarray) -> StoredSplit:
    """Return how the exam splits the ratings of these movies, by the rule of `split_exam`."""
    newest = newest_rating(conn, week, movie_ids)
    cuts = {weeks: cut_of(newest, weeks) for weeks in WEEKS}
    since = {**week.snapshot.params, "since": min(cuts.values())}
    recent = read_ratings(conn, queries("training")["since"], since, movie_ids)
    deciding = zip(WEEKS, n_deciding(conn, week, recent, list(cuts.values())), strict=True)
    weeks = shortest_enough(
        deciding, min_users=week.exam_min_users, wanted_users=week.exam_wanted_users
    )
    cut = cuts[weeks] if weeks else None
    train = StoredTrain(conn, week.snapshot, cut, movie_ids, week.like_threshold)
    return StoredSplit(train, recent, weeks)


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


def n_deciding(
    conn: Connection, week: WeekPlan, recent: Interactions, cuts: Sequence[datetime]
) -> list[int]:
    """Return for each cut how many users have a rating before it and a like from it on; `recent`
    are the visible ratings from the first cut on.
    """
    likes = recent.where(recent.ratings >= week.like_threshold)
    newest_like = np.zeros(len(likes.user_ids), dtype=np.int64)
    np.maximum.at(newest_like, likes.users, likes.rated_at)
    oldest = oldest_ratings(conn, week, recent.movie_ids, likes.user_ids)
    seconds = [int(cut.timestamp()) for cut in cuts]
    return [int(((oldest < cut) & (newest_like >= cut)).sum()) for cut in seconds]


def oldest_ratings(
    conn: Connection, week: WeekPlan, movie_ids: np.ndarray, user_ids: np.ndarray
) -> np.ndarray:
    """Return (U,) int64 epoch seconds of the oldest visible rating of users who have some."""
    ids = {"movie_ids": movie_ids.tolist(), "user_ids": user_ids.tolist()}
    columns = {"user_id": "bigint", "oldest": "bigint"}
    query = queries("training")["oldest"]
    rows = read_arrays(conn, query, {**week.snapshot.params, **ids}, columns)
    oldest = np.empty(len(user_ids), dtype=np.int64)
    oldest[index_of(user_ids, rows["user_id"])] = rows["oldest"]
    return oldest


def read_exam(split: StoredSplit) -> Exam:
    """Read what evaluation needs of a split. What a user had rated by the cut is not held out,
    though rated again since.
    """
    candidates = split.candidates()
    histories = split.train.histories(candidates.user_ids)
    is_in_train = histories.has(candidates.row_user_ids, candidates.movies)
    held_out = candidates.where(~is_in_train)
    return Exam(
        kind="dated" if split.weeks else "leave-newest-out",
        weeks=split.weeks,
        cut=split.train.cut,
        train=split.train,
        held_out=held_out,
        histories=histories.where(histories.is_of(held_out.user_ids)),
        raters=split.train.raters,
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
    week: WeekPlan,
    recipe: Recipe,
    data: Exam | StoredSplit,
    catalogue: Catalogue,
    *,
    anew: bool = False,
) -> Fit:
    """Return the fit of a recipe on the exam's training ratings."""
    cut = data.cut_name
    return Fit(recipe, data.train, catalogue, cut, "exam", week.as_of, week.seed, anew=anew)


def _as_of_its_cut(conn: Connection, week: WeekPlan, exam: Exam) -> Exam:
    """Add the training ratings that a re-rating has since moved behind a dated exam's cut."""
    if not exam.cut:
        return exam
    at_cut = replace(week.snapshot, as_of=exam.cut)
    rerated = read_rerated(conn, at_cut, exam.movie_ids)
    return exam.with_train(exam.train.interactions().adding(rerated))
