"""One recipe's whole exam, beside the lists that it is made of."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from bench.speed.stages.base import Bound, Stage, Way
from recsys.exam import LIST_LENGTH, examine

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
        data, model = self.ground.data, self.ground.model
        exam, week = data.exam, data.week
        liked = exam.held_out.ratings >= week.like_threshold
        asked = np.unique(exam.held_out.user_ids[exam.held_out.users[liked]])
        settings = {
            "like_threshold": week.like_threshold,
            "min_history": week.min_history,
            "catalogue": data.catalogue,
        }
        yield [
            Way(OURS, lambda _: examine(model, exam, **settings)),
            Way(
                LISTS,
                lambda _: model.recommend(asked, n=LIST_LENGTH, seen=exam.known.seen_by(asked)),
            ),
        ]
