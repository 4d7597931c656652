"""Products of vectors: near the plain ones, and the same bits whatever order BLAS adds in."""

import numpy as np
import pytest

from recsys.errors import ModelError
from recsys.models.top_n import EXACT_WIDTH, dot_scores


def vectors(count: int, size: int, seed: int) -> np.ndarray:
    """(count, size) float32 of very different lengths, one of them 0."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(count, size)) * np.exp(rng.normal(scale=4, size=(count, 1)))
    rows[count // 2] = 0
    return rows.astype(np.float32)


@pytest.mark.parametrize("size", [1, 65, EXACT_WIDTH])
def test_a_score_is_the_same_bits_in_whatever_order_its_products_are_added(size: int) -> None:
    users, movies = vectors(40, size, 1), vectors(300, size, 2)
    together = dot_scores(users, movies, 1)
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(size)
        np.testing.assert_array_equal(dot_scores(users[:, order], movies[:, order], 2), together)


def test_a_score_is_the_same_bits_in_whatever_company() -> None:
    users, movies = vectors(40, 129, 1), vectors(300, 129, 2)
    together = dot_scores(users, movies, 1)
    alone = np.vstack([dot_scores(users[[row]], movies, 1) for row in range(40)])
    np.testing.assert_array_equal(alone, together)
    of_few = np.hstack(
        [dot_scores(users, movies[start : start + 7], 1) for start in range(0, 300, 7)]
    )
    np.testing.assert_array_equal(of_few, together)
    np.testing.assert_array_equal(
        dot_scores(users[::-1].copy(), movies[::-1].copy(), 2)[::-1, ::-1], together
    )


def test_the_longest_vectors_of_the_largest_numbers_still_add_exactly() -> None:
    """Integers just below 2²²: their products need 44 bits, and 512 of those 53."""
    rng = np.random.default_rng(0)
    users, movies = (2**22 - 1 - rng.integers(0, 1000, size=(3, EXACT_WIDTH)) for _ in range(2))
    exact = [
        [sum(int(x) * int(y) for x, y in zip(user, movie, strict=True)) for movie in movies]
        for user in users
    ]
    scores = dot_scores(users.astype(np.float32), movies.astype(np.float32), 1)
    np.testing.assert_array_equal(scores, np.array(exact).astype(np.float32))


@pytest.mark.parametrize("seed", range(5))
def test_products_that_cancel_each_other_leave_nothing(seed: int) -> None:
    """Where half of the sum is the other half negated and in another order, float64 alone leaves a
    rest.
    """
    rng = np.random.default_rng(seed)
    users, movies = rng.uniform(0.9, 1, (2, 5, EXACT_WIDTH // 2)).astype(np.float32)
    order = rng.permutation(EXACT_WIDTH // 2)
    users, movies = np.hstack([users, users[:, order]]), np.hstack([movies, -movies[:, order]])
    assert (users.astype(np.float64) @ movies.T.astype(np.float64)).any()
    assert not dot_scores(users, movies, 1).any()


@pytest.mark.parametrize("size", [1, 65, EXACT_WIDTH])
def test_a_score_is_near_the_plain_product(size: int) -> None:
    users, movies = vectors(40, size, 1), vectors(300, size, 2)
    scores = dot_scores(users, movies, 1)
    assert scores.dtype == np.float32
    exact = users.astype(np.float64) @ movies.T.astype(np.float64)
    largest = np.outer(np.abs(users).max(axis=1), np.abs(movies).max(axis=1)).astype(np.float64)
    # each number is off by at most 2⁻²² of its vector's largest, and float32 takes 2⁻²⁴ of the sum
    assert (
        np.abs(scores - exact)
        <= (2 * 2.0**-22 + 2.0**-43) * size * largest + 2.0**-24 * np.abs(exact)
    ).all()


def test_vectors_that_are_too_long_to_add_exactly_are_refused() -> None:
    with pytest.raises(ModelError, match="vectors of length 513; expected at most 512"):
        dot_scores(np.ones((1, EXACT_WIDTH + 1)), np.ones((1, EXACT_WIDTH + 1)), 1)


def test_nobody_asked_nothing_answered() -> None:
    assert dot_scores(np.empty((0, 3)), np.ones((2, 3)), 1).shape == (0, 2)
