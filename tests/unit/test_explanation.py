"""The strongest of a user's ratings, where several are equally strong."""

import numpy as np

from recsys.features.histories import Histories
from recsys.models.explanation import Explanation


def test_of_equals_the_first_movies_are_cited_each_once() -> None:
    histories = Histories(
        np.array([0, 0, 4, 6], dtype=np.int32),  # one without ratings, one with four, one with two
        np.array([1, 3, 5, 8, 2, 4], dtype=np.int32),
        np.full(6, 5, dtype=np.float32),
        np.zeros(6, dtype=np.int64),
        n_movies=9,
    )
    contributions = np.array(
        [[0.5, 0.2], [0.5, 0.2], [0.5, 0.7], [-1, 0.2], [0.3, 0], [0.3, 0]], dtype=np.float32
    )
    explanation = Explanation("exact", histories, contributions, np.zeros((3, 2), np.float32))
    strongest = explanation.strongest(2)
    assert strongest.movies.tolist() == [
        [[-1, -1], [-1, -1]],
        [[1, 3], [5, 1]],
        [[2, 4], [-1, -1]],
    ]
    assert np.allclose(strongest.contributions[1], [[0.5, 0.5], [0.7, 0.2]])
