"""One recipe's whole exam, beside the lists that it is made of."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from bench.speed.stages.base import Bound, Stage, Way
from recsys.evaluation.split import Exam
from recsys.exam import LIST_LENGTH, examine
from recsys.models.base import Recommender, TopN

OURS, LISTS = "examine", "its own top-N"


class OneExam(Stage):
    """The model has learned from the exam's answers too, which makes its scores worthless and its
    speed no other.
    """

    name = "exam"
    title = f"exam of one recipe: lists of {LIST_LENGTH}, all figures and slices"
    ours = OURS
    bounds = (Bound(OURS, LISTS, "≤", 1.5),)

    @contextmanager
    def ways(self) -> Iterator[Sequence[Way]]:
        data, model, exam = self.ground.data, self.ground.model, self.ground.data.exam
        options = {
            "like_threshold": data.week.like_threshold,
            "min_history": data.week.min_history,
            "catalogue": data.catalogue,
        }
        users = liking_users(exam, data.week.like_threshold)
        yield [
            Way(OURS, lambda _: examine(model, exam, **options)),
            Way(LISTS, lambda _: own_lists(model, exam, users)),
        ]


def own_lists(model: Recommender, exam: Exam, users: np.ndarray) -> TopN:
    return model.recommend(users, n=LIST_LENGTH, histories=exam.histories)


def liking_users(exam: Exam, like_threshold: float) -> np.ndarray:
    """Return the ids of the users with a held-out rating that they liked."""
    is_like = exam.held_out.ratings >= like_threshold
    return np.unique(exam.held_out.user_ids[exam.held_out.users[is_like]])
