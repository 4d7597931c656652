"""Lists found without making all scores: the same bytes as from all the exact scores, by blocks and
threads of any number.
"""

import numpy as np
import pytest
from scipy import sparse

from recsys.errors import ModelError
from recsys.models.top_n import (
    EXACT_WIDTH,
    Eligibility,
    best_products,
    dot_scores,
    products,
    search,
)
from recsys.models.top_n.scores import LANES, MOST_BY_LANES

SIZE = 9


def of_all_scores(
    users: np.ndarray,
    movies: np.ndarray,
    n: int,
    ranked: np.ndarray,
    seen: sparse.csr_matrix | None,
) -> tuple[np.ndarray, np.ndarray]:
    """A sort of every row of all exact scores."""
    scores = dot_scores(users, movies, 1) + np.float32(0)
    scores[:, ~ranked] = -np.inf
    if seen is not None:
        scores[seen.toarray() > 0] = -np.inf
    order = np.argsort(-scores, axis=1, kind="stable")[:, :n]
    best = np.take_along_axis(scores, order, axis=1)
    short = ((0, 0), (0, n - order.shape[1]))
    return np.pad(np.where(best > -np.inf, order, -1), short, constant_values=-1), np.pad(
        best, short, constant_values=-np.inf
    )


def check(
    users: np.ndarray,
    movies: np.ndarray,
    n: int,
    *,
    ranked: np.ndarray | None = None,
    seen: sparse.csr_matrix | None = None,
) -> None:
    ranked = np.ones(len(movies), dtype=bool) if ranked is None else ranked
    expected = of_all_scores(users, movies, n, ranked, seen)
    for threads in (1, 3):
        positions, scores = best_products(users, movies, n, Eligibility(ranked, seen), threads)
        np.testing.assert_array_equal(positions, expected[0])
        assert scores.tobytes() == expected[1].tobytes()


def vectors(count: int, seed: int, spread: float = 1.0, size: int = SIZE) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (
        rng.normal(size=(count, size)) * np.exp(rng.normal(scale=spread, size=(count, 1)))
    ).astype(np.float32)


def some_seen(n_users: int, n_movies: int, share: float) -> sparse.csr_matrix:
    rng = np.random.default_rng(3)
    return sparse.csr_matrix((rng.random((n_users, n_movies)) < share).astype(np.float32))


@pytest.fixture
def whole_rows(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many users needed all their scores, call by call."""
    counts: list[int] = []

    def counted(users: np.ndarray, movies: np.ndarray, threads: int) -> np.ndarray:
        counts.append(len(users))
        return dot_scores(users, movies, threads)

    monkeypatch.setattr(products, "dot_scores", counted)
    return counts


@pytest.mark.parametrize("spread", [0.0, 1.0, 4.0])
@pytest.mark.parametrize("n_movies", [1, 30, LANES, 5 * LANES + 3, 9 * LANES])
@pytest.mark.parametrize("n", [1, 10, MOST_BY_LANES, MOST_BY_LANES + 1])
def test_as_all_scores_give_them(n: int, n_movies: int, spread: float) -> None:
    ranked = np.random.default_rng(4).random(n_movies) < 0.9
    check(
        vectors(60, 1, spread),
        vectors(n_movies, 2, spread),
        n,
        ranked=ranked,
        seen=some_seen(60, n_movies, 0.1),
    )


def test_most_users_never_need_all_scores(whole_rows: list[int]) -> None:
    check(
        vectors(700, 1, size=64),
        vectors(9 * LANES, 2, size=64),
        10,
        seen=some_seen(700, 9 * LANES, 0.05),
    )
    assert not whole_rows


@pytest.mark.parametrize("at_once", [1, 7, 512])
@pytest.mark.parametrize("first", [1, 2, 30])
def test_the_same_bytes_by_any_block(
    monkeypatch: pytest.MonkeyPatch, at_once: int, first: int
) -> None:
    monkeypatch.setattr(products, "USERS_AT_ONCE", at_once)
    monkeypatch.setattr(search, "FIRST_MOVIES", first * LANES)
    check(vectors(30, 1), vectors(10 * LANES + 1, 2), 10, seen=some_seen(30, 10 * LANES + 1, 0.3))


def test_equal_scores_go_by_position(whole_rows: list[int]) -> None:
    rng = np.random.default_rng(0)
    users, movies = (
        rng.integers(-2, 3, (50, 4)).astype(np.float32),
        rng.integers(-1, 2, (6 * LANES, 4)).astype(np.float32),
    )
    check(users, movies, 10, seen=some_seen(50, len(movies), 0.2))
    assert sum(whole_rows)


def test_a_few_equal_movies_go_by_position_without_all_scores(whole_rows: list[int]) -> None:
    movies = vectors(8 * LANES, 2)
    copies = np.random.default_rng(5).permutation(len(movies))
    check(vectors(50, 1), movies[np.minimum(copies, copies // 4 * 4)], 10)
    assert not whole_rows


def test_what_float32_sums_in_the_wrong_order_is_ranked_right() -> None:
    """Movies whose scores differ by less than float32 sums of their size can tell apart."""
    rng = np.random.default_rng(6)
    users = np.ones((20, 256), dtype=np.float32)
    movies = np.tile(rng.uniform(0.5, 1, 256), (40, 1))
    movies[np.arange(40), rng.integers(0, 256, 40)] += rng.permutation(40) * 2.0**-20
    movies = np.vstack([movies, rng.uniform(0.1, 0.5, (8 * LANES, 256))]).astype(np.float32)
    plain = np.argsort(-(users[:1] @ movies.T), axis=1, kind="stable")[:, :10]
    exact, _ = of_all_scores(users, movies, 10, np.ones(len(movies), dtype=bool), None)
    assert (plain != exact[:1]).any()
    check(users, movies, 10)


@pytest.mark.parametrize("seed", range(5))
def test_no_candidate_is_lost_though_float32_errs_as_far_as_it_may(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Products off by nearly as much as the bound of their sums allows; the movies' scores are all
    within that.
    """
    size = 64
    rng = np.random.default_rng(seed)
    users, movies = np.ones((30, size), dtype=np.float32), np.ones((8 * LANES, size))
    movies[:30] += rng.uniform(-2e-6, 2e-6, (30, size))
    movies[30:] *= rng.uniform(0.1, 0.9, (8 * LANES - 30, 1))
    matmul = np.matmul

    def worst(left: np.ndarray, right: np.ndarray, out: np.ndarray) -> np.ndarray:
        lengths = np.linalg.norm(left, axis=1)[:, None] * np.linalg.norm(right, axis=0)
        matmul(left, right, out=out)
        out += (size * 2.0**-24 * lengths * rng.choice([-0.99, 0.99], lengths.shape)).astype(
            np.float32
        )
        return out

    monkeypatch.setattr(search.np, "matmul", worst)
    check(users, movies[rng.permutation(len(movies))].astype(np.float32), 10)


@pytest.mark.parametrize("share", [0.9, 0.999, 1.0])
def test_those_who_have_seen_nearly_all(share: float) -> None:
    check(vectors(30, 1), vectors(6 * LANES, 2), 10, seen=some_seen(30, 6 * LANES, share))


def test_those_who_have_seen_the_longest() -> None:
    movies = vectors(8 * LANES, 2)
    longest = np.argsort(-np.linalg.norm(movies, axis=1))[: 5 * LANES]
    seen = np.zeros((30, len(movies)), dtype=np.float32)
    seen[:20, longest] = 1
    check(vectors(30, 1), movies, 10, seen=sparse.csr_matrix(seen))


@pytest.mark.parametrize("size", [1e-30, 1e-20, 1e19, 1e25])
def test_scores_that_float32_cannot_hold_are_as_dot_scores_gives_them(size: float) -> None:
    users, movies = vectors(30, 1), vectors(6 * LANES, 2)
    with np.errstate(over="ignore"):
        check((users * size).astype(np.float32), (movies * size).astype(np.float32), 10)


def test_empty_vectors_and_nothing_ranked() -> None:
    users, movies = vectors(30, 1), vectors(6 * LANES, 2)
    users[:10], movies[::2] = 0, 0
    check(users, movies, 10, seen=some_seen(30, 6 * LANES, 0.1))
    check(users, movies * 0, 10)
    check(users, movies, 10, ranked=np.zeros(len(movies), dtype=bool))
    check(users[:0], movies, 10, seen=some_seen(0, 6 * LANES, 0.1))


def test_negative_scores_alone() -> None:
    check(
        np.abs(vectors(30, 1)),
        -np.abs(vectors(9 * LANES, 2)),
        10,
        seen=some_seen(30, 9 * LANES, 0.1),
    )


def test_vectors_too_long_to_add_exactly_are_refused() -> None:
    long = np.ones((1, EXACT_WIDTH + 1), dtype=np.float32)
    with pytest.raises(ModelError, match="at most 512"):
        best_products(long, long, 1, Eligibility(np.ones(1, dtype=bool)), threads=1)
