"""Training ratings in Postgres: their digest is that of the same rows in this process."""

import numpy as np
import pytest

from recsys.db.connect import Connection
from recsys.features.interactions import Interactions
from recsys.features.row_hashes import RowHashes, hashint8extended
from recsys.features.train import Loaded

EDGES = [0, 1, -1, 2**31 - 1, 2**31, -(2**31), 2**32, 2**32 - 1, 2**63 - 1, -(2**63)]


def numbers(rng: np.random.Generator, n: int) -> np.ndarray:
    """Numbers of all sizes, of both signs, and those at which a size ends."""
    sizes = rng.integers(0, 63, n)
    values = rng.integers(-(2**62), 2**62, n) >> sizes
    return np.concatenate([values, EDGES])


@pytest.mark.parametrize("seed", range(3))
def test_a_hash_in_this_process_is_postgres_own(conn: Connection, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = np.repeat(numbers(rng, 20), 30)
    seeds = np.tile(numbers(rng, 20), 30)
    rows = conn.execute(
        "SELECT hashint8extended(value, seed) FROM unnest(%s::bigint[], %s::bigint[]) "
        "WITH ORDINALITY AS pair (value, seed, place) ORDER BY place",
        [values.tolist(), seeds.tolist()],
    ).fetchall()
    assert hashint8extended(values, seeds).tolist() == [row[0] for row in rows]


def ratings(rng: np.random.Generator, n: int = 200_000) -> Interactions:
    pairs = rng.choice(2_000 * 500, n, replace=False)
    user, movie = pairs // 500, pairs % 500
    stars = rng.integers(1, 11, n) / 2
    rated_at = rng.integers(-(10**9), 2 * 10**9, n)
    return Interactions.of(user, movie, stars, rated_at, movie_ids=np.arange(500))


def test_the_digest_is_that_of_the_rows_in_any_order_and_numbering() -> None:
    rng = np.random.default_rng(1)
    data = ratings(rng)
    half = rng.random(len(data)) < 0.5
    parts = [RowHashes.of(data.where(mask)) for mask in (half, ~half)]
    joined = RowHashes(sum(part.n_rows for part in parts), sum(part.total for part in parts))
    assert joined == RowHashes.of(data)


@pytest.mark.parametrize("column", ["user_ids", "movie_ids", "ratings", "rated_at"])
def test_another_value_in_any_column_is_another_digest(column: str) -> None:
    data = ratings(np.random.default_rng(2), 20_000)
    digest = Loaded(data, 4.0).ratings_digest()
    getattr(data, column)[-1] += 1
    assert Loaded(data, 4.0).ratings_digest() != digest


def test_another_like_threshold_is_another_fingerprint() -> None:
    data = ratings(np.random.default_rng(3), 100)
    assert Loaded(data, 4.0).fingerprint() != Loaded(data, 3.5).fingerprint()
