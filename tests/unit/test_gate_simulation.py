"""A thousand exams of which the truth is known: how often the best of several is promoted wrongly,
and the better one rightly.

The scores are real: NDCG@10 of six recipes for the 5,736 users who decide the exam of ML-1M. The
file holds scores alone, the users in no order, and no row of the publisher's. It was made from the
publisher's ml-1m folder:

    catalogue = read_catalogue(folder, None)  # recsys.dataset
    ratings = read_ratings(folder).over(catalogue.movie_ids)
    # leave-newest-out
    exam = split_exam(ratings, min_users=1_000, like_threshold=4.0)
    recipes = {
        "popularity": {},
        "als": {},
        "ease": {},
        "ease in order": {"history_half_life": 4.0},
        "item_knn": {},
        "item_knn adjusted": {"similarity": "adjusted cosine"},
    }
    order = np.random.default_rng(0).permutation(len(exam.users))
    scores = {}
    for label, settings in recipes.items():
        model = model_class(label.split()[0])
        fit = model(model.Config(**settings), Compute(seed=1, threads=1))
        fit.fit(exam.train, catalogue)
        ndcg = examine(fit, exam, like_threshold=4.0, min_history=5).ndcg
        scores[label] = ndcg[order].astype(np.float16)
    np.savez_compressed(SCORES, **scores)
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from recsys.bounds import Bounds
from recsys.evaluation.comparison import simultaneous_intervals, users_needed
from recsys.promotion.contest import Contest, UserScores
from recsys.promotion.gates import BEATS_CHAMPION, EXAM_GATES

pytestmark = pytest.mark.slow

SCORES = Path(__file__).parents[1] / "data" / "exam_scores.npz"
CHAMPION = "ease"
CHALLENGERS = ("als", "ease in order", "item_knn", "item_knn adjusted")
#: The minimum effect: little more than a thousand users tell twice as much from it.
EFFECT = 0.009
EXAMS = 1_000
RESAMPLES = 200
USERS = 1_200
SEED = 1


@pytest.fixture(scope="module")
def real() -> dict[str, np.ndarray]:
    """Challenger → its scores less the champion's, (5,736,)."""
    with np.load(SCORES) as scores:
        return {
            name: scores[name].astype(np.float64) - scores[CHAMPION].astype(np.float64)
            for name in CHALLENGERS
        }


def exams(differences: np.ndarray, *, ahead: float, users: int) -> Iterator[np.ndarray]:
    """Exams (users, K) drawn from a world in which every challenger is truly `ahead`, and as alike
    as it really is.
    """
    rng = np.random.default_rng(SEED)
    world = differences - differences.mean(axis=0) + ahead
    for _ in range(EXAMS):
        yield world[rng.integers(len(world), size=users)]


def promoted(differences: np.ndarray, seed: int) -> bool:
    """Whether the gate lets any challenger pass, of an exam in which the champion's scores are all
    0.
    """
    users = np.arange(len(differences))
    scores = {str(place): UserScores(users, ndcg) for place, ndcg in enumerate(differences.T)} | {
        "champion": UserScores(users, np.zeros(len(users)))
    }
    contest = Contest(
        scores, "champion", "popularity", Bounds(minimum_effect=EFFECT), RESAMPLES, seed
    )
    return any(
        EXAM_GATES[BEATS_CHAMPION](contest, challenger).passed for challenger in contest.challengers
    )


def promoted_one_by_one(differences: np.ndarray, seed: int) -> bool:
    """The gate as it would be without its correction: each challenger asked as if it were the only
    one.
    """
    return any(promoted(one[:, None], seed) for one in differences.T)


def test_of_four_that_only_reach_the_effect_few_are_promoted(real):
    all_four = np.stack(list(real.values()), axis=1)
    wrong = [
        promoted(exam, seed) for seed, exam in enumerate(exams(all_four, ahead=EFFECT, users=USERS))
    ]
    assert np.mean(wrong) <= 0.05


def test_without_the_correction_more_are(real):
    all_four = np.stack(list(real.values()), axis=1)
    wrong = [
        promoted_one_by_one(exam, seed)
        for seed, exam in enumerate(exams(all_four, ahead=EFFECT, users=USERS))
    ]
    assert np.mean(wrong) > 0.05


def test_one_at_twice_the_effect_is_promoted_among_the_users_that_it_needs(real):
    alone = real["item_knn"][:, None]
    users = users_needed(simultaneous_intervals(alone, resamples=10_000, seed=SEED)[0], EFFECT)
    right = [
        promoted(exam, seed)
        for seed, exam in enumerate(exams(alone, ahead=2 * EFFECT, users=users))
    ]
    assert 1_000 <= users <= 1_500
    assert np.mean(right) >= 0.8
