"""Interactions out of raw rows: byte for byte what plain numpy makes of them, whatever the ids and
the order.
"""

import numpy as np
import pytest
from scipy import sparse

from recsys.errors import ModelError
from recsys.features.interactions import Interactions

N_USERS, N_MOVIES, N_ROWS = 60, 40, 1_500
FIELDS = ("user_ids", "movie_ids", "users", "movies", "ratings", "rated_at")

#: How far ids lie apart: side by side, with gaps, and so far that no table of them could be held.
SPREADS = {"dense": 1, "gaps": 3, "sparse": 10**15}


def plainly(user, movie, rating, rated_at, *, movie_ids) -> Interactions:
    """By numpy's general means: a search and two sorts."""
    listed = np.isin(movie, movie_ids)
    user, movie, rating, rated_at = user[listed], movie[listed], rating[listed], rated_at[listed]
    user_ids, users = np.unique(user, return_inverse=True)
    movies = np.searchsorted(movie_ids, movie)
    order = np.lexsort((movies, users))
    columns = (
        users[order].astype(np.int32),
        movies[order].astype(np.int32),
        rating[order].astype(np.float32),
    )
    return Interactions(
        user_ids.astype(np.int64),
        movie_ids.astype(np.int64),
        *columns,
        rated_at[order].astype(np.int64),
    )


def raw(spread: int, arrival: str, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Users, movies, ratings and times of distinct pairs; ids start below 0."""
    rng = np.random.default_rng(seed)
    pairs = np.sort(rng.choice(N_USERS * N_MOVIES, N_ROWS, replace=False))
    if arrival == "tail":
        late = rng.random(N_ROWS) < 0.1
        pairs = np.concatenate([pairs[~late], pairs[late]])
    elif arrival == "by user":
        pairs = rng.permutation(pairs)
        pairs = pairs[np.argsort(pairs // N_MOVIES)]
    elif arrival == "any":
        pairs = rng.permutation(pairs)
    users, movies = np.divmod(pairs, N_MOVIES)
    rating, rated_at = rng.integers(1, 11, N_ROWS) / 2, rng.integers(0, 2**33, N_ROWS)
    return (users - 7) * spread, (movies - 7) * spread, rating, rated_at


def assert_same(ours: Interactions, theirs: Interactions) -> None:
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), err_msg=name)
        assert getattr(ours, name).dtype == getattr(theirs, name).dtype, name
    assert ours.fingerprint() == theirs.fingerprint()


@pytest.mark.parametrize("arrival", ["ordered", "tail", "by user", "any"])
@pytest.mark.parametrize("movie_spread", SPREADS)
@pytest.mark.parametrize("user_spread", SPREADS)
def test_rows_become_what_plain_numpy_makes_of_them(
    user_spread: str, movie_spread: str, arrival: str
):
    user, _, rating, rated_at = raw(SPREADS[user_spread], arrival)
    movie = raw(SPREADS[movie_spread], arrival)[1]
    every = np.unique(movie)
    assert len(every) == N_MOVIES
    for movie_ids in (every, every[5:-5], every[::2], np.append(every, every[-1] + 1), every[:0]):
        ours, theirs = (
            make(user, movie, rating, rated_at, movie_ids=movie_ids)
            for make in (Interactions.of, plainly)
        )
        assert_same(ours, theirs)


def test_ids_at_the_ends_of_bigint_stay_apart():
    movie = np.array([-(2**63), -1, 0, 1, 2**63 - 1])
    ones = np.ones(5)
    for movie_ids in (
        movie,
        movie[1:4],
        np.array([0]),
        np.array([2**63 - 1]),
        np.array([-(2**63)]),
    ):
        ours, theirs = (
            make(movie, movie, ones, ones, movie_ids=movie_ids)
            for make in (Interactions.of, plainly)
        )
        assert_same(ours, theirs)


def test_rows_of_the_same_pair_stay_as_they_came():
    user, movie = np.random.default_rng(3).integers(1, 4, (2, N_ROWS))
    rows = (user, movie, np.arange(N_ROWS), np.arange(N_ROWS))
    ours, theirs = (
        make(*rows, movie_ids=np.array([1, 2, 3])) for make in (Interactions.of, plainly)
    )
    assert_same(ours, theirs)


@pytest.mark.parametrize("kind", [np.int16, np.int32, np.uint64])
def test_ids_of_another_kind_become_bigints(kind: type):
    user, movie, rating, rated_at = raw(1, "any")
    user, movie = user - user.min(), movie - movie.min()
    ours = Interactions.of(
        user.astype(kind),
        movie.astype(kind),
        rating,
        rated_at,
        movie_ids=np.arange(5, 30).astype(kind),
    )
    assert_same(ours, plainly(user, movie, rating, rated_at, movie_ids=np.arange(5, 30)))


@pytest.fixture(params=SPREADS)
def data(request: pytest.FixtureRequest) -> Interactions:
    user, movie, rating, rated_at = raw(SPREADS[request.param], "any", seed=1)
    return Interactions.of(
        user, movie, rating, rated_at, movie_ids=np.append(np.unique(movie), 10**18)
    )


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
def test_rows_of_a_mask(data: Interactions, share: float):
    mask = np.random.default_rng(2).random(len(data)) < share
    user, movie = data.user_ids[data.users[mask]], data.movie_ids[data.movies[mask]]
    assert_same(
        data.where(mask),
        plainly(user, movie, data.ratings[mask], data.rated_at[mask], movie_ids=data.movie_ids),
    )


@pytest.mark.parametrize(
    "values", [None, np.arange(N_ROWS), np.arange(N_ROWS) > 5, np.zeros(N_ROWS, dtype=np.float32)]
)
def test_the_matrix_is_scipys(data: Interactions, values: np.ndarray | None):
    stored = (data.ratings if values is None else values).astype(np.float32)
    assert_same_matrix(
        data.csr(values), sparse.csr_matrix((stored, (data.users, data.movies)), shape=data.shape)
    )


def test_the_matrix_is_no_copy(data: Interactions):
    matrix = data.csr()
    assert np.shares_memory(matrix.data, data.ratings)
    assert np.shares_memory(matrix.indices, data.movies)


def some_users(data: Interactions, whom: str) -> np.ndarray:
    ids = data.user_ids
    return {
        "all": ids,
        "block": ids[7:20],
        "first": ids[:1],
        "last": ids[-1:],
        "some": ids[[3, 4, 30, 31, 50]],
        "backwards": ids[20:10:-1],
        "twice": ids[[4, 4, 5]],
        "unknown among a block": np.concatenate(
            [ids[7:9], [ids[8] + 10**17], ids[9:12], [ids[0] - 1]]
        ),
        "unknown": ids[-1:] + 1,
        "nobody": ids[:0],
    }[whom]


@pytest.mark.parametrize(
    "whom",
    [
        "all",
        "block",
        "first",
        "last",
        "some",
        "backwards",
        "twice",
        "unknown among a block",
        "unknown",
        "nobody",
    ],
)
def test_what_users_have_seen(data: Interactions, whom: str):
    users = some_users(data, whom)
    seen = np.zeros((len(users), data.shape[1]), dtype=np.float32)
    for row, user_id in enumerate(users):
        seen[row, data.movies[data.user_ids[data.users] == user_id]] = 1
    assert_same_matrix(data.seen_by(users), sparse.csr_matrix(seen))


def test_nothing():
    none = np.array([], dtype=np.int64)
    for movie_ids in (none, np.array([3, 5])):
        data = Interactions.of(none, none, none, none, movie_ids=movie_ids)
        assert_same(data, plainly(none, none, none, none, movie_ids=movie_ids))
        assert_same(data.where(np.array([], dtype=bool)), data)
        assert data.csr().shape == (0, len(movie_ids))
        assert_same_matrix(
            data.seen_by(np.array([1, 2])), sparse.csr_matrix((2, len(movie_ids)), dtype=np.float32)
        )


def assert_same_matrix(ours: sparse.csr_matrix, theirs: sparse.csr_matrix) -> None:
    assert ours.shape == theirs.shape
    assert ours.has_canonical_format
    for name in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), err_msg=name)
        assert getattr(ours, name).dtype == getattr(theirs, name).dtype, name


@pytest.mark.parametrize("spread", SPREADS.values(), ids=SPREADS)
def test_who_has_rated_what(spread: int) -> None:
    user, movie, rating, rated_at = raw(spread, "any")
    rated = Interactions.of(user, movie, rating, rated_at, movie_ids=np.unique(movie))
    there = set(zip(user.tolist(), movie.tolist(), strict=True))
    strangers = [-8 * spread, 10**17]
    for user_id in [*rated.user_ids.tolist(), *strangers]:
        places = np.arange(len(rated.movie_ids))
        has_rated = rated.has(np.full(len(places), user_id), places)
        assert has_rated.tolist() == [
            (user_id, movie) in there for movie in rated.movie_ids.tolist()
        ]


def test_likes_are_the_ratings_from_the_threshold_on() -> None:
    ratings = Interactions.of(
        np.array([1, 1, 2]),
        np.array([5, 6, 5]),
        np.array([3.5, 4.0, 4.5]),
        np.array([10, 20, 30]),
        movie_ids=np.array([5, 6, 7]),
    )
    likes = ratings.likes(4.0)
    assert likes.ratings.tolist() == [4.0, 4.5]
    assert likes.movie_ids.tolist() == [5, 6, 7]
    message = r"none of 3 ratings is a like \(at least 5\.0\); expected some"
    with pytest.raises(ModelError, match=message):
        ratings.likes(5.0)
