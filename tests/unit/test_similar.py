"""Similar movies against all pairs, and by content alone."""

import numpy as np
import pytest
from scipy import sparse

from recsys.features.catalogue import Catalogue, Description
from recsys.features.content_similarity import ContentSimilarity, words_of
from recsys.models import model_class
from recsys.models.base import Compute
from recsys.models.similar import nearest_by_vectors
from recsys.scoring.similar import SimilarMovies
from tests.contracts.worlds import crowd

MOVIES = (
    Description("Heat (1995)", ("Crime", "Drama"), (1,), (10, 11)),
    Description("Ronin (1998)", ("Action", "Crime"), (2,), (10,)),
    Description("Toy Story (1995)", ("Animation", "Comedy"), (3,), (12,)),
    Description("Toy Story 2 (1999)", ("Animation", "Comedy"), (3,), (12,)),
    Description("Zwei (1995)"),
)


def nearest_of_all(similarities: np.ndarray, n: int) -> np.ndarray:
    """The n highest of each row but its own place, ties by position."""
    others = similarities.copy()
    np.fill_diagonal(others, -np.inf)
    return np.argsort(-others, axis=1, kind="stable")[:, :n]


def test_the_nearest_vectors_are_those_of_all_pairs() -> None:
    vectors = np.random.default_rng(3).normal(size=(300, 16)).astype(np.float32)
    vectors[7] = 0
    has_vector = np.arange(300) % 10 > 0
    positions, scores = nearest_by_vectors(vectors, has_vector, 20, threads=2)
    exact = vectors.astype(np.float64)
    lengths = np.linalg.norm(exact, axis=1)
    cosines = exact @ exact.T / np.maximum(np.outer(lengths, lengths), 1e-9)
    usable = has_vector & (lengths > 0)
    cosines[:, ~usable] = -np.inf
    np.testing.assert_array_equal(positions[usable], nearest_of_all(cosines, 20)[usable])
    expected = np.take_along_axis(cosines, positions, axis=1)[usable]
    np.testing.assert_allclose(scores[usable], expected, atol=1e-6)
    assert (positions[~usable] == -1).all()


@pytest.mark.parametrize("neighbours", [None, 15])
def test_ease_compares_movies_by_both_weights(neighbours: int | None) -> None:
    world, _ = crowd()
    kind = model_class("ease")
    config = kind.Config(neighbours=neighbours)  # type: ignore[call-arg]
    model = kind(config, Compute(threads=1)).fit(world.train, world.catalogue)
    weights = model.state().get("weights_")
    if weights is None:
        weights = model.weights_.toarray()  # type: ignore[attr-defined]
    both = (weights + weights.T) / 2
    both[both == 0] = -np.inf
    similar = model.similar(5)
    assert similar is not None
    modelled = model.state()["modelled_"]
    expected = model.movie_ids_[modelled[nearest_of_all(both, 5)]]
    listed = similar.ids[modelled]
    assert (listed[listed >= 0] == expected[listed >= 0]).all()
    assert (listed >= 0).mean() > 0.9


def test_content_compares_by_title_genres_and_people() -> None:
    ((rows, block),) = ContentSimilarity.of(Catalogue.of_descriptions(MOVIES)).blocks(np.arange(5))
    assert rows == slice(0, 5)
    assert block.argmax(axis=1)[:4].tolist() == [1, 0, 3, 2]
    assert block[2, 3] > 0.9
    assert (block[4] == -np.inf).all()
    assert np.isneginf(np.diag(block)).all()
    np.testing.assert_array_equal(block, block.T)


def test_content_is_compared_exactly_of_a_few() -> None:
    content = ContentSimilarity(sparse.csr_matrix(np.eye(4)[[0, 1, 0, 0]] / 2))
    ((_, block),) = content.blocks(np.array([2]))
    assert block.tolist() == [[0.25, -np.inf, -np.inf, 0.25]]


def test_a_titles_year_is_no_word() -> None:
    assert words_of("Sixth Sense, The (1999)") == ["sense", "sixth", "the"]
    assert words_of("2001: A Space Odyssey (1968)") == ["2001", "a", "odyssey", "space"]


@pytest.mark.parametrize("recipe", ["als", "ease", "item_knn", "hybrid", "popularity"])
def test_movies_that_nobody_rated_go_by_content(recipe: str) -> None:
    world, _ = crowd()
    kind = model_class(recipe)
    model = kind(compute=Compute(threads=1, device="cpu")).fit(world.train, world.catalogue)
    rated = np.unique(world.ratings.row_movie_ids)[
        1:
    ]  # the first is new, though the model knows it
    similar = SimilarMovies.of(model, world.catalogue, rated)
    is_rated = np.isin(similar.movie_ids, rated)
    assert similar.by_content[~is_rated].all() and (~is_rated).any()
    if recipe == "popularity":
        assert similar.by_content.all()
    else:
        assert not similar.by_content[is_rated].all()
    assert (similar.ids[:, 0] >= 0).all()
    by_model = model.similar(50)
    if by_model is not None:
        rows = ~similar.by_content
        np.testing.assert_array_equal(similar.ids[rows], by_model.ids[rows])
