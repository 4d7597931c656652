"""What `make bench-speed` asks of FAISS: the same movies as ours where it is exact, most of them
where it is not, and none that was seen.
"""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse

from bench.speed.stages.faiss_search import (
    GRAPH,
    OURS,
    Index,
    ListsByFaiss,
    SimilarByFaiss,
    recall,
)

MOVIES, USERS, WIDTH = 300, 90, 8


@pytest.fixture(scope="module")
def ground() -> SimpleNamespace:
    rng = np.random.default_rng(4)
    liked = rng.random(MOVIES + 20) < 0.9
    vectors = rng.standard_normal((len(liked), WIDTH)).astype(np.float32)
    model = SimpleNamespace(
        movie_factors_=vectors, liked_=liked, compute=SimpleNamespace(threads=1)
    )
    rated = sparse.random(USERS, len(liked), 0.1, "csr", np.float32, rng=rng)
    interactions = SimpleNamespace(csr=lambda: rated)
    users = rng.standard_normal((USERS, WIDTH)).astype(np.float32)
    return SimpleNamespace(
        model=model, user_vectors=users, data=SimpleNamespace(interactions=interactions)
    )


@pytest.mark.parametrize("stage_class", [SimilarByFaiss, ListsByFaiss])
def test_the_exact_index_finds_our_movies_and_the_graph_most(stage_class, ground) -> None:
    stage = stage_class(ground)
    with stage.ways() as ways:
        assert ways[0].label == OURS
        exact = stage.by_index(Index.of("exact", stage.movies(), 1))
        np.testing.assert_array_equal(exact, stage.by_us())
        assert 0.9 < stage.recalls[GRAPH] <= 1
        assert stage.recalls[GRAPH] == recall(ways[2].run(None), exact)


def test_nothing_seen_is_listed(ground) -> None:
    stage = ListsByFaiss(ground)
    for kind in ("exact", "HNSW"):
        lists = stage.by_index(Index.of(kind, stage.movies(), 1))
        rows = np.repeat(np.arange(USERS), lists.shape[1])
        assert (lists >= 0).all()
        assert not stage.seen[rows, lists.ravel()].any()


def test_a_movie_is_not_similar_to_itself(ground) -> None:
    stage = SimilarByFaiss(ground)
    lists = stage.by_index(Index.of("HNSW", stage.movies(), 1))
    assert not (lists == np.arange(len(lists))[:, None]).any()


def test_recall_counts_what_is_found_of_what_there_is() -> None:
    exact = np.array([[1, 2, 3], [4, -1, -1]])
    assert recall(exact, exact) == 1
    assert recall(np.array([[3, 9, 1], [5, -1, -1]]), exact) == 0.5
