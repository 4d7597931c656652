"""The hybrid: its losses against the sums they stand for, content that carries a new movie, stars,
and when training stops.
"""

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from scipy import sparse

from recsys.features.catalogue import Catalogue, Description
from recsys.features.interactions import Interactions
from recsys.models.base import Compute
from recsys.models.hybrid import Hybrid, rating_training
from recsys.models.hybrid.biases import MOVIE_SHRINK, USER_SHRINK
from recsys.models.hybrid.config import HybridConfig
from recsys.models.hybrid.content import N_ACTORS, TIMES, ContentEncoder
from recsys.models.hybrid.content_map import ContentMap
from recsys.models.hybrid.networks import RATERS_SCALE
from recsys.models.hybrid.rating_training import RatingTrainer
from tests.contracts.worlds import World, checkerboard, train_on

COMPUTE = Compute(seed=1, threads=1, device="cpu")
STRANGER = 77
#: The stars of the users of a fit need no history.
NOBODY = np.empty(0, dtype=np.int64)
NOTHING = Interactions.of(NOBODY, NOBODY, NOBODY, NOBODY, movie_ids=np.arange(100, 120))

#: What the two last movies of a world, which nobody has rated, are described by: a comedy and a
#: drama.
COMEDY = Description("Laughing part 118 (1999)", ("Comedy",), (1,), (1,), runtime=118, year=2018)
DRAMA = Description("Weeping part 119 (1999)", ("Drama",), (2,), (2,))


@pytest.fixture(scope="module")
def world() -> World:
    """The checkerboard, with four stars for a few movies of a colour, years and runtimes whole."""
    board = checkerboard()
    ratings, catalogue = board.ratings, board.catalogue
    ratings.ratings[(ratings.movies % 2 == 0) & (ratings.users % 3 == 0)] = 4.0
    return World(
        ratings,
        replace(catalogue, years=catalogue.years.round(), runtimes=catalogue.runtimes.round()),
    )


@pytest.fixture(scope="module")
def model(world: World) -> Hybrid:
    return Hybrid(HybridConfig(users_a_batch=8, max_epochs=25, patience=25), COMPUTE).fit(
        world.train, world.catalogue
    )


@pytest.fixture(scope="module")
def tastes() -> Interactions:
    """Everybody rates every movie but the last two: five stars for those of the own colour, two for
    the others.
    """
    users, movies = (
        places.ravel() for places in np.meshgrid(np.arange(40), np.arange(18), indexing="ij")
    )
    stars = np.where(users % 2 == movies % 2, 5.0, 2.0)
    return Interactions.of(
        users + 1_000, movies + 100, stars, 10**9 + users + movies, movie_ids=np.arange(100, 120)
    )


@pytest.fixture(scope="module")
def rater(tastes: Interactions, world: World) -> Hybrid:
    config = HybridConfig(
        users_a_batch=8,
        max_epochs=10,
        rating_size=16,
        movies_a_batch=2,
        rating_epochs=60,
        rating_learning_rate=0.01,
    )
    return Hybrid(config, COMPUTE).fit(train_on(tastes), world.catalogue)


def described(*movies: Description) -> Catalogue:
    return Catalogue.of_descriptions(movies)


def test_a_new_movie_is_ranked_by_its_content(model: Hybrid, world: World) -> None:
    users = world.ratings.user_ids
    new_comedy, new_drama = model.score_block(world.ratings.histories_of(users))[:, -2:].T
    loves_comedy = users % 2 == 0
    assert ((new_comedy > new_drama) == loves_comedy).mean() > 0.95


def test_a_user_who_liked_nothing_is_not_known_but_still_rated_for(world: World) -> None:
    ratings = checkerboard().ratings
    ratings.ratings[ratings.users == 0] = 2.0
    model = Hybrid(HybridConfig(users_a_batch=8, max_epochs=2), COMPUTE)
    model.fit(train_on(ratings), world.catalogue)
    users = ratings.user_ids[:2]
    histories = ratings.histories_of(users)
    assert model.knows(histories).tolist() == [False, True]
    assert (model.score_block(histories)[0] == -np.inf).all()
    assert np.isfinite(model.predict(users[:1], ratings.movie_ids[:1], ratings)).all()


def test_stars_stay_in_the_range_seen_strangers_included(rater: Hybrid) -> None:
    assert rater.rating_range_.tolist() == [2.0, 5.0]
    narrow = copy.copy(rater)
    narrow.rating_range_ = np.array([3.0, 4.0], dtype=np.float32)
    for stars in (
        narrow.predict(
            np.array([1000, 1000, 1001, STRANGER, STRANGER]),
            np.array([100, 101, 5, 100, 5]),
            NOTHING,
        ),
        narrow.predict_described(np.array([1000, 1001, STRANGER]), described(COMEDY, DRAMA)),
    ):
        assert stars.dtype == np.float32
        assert (stars.min(), stars.max()) == (3.0, 4.0)


def test_stars_tell_tastes_apart(rater: Hybrid, tastes: Interactions) -> None:
    stars = rater.predict(tastes.row_user_ids, tastes.row_movie_ids, tastes)
    assert np.sqrt(np.mean((stars - tastes.ratings) ** 2)) < 0.5  # the mean alone is off by 1.5


def test_the_stars_of_a_movie_that_nobody_rated_come_from_its_content(
    rater: Hybrid, tastes: Interactions
) -> None:
    comedy, drama = (
        rater.predict(tastes.user_ids, np.full(len(tastes.user_ids), movie), tastes)
        for movie in (118, 119)
    )
    loves_comedy = tastes.user_ids % 2 == 0
    assert ((comedy > drama + 1) == loves_comedy).all()
    assert ((drama > comedy + 1) == ~loves_comedy).all()


def test_a_stranger_and_a_strange_movie_leave_the_mean_of_the_others(
    rater: Hybrid, tastes: Interactions
) -> None:
    mean = tastes.ratings.mean()
    neither, no_user, *no_movie = rater.predict(
        np.array([STRANGER, STRANGER, 1000, 1001]), np.array([5, 100, 5, 5]), NOTHING
    )
    assert neither == pytest.approx(mean)
    # all movies and users are as good as each other
    assert [no_user, *no_movie] == pytest.approx([mean] * 3, abs=0.3)
    np.testing.assert_allclose(
        rater.predict_described(np.array([STRANGER]), described(COMEDY, DRAMA)), mean, rtol=1e-6
    )
    assert not rater.predict(NOTHING.user_ids, NOTHING.user_ids, NOTHING).size


def test_a_copy_of_a_movie_that_nobody_rated_is_rated_as_it_is(rater: Hybrid, world: World) -> None:
    users = np.array([1000, 1001, 1002, STRANGER])
    copies = described(COMEDY, DRAMA)
    originals = rater.predict(
        np.repeat(users, 2), np.tile(world.catalogue.movie_ids[-2:], len(users)), NOTHING
    )
    np.testing.assert_allclose(rater.predict_described(users, copies).ravel(), originals, atol=1e-5)


def test_what_the_catalogue_did_not_know_is_no_part_of_a_description(rater: Hybrid) -> None:
    users = np.array([1000, 1001])
    nobody = 2**40
    comedy = replace(
        COMEDY,
        genres=("Abstract", "Comedy", "Zither"),
        directors=(1, nobody),
        actors=(1, nobody, nobody + 1),
    )
    drama = replace(
        DRAMA,
        genres=("Abstract", "Drama", "Zither"),
        directors=(2, nobody),
        actors=(2, nobody, nobody + 1),
    )
    unlike_any = Description("Zzz", ("Zither",), (nobody,), (nobody,))
    predict = rater.predict_described
    np.testing.assert_array_equal(
        predict(users, described(comedy, drama)), predict(users, described(COMEDY, DRAMA))
    )
    np.testing.assert_array_equal(
        predict(users, described(unlike_any)), predict(users, described(Description("Zzz")))
    )
    assert np.isfinite(predict(users, described(Description("")))).all()


def test_a_loaded_model_answers_as_before(rater: Hybrid, world: World, tmp_path: Path) -> None:
    rater.save(tmp_path)
    loaded = Hybrid.load(tmp_path, COMPUTE)
    users, movies = np.meshgrid(
        np.array([*rater.user_ids_[:4], STRANGER]), world.catalogue.movie_ids
    )
    before = rater.predict(users.ravel(), movies.ravel(), NOTHING)
    assert before.tobytes() == loaded.predict(users.ravel(), movies.ravel(), NOTHING).tobytes()
    copies = described(COMEDY, DRAMA)
    assert (
        rater.predict_described(users[0], copies).tobytes()
        == loaded.predict_described(users[0], copies).tobytes()
    )
    first, again = rater.state(), loaded.state()
    assert {name: array.tobytes() for name, array in first.items()} == {
        name: array.tobytes() for name, array in again.items()
    }


@pytest.mark.parametrize("field", ["size", "rating_size"])
def test_vectors_are_no_longer_than_their_products_add_exactly(field: str) -> None:
    HybridConfig(**{field: 510})
    with pytest.raises(ValidationError, match="less than or equal to 510"):
        HybridConfig(**{field: 511})


def test_each_epoch_is_reported(world: World) -> None:
    seen: list[tuple[str, int]] = []
    model = Hybrid(HybridConfig(users_a_batch=32, max_epochs=2), COMPUTE)
    model.fit(
        world.train, world.catalogue, report=lambda name, _value, step: seen.append((name, step))
    )
    assert {
        ("validation_ndcg_at_10", 1),
        ("validation_ndcg_at_10", 2),
        ("fit_ranking_loss", 1),
        ("fit_rating_loss", 1),
    } <= set(seen)


@pytest.mark.parametrize("hidden", [False, True])
def test_the_rating_loss_is_that_of_a_plain_loop(
    hidden: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, ratings, content = tiny_trainer(monkeypatch, hidden=hidden)
    error = trainer.squared_error(torch.tensor([2, 0, 1]))
    net = {
        name: array.detach().numpy().astype(np.float64)
        for name, array in trainer.net.named_parameters()
    }
    mean, movie_bias, user_bias = plain_biases(ratings)
    total = 0.0
    for movie in range(3):
        raters = [user for user in range(4) if ratings[user, movie]]
        rest = {
            user: ratings[user, movie] - mean - user_bias[user] - movie_bias[movie]
            for user in raters
        }
        if hidden:
            inner = net["describe_new.weight"] @ content[movie] + net["describe_new.bias"]
        else:
            inner = net["describe.weight"] @ content[movie] + net["read.bias"]
            for user in raters:
                inner = inner + net["read.weight"][:, user] * rest[user]
                inner = inner + net["read_raters.weight"][:, user] * RATERS_SCALE / np.sqrt(
                    len(raters)
                )
        for user in raters:
            written = net["write.weight"][user] @ np.tanh(inner) + net["write.bias"][user]
            total += (written - rest[user] - (movie_bias[movie] if hidden else 0)) ** 2
    assert float(error.detach()) == pytest.approx(total, rel=1e-5)


@pytest.mark.parametrize("hidden", [False, True])
def test_a_hidden_movies_ratings_do_not_reach_its_encoding(
    hidden: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, _, _ = tiny_trainer(monkeypatch, hidden=hidden)
    trainer.squared_error(torch.tensor([0, 1, 2])).backward()
    for gradient in (trainer.net.read.weight.grad, trainer.net.read_raters.weight.grad):
        assert (gradient is not None and bool(gradient.any())) == (not hidden)


def test_stars_are_the_dot_product_of_the_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer, ratings, content = tiny_trainer(monkeypatch, hidden=False)
    mean, _, user_bias = plain_biases(ratings)
    stars = trainer.user_vectors() @ trainer.movie_vectors().T
    rated = np.nonzero(ratings)
    error = np.square(stars[rated] - ratings[rated]).sum()
    assert error == pytest.approx(float(trainer.squared_error(torch.arange(3)).detach()), rel=1e-4)
    net = {name: array.detach().numpy() for name, array in trainer.net.named_parameters()}
    inner = np.tanh(net["describe_new.weight"] @ content[3] + net["describe_new.bias"])
    new = mean + np.array(user_bias) + net["write.weight"] @ inner + net["write.bias"]
    np.testing.assert_allclose(stars[:, 3], new, rtol=1e-5)


def tiny_trainer(
    monkeypatch: pytest.MonkeyPatch, *, hidden: bool
) -> tuple[RatingTrainer, np.ndarray, np.ndarray]:
    """Four users, four movies of which nobody rated the last, weights large enough to matter; all
    movies hidden, or none.
    """
    monkeypatch.setattr(rating_training, "HIDDEN", 1.0 if hidden else 0.0)
    ratings = np.array([[5, 3, 0, 0], [4, 0, 2, 0], [0, 1, 5, 0], [3, 2, 4, 0]], dtype=np.float32)
    users, movies = np.nonzero(ratings)
    train = Interactions.of(
        users, movies, ratings[users, movies], np.arange(len(users)), movie_ids=np.arange(4)
    )
    content = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
    trainer = RatingTrainer(train, content, HybridConfig(rating_size=3), COMPUTE)
    with torch.no_grad():
        for parameter in trainer.net.parameters():
            parameter.copy_(
                torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0))
            )
    return trainer, ratings, content


def plain_biases(ratings: np.ndarray) -> tuple[float, list[float], list[float]]:
    """Mean, biases of movies and biases of users, rating by rating; 0 stars stand for no rating."""
    given = [
        (user, movie, float(ratings[user, movie]))
        for user, movie in zip(*np.nonzero(ratings), strict=True)
    ]
    mean = sum(stars for _, _, stars in given) / len(given)
    movie_bias = []
    for movie in range(ratings.shape[1]):
        rest = [stars - mean for _, of, stars in given if of == movie]
        movie_bias.append(sum(rest) / (len(rest) + MOVIE_SHRINK))
    user_bias = []
    for user in range(ratings.shape[0]):
        rest = [stars - mean - movie_bias[movie] for by, movie, stars in given if by == user]
        user_bias.append(sum(rest) / (len(rest) + USER_SHRINK))
    return mean, movie_bias, user_bias


def test_the_map_of_content_is_ridge_regression() -> None:
    rng = np.random.default_rng(0)
    content = rng.random((30, 7)) * (rng.random((30, 7)) < 0.5)
    vectors = rng.normal(loc=[0, 5, -5], size=(30, 3))
    content_map = ContentMap.fit(sparse.csr_matrix(content), vectors, decay=2.0)
    centred = content - content.mean(axis=0)
    weights = np.linalg.solve(
        centred.T @ centred + 2 * np.eye(7), centred.T @ (vectors - vectors.mean(axis=0))
    )
    constant = vectors.mean(axis=0) - content.mean(axis=0) @ weights
    np.testing.assert_allclose(content_map.weights, weights, atol=1e-4)
    np.testing.assert_allclose(content_map.constant, constant, atol=1e-4)
    new = sparse.csr_matrix(rng.random((4, 7)), dtype=np.float32)
    np.testing.assert_allclose(content_map.vectors(new), new @ weights + constant, atol=1e-3)
    assert content_map.vectors(new).dtype == np.float32


@pytest.mark.parametrize("content_likes", [0.0, 6.0])
def test_a_movies_vector_is_content_as_far_as_it_has_few_likes(
    content_likes: float, world: World
) -> None:
    model = Hybrid(HybridConfig(content_likes=content_likes, content_decay=2.0), COMPUTE)
    model.movie_ids_ = world.ratings.movie_ids
    model.content_encoder_ = ContentEncoder.fit(world.catalogue, COMPUTE)
    learned = np.random.default_rng(0).normal(size=(20, 5)).astype(np.float32)
    described = model.map_content(world.ratings.n_raters > 0, world.catalogue, learned)
    n_likes = np.bincount(
        world.ratings.movies, minlength=20
    )  # every rating of this world is a like
    assert (n_likes > 0).tolist() == [True] * 18 + [False] * 2
    content = model.content_encoder_.encode(world.catalogue, COMPUTE)
    # an unrated movie's vector is noise, and no example
    of_rated = ContentMap.fit(content[:18], learned[:18], decay=2.0)
    np.testing.assert_allclose(described, of_rated.vectors(content), atol=1e-5)
    own = (n_likes / (n_likes + content_likes + (n_likes == 0)))[:, None]
    mixed = model.mix(n_likes, n_likes > 0, learned, described)
    np.testing.assert_allclose(mixed, own * learned + (1 - own) * described, atol=1e-5)


def test_people_of_one_movie_are_nobody() -> None:
    content = encoded_actors([(7, 8), (8,), ()])
    np.testing.assert_array_equal(content, [[1], [1], [0]])  # a column for 8, who made two


def test_a_few_of_a_cast_count_and_each_once() -> None:
    extras = tuple(range(10, 10 + N_ACTORS))
    content = encoded_actors([(1, 1, 2), (2,), extras, (*extras, 1)])
    # person 1, who stands there twice, then too far down
    assert content[:, 0].tolist() == [1, 0, 0, 0]
    assert content[:, 1].tolist() == [1, 1, 0, 0]
    assert content[:, 2:].sum(axis=1).tolist() == [0, 0, N_ACTORS, N_ACTORS]


def encoded_actors(casts: list[tuple[int, ...]]) -> np.ndarray:
    """The content's last columns: a column for each actor with more than one part, movies without
    any other content.
    """
    catalogue = described(*(Description("", actors=cast) for cast in casts))
    encoder = ContentEncoder.fit(catalogue, COMPUTE)
    return encoder.encode(catalogue, COMPUTE).toarray()[:, -len(encoder.actors) :]


def test_the_content_of_a_movie_is_all_that_is_known_of_it() -> None:
    movies = described(
        Description("Heat (1995)", ("Crime", "Action"), (9,), (7,), runtime=100, year=1995),
        Description("Rocky (1976)", ("Drama",), (9,), (7,), runtime=140, year=1985),
        Description("Nothing is known (1990)"),
    )
    encoder = ContentEncoder.fit(movies, COMPUTE)
    content = encoder.encode(movies, COMPUTE)
    assert (content.dtype, content.format) == (np.float32, "csr")
    n_titles = encoder.titles.encode(movies.titles, COMPUTE).shape[1]
    genres, titles, years, near, runtimes, people = np.split(
        content.toarray(), np.cumsum([3, n_titles, 2, len(TIMES), 2]), axis=1
    )
    assert genres.tolist() == [[1, 1, 0], [0, 0, 1], [0, 0, 0]]  # by name: Action, Crime, Drama
    np.testing.assert_allclose(titles, encoder.titles.encode(movies.titles, COMPUTE))
    assert years.tolist() == [[1, 1], [-1, 1], [0, 0]]  # in deviations, and whether it is known
    assert runtimes.tolist() == [[-1, 1], [1, 1], [0, 0]]
    assert TIMES[near[:2].argmax(axis=1)].tolist() == [1, -1]
    assert not near[2].any()
    assert people.tolist() == [[1, 1], [1, 1], [0, 0]]


def test_an_encoder_comes_back_from_its_arrays(world: World, tmp_path: Path) -> None:
    encoder = ContentEncoder.fit(world.catalogue, COMPUTE)
    np.savez(tmp_path / "encoder.npz", allow_pickle=False, **encoder.arrays())
    with np.load(tmp_path / "encoder.npz", allow_pickle=False) as arrays:
        again = ContentEncoder.of_arrays(dict(arrays))
    for catalogue in (world.catalogue, described(COMEDY, DRAMA, Description("Something else"))):
        first, second = (each.encode(catalogue, COMPUTE) for each in (encoder, again))
        assert first.toarray().tobytes() == second.toarray().tobytes()


def test_a_description_is_encoded_in_the_catalogues_terms(world: World) -> None:
    encoder = ContentEncoder.fit(world.catalogue, COMPUTE)
    catalogue = encoder.encode(world.catalogue, COMPUTE)
    description = encoder.encode(described(COMEDY, DRAMA), COMPUTE)
    np.testing.assert_allclose(description.toarray(), catalogue[-2:].toarray(), atol=1e-5)
