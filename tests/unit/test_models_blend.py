"""The blend: its arithmetic by hand, its weights on lists whose right answer is known, and who is
asked for what.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from recsys.errors import ModelError
from recsys.features.catalogue import Catalogue
from recsys.features.histories import Histories
from recsys.features.interactions import Interactions
from recsys.features.train import Train
from recsys.models.base import (
    Compute,
    Config,
    FitMember,
    MemberFit,
    PredictsRatings,
    Recommender,
    silent,
)
from recsys.models.blend import Blend, BlendConfig, Member
from recsys.models.blend.fusion import FUSIONS, reciprocal_ranks, standard_scores, weighted_sum
from recsys.models.blend.validation import Validation
from recsys.models.blend.weights import (
    Candidates,
    cross_validated_ndcg,
    learn_star_weights,
    learn_weights,
)
from recsys.recipe import Recipe
from tests.contracts.worlds import World, checkerboard, crowd

UNKNOWN = -np.inf
ALS, POPULARITY = Member(name="als", settings={"factors": 8}), Member(name="popularity")


def block(*rows: list[float]) -> np.ndarray:
    return np.array(rows, dtype=np.float32)


def points(
    fusion: Callable[[np.ndarray, np.ndarray], np.ndarray], scores: np.ndarray
) -> np.ndarray:
    return fusion(scores.copy(), scores > UNKNOWN)


# one scale


def test_standard_scores_have_mean_0_and_deviation_1_over_what_is_scored() -> None:
    values = points(standard_scores, block([1, 3, UNKNOWN, 5], [7, 7, 7, 7], [UNKNOWN] * 4))
    step = np.sqrt(8 / 3)
    # the unknown: as the lowest
    np.testing.assert_allclose(values[0], [-2 / step, 0, -2 / step, 2 / step], rtol=1e-6)
    assert (values[1:] == 0).all()


def test_reciprocal_ranks_by_hand() -> None:
    values = points(
        reciprocal_ranks,
        block([0.5, 2, UNKNOWN, 0.5], [0.0, -0.0, -3, 1e-40], [UNKNOWN, UNKNOWN, -1, -2]),
    )
    # ties by position; the unknown: last
    np.testing.assert_allclose(values[0], [61 / 62, 1, 61 / 64, 61 / 63], rtol=1e-6)
    np.testing.assert_allclose(values[1], [61 / 62, 61 / 63, 61 / 64, 1], rtol=1e-6)
    np.testing.assert_allclose(values[2], [61 / 64, 61 / 64, 1, 61 / 62], rtol=1e-6)


def test_ranks_are_those_of_a_stable_sort() -> None:
    scores = np.random.default_rng(1).integers(-40, 40, size=(50, 200)).astype(np.float32) / 8
    order = np.argsort(-scores, axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(1, 201)[None], axis=1)
    np.testing.assert_allclose(points(reciprocal_ranks, scores), 61 / (60 + ranks), rtol=1e-6)


@pytest.mark.parametrize("fusion", FUSIONS.values(), ids=FUSIONS)
def test_a_row_does_not_depend_on_its_company(fusion: Callable) -> None:
    scores = np.random.default_rng(2).normal(size=(40, 300)).astype(np.float32)
    scores[scores < -1.5] = UNKNOWN
    parts = [points(fusion, part) for part in np.split(scores, [1, 9, 10])]
    np.testing.assert_array_equal(points(fusion, scores), np.vstack(parts))


# the sum


def same(scores: np.ndarray, scored: np.ndarray) -> np.ndarray:
    return np.where(scored, scores, 0).astype(np.float32)


def test_who_has_no_answer_for_a_user_is_left_out_of_the_weights() -> None:
    blocks = [block([1, 2, 3], [1, 2, 3]), block([3, 3, 0], [UNKNOWN] * 3)]
    total = weighted_sum(blocks, np.array([[0.25, 0.25], [0.75, 0.75]]), same)
    np.testing.assert_allclose(total, [[2.5, 2.75, 0.75], [1, 2, 3]])


def test_a_movie_is_unknown_where_no_member_with_a_weight_scores_it() -> None:
    blocks = [
        block([1, UNKNOWN, UNKNOWN], [1, UNKNOWN, UNKNOWN]),
        block([1, 1, UNKNOWN], [1, 1, UNKNOWN]),
    ]
    total = weighted_sum(blocks, np.array([[0.5, 1], [0.5, 0]]), same)
    np.testing.assert_allclose(total, [[1, 0.5, UNKNOWN], [1, UNKNOWN, UNKNOWN]])


# the weights


def candidates(n_users: int, *, seed: int = 0) -> tuple[Candidates, np.ndarray]:
    """Light users like what member 0 puts first, heavy ones what member 1 does; member 2 says
    nothing of use.
    """
    rng = np.random.default_rng(seed)
    shape = (n_users, 30)
    heavy = np.arange(n_users) % 2 == 1
    each = rng.normal(size=(*shape, 3)).astype(np.float32)
    preference = np.where(heavy[:, None], each[:, :, 1], each[:, :, 0]) + 0.5 * rng.normal(
        size=shape
    )
    liked = preference >= np.sort(preference, axis=1)[:, -3, None]
    return Candidates(
        np.repeat(np.arange(n_users), 30), each.reshape(-1, 3), liked.ravel(), np.full(n_users, 3)
    ), heavy


def test_ndcg_of_candidates_by_hand() -> None:
    movies = np.array([[0.9], [0.8], [0.7], [0.1], [0.2]])
    sample = Candidates(
        np.array([0, 0, 0, 1, 1]),
        movies,
        np.array([False, True, False, False, True]),
        np.array([1, 2]),
    )
    discounts = 1 / np.log2([2, 3])
    np.testing.assert_allclose(sample.ndcg(np.array([1.0])), [discounts[1], 1 / discounts.sum()])
    np.testing.assert_allclose(
        sample.ndcg(np.array([[-1.0], [1.0]])), [discounts[1], 1 / discounts.sum()]
    )


def test_light_and_heavy_users_get_weights_of_their_own() -> None:
    light, heavy = learn_weights(*candidates(800))
    assert light.argmax() == 0 and light[0] > 0.8
    assert heavy.argmax() == 1 and heavy[1] > 0.8
    assert (np.array([light, heavy]) >= 0).all()
    np.testing.assert_allclose([light.sum(), heavy.sum()], 1)


def test_a_small_group_takes_the_weights_of_all() -> None:
    light, heavy = learn_weights(*candidates(150))
    np.testing.assert_array_equal(light, heavy)
    assert light[2] < 0.1 < light[:2].min()


def test_without_a_liked_candidate_all_weigh_the_same() -> None:
    sample, heavy = candidates(10)
    nothing = Candidates(sample.users, sample.points, np.zeros(300, dtype=bool), sample.n_relevant)
    np.testing.assert_allclose(learn_weights(nothing, heavy), np.full((2, 3), 1 / 3))


def test_the_scale_of_the_points_does_not_matter() -> None:
    sample, heavy = candidates(300)
    smaller = Candidates(sample.users, sample.points / 1000, sample.liked, sample.n_relevant)
    np.testing.assert_allclose(
        learn_weights(sample, heavy), learn_weights(smaller, heavy), atol=1e-3
    )


def test_cross_validation_asks_nobody_that_weights_were_learned_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sample, heavy = candidates(40)
    learned_from: list[int] = []

    def learn(part: Candidates, own_heavy: np.ndarray) -> np.ndarray:
        learned_from.append(len(own_heavy))
        return np.array([[1.0, 0, 0], [0, 1, 0]])

    monkeypatch.setattr("recsys.models.blend.weights.learn_weights", learn)
    value = cross_validated_ndcg(sample, heavy, seed=1)
    assert learned_from == [32] * 5
    assert value == pytest.approx(sample.ndcg(np.eye(3)[heavy.astype(int)]).mean())


def test_stars_are_weighed_by_regression_for_each_group() -> None:
    rng = np.random.default_rng(3)
    predicted, heavy = rng.uniform(1, 5, size=(4_000, 2)), np.arange(4_000) % 2 == 0
    stars = np.where(
        heavy, 0.5 + 0.8 * predicted[:, 0], 0.2 * predicted[:, 0] + 0.7 * predicted[:, 1]
    )
    np.testing.assert_allclose(
        learn_star_weights(predicted, stars, heavy), [[0, 0.2, 0.7], [0.5, 0.8, 0]], atol=0.05
    )
    few = np.zeros(3, dtype=bool)
    np.testing.assert_allclose(
        learn_star_weights(predicted[:3], stars[:3], few)[1, 1:], 0.5, atol=0.5
    )


# the validation slice


def history() -> Interactions:
    rng = np.random.default_rng(4)
    user, movie = np.divmod(rng.choice(30 * 40, size=600, replace=False), 40)
    return Interactions.of(
        user, movie, rng.integers(1, 6, 600), rng.permutation(600) * 86_400, movie_ids=np.arange(40)
    )


@pytest.mark.parametrize("kind", ["exam", "leave one out", "random"])
def test_no_training_rating_is_held_out(kind: Any) -> None:
    train = history()
    validation = Validation.of(train, kind, min_users=3, like_threshold=4.0, seed=1)
    assert len(validation.train) + len(validation.held_out) == len(train)
    pairs = [
        set(zip(part.user_ids[part.users], part.movies, strict=True))
        for part in (validation.train, validation.held_out)
    ]
    assert not pairs[0] & pairs[1]
    if kind == "exam":
        assert validation.train.rated_at.max() < validation.held_out.rated_at.min()
        assert validation.cut > "1970-01-01"
    else:
        assert validation.cut == kind


def test_candidates_are_unseen_and_what_was_liked_is_marked() -> None:
    train = history()
    slice_ = Validation.of(train, "random", min_users=3, like_threshold=4.0, seed=1)
    sample = slice_.candidates([Oracle(np.arange(40))])["ranks"]
    unseen = 40 - np.diff(slice_.train.seen_by(slice_.users).indptr)
    # a catalogue smaller than DEPTH: all that is unseen
    np.testing.assert_array_equal(np.bincount(sample.users), unseen)
    np.testing.assert_array_equal(np.bincount(sample.users, sample.liked), sample.n_relevant)


# the model


class Oracle(Recommender, PredictsRatings):
    """Has the scores that a test gives it for whoever has so many ratings, and rates everything
    alike.
    """

    name = "oracle"
    Config = Config

    def __init__(self, scores: np.ndarray, *, at_least: int = 0, stars: float = 3.0) -> None:
        super().__init__(Config(), Compute())
        self.table = scores.astype(np.float32)
        self.movie_ids_ = np.arange(scores.shape[-1])
        self.at_least = at_least
        self.stars = stars

    def fit(self, train: Train, catalogue: Catalogue, *, report=silent):
        return self

    def knows(self, histories: Histories) -> np.ndarray:
        return histories.lengths >= self.at_least

    def score_block(self, histories: Histories) -> np.ndarray:
        return np.where(self.knows(histories)[:, None], self.table, np.float32(UNKNOWN))

    def predict(self, users: np.ndarray, movies: np.ndarray, histories: Interactions) -> np.ndarray:
        return np.full(len(users), self.stars, dtype=np.float32)

    def state(self):
        return {}

    def restore(self, state):
        pass


def weighted(weights: list[list[float]], *members: Recommender) -> Blend:
    model = Blend(BlendConfig(members=(ALS, POPULARITY)))
    model.members_, model.weights_, model.fusion_ = members, np.array(weights), "scores"
    model.heavy_from_ = 2
    model.movie_ids_ = np.arange(3)
    return model


#: User 1 has rated one movie, user 2 three.
RATED = Interactions.of(
    np.array([1, 2, 2, 2]),
    np.array([0, 0, 1, 2]),
    np.full(4, 5.0),
    np.zeros(4),
    movie_ids=np.arange(3),
)
#: Theirs, and a stranger's.
HISTORIES = RATED.histories_of(np.array([1, 2, 9]))


def test_history_decides_whose_weights_and_a_stranger_has_little() -> None:
    model = weighted([[1, 0], [0, 1]], Oracle(np.array([3, 2, 1])), Oracle(np.array([1, 2, 3])))
    assert model.score_block(HISTORIES).argmax(axis=1).tolist() == [0, 2, 0]


def test_whom_the_weighted_do_not_know_the_others_serve() -> None:
    model = weighted(
        [[1, 0], [1, 0]],
        Oracle(np.array([3, 2, 1]), at_least=3),
        Oracle(np.array([1, 2, 3]), at_least=1),
    )
    scores = model.score_block(HISTORIES)
    assert scores[:2].argmax(axis=1).tolist() == [2, 0]
    assert (scores[2] == UNKNOWN).all()
    assert model.knows(HISTORIES).tolist() == [True, True, False]


def fit_blend(world: World, fit_member: FitMember | None = None, **settings: Any) -> Blend:
    model = Blend(BlendConfig(members=(ALS, POPULARITY), **settings), Compute(seed=1, threads=1))
    if fit_member:
        model.fit_members_by(fit_member)
    return model.fit(world.train, world.catalogue)


def test_members_are_fitted_before_the_validation_and_on_everything() -> None:
    world, fits = checkerboard(), []
    blend = Blend(compute=Compute(threads=1))

    def fit_member(fit: MemberFit) -> Recommender:
        fits.append((fit.name, fit.cut, fit.train.extent().n_ratings))
        return blend.fit_here(fit)

    fit_blend(world, fit_member)
    n_training, everything = fits[0][2], len(world.ratings)
    assert n_training < everything
    assert fits == [
        ("als", "leave-newest-out", n_training),
        ("popularity", "leave-newest-out", n_training),
        ("als", None, everything),
        ("popularity", None, everything),
    ]


def test_it_learns_whom_to_trust_and_says_so() -> None:
    figures: dict[str, float] = {}
    world = checkerboard()
    model = Blend(BlendConfig(members=(ALS, POPULARITY)), Compute(seed=1, threads=1))
    model.fit(
        world.train,
        world.catalogue,
        report=lambda name, value, step: figures.update({name: value}),
    )
    assert (model.weights_[:, 0] > 0.5).all()
    assert figures["validation_ndcg_at_10 als"] > figures["validation_ndcg_at_10 popularity"]
    assert {"validation_ndcg_at_10 by scores", "validation_ndcg_at_10 by ranks"} <= figures.keys()
    assert model.tags()["fusion"] == model.fusion_
    of_als, of_popularity = model.weights_[1]
    tag = model.tags()[f"weights from {model.heavy_from_} ratings"]
    assert tag == f"als {of_als:.3f}, popularity {of_popularity:.3f}"


def test_without_anybody_to_ask_all_weigh_the_same() -> None:
    world = checkerboard()
    # a user's only rating stays known
    one_each = World(world.ratings.where(world.ratings.movies < 2), world.catalogue)
    model = fit_blend(one_each, validation="leave one out")
    np.testing.assert_array_equal(model.weights_, np.full((2, 2), 0.5))


def test_a_fusion_that_is_asked_for_is_used() -> None:
    assert {fusion: fit_blend(checkerboard(), fusion=fusion).fusion_ for fusion in FUSIONS} == {
        name: name for name in FUSIONS
    }


def test_stars_are_added_by_group_and_stay_within_what_was_seen() -> None:
    users, table = np.array([1, 2]), np.zeros(3)
    members = (Oracle(table, stars=3), Oracle(table, stars=5))
    model = weighted([[0.5, 0.5], [0.5, 0.5]], *members)
    model.config = BlendConfig(members=(Member(name="item_knn"), Member(name="item_knn")))
    model.star_weights_, model.rating_range_ = (
        np.array([[1, 0.5, 0.5], [0.5, 1, 0]]),
        np.array([1, 4.5]),
    )
    assert model.predict(users, np.array([0, 0]), RATED).tolist() == [4.5, 3.5]


def test_it_rates_where_a_member_does(tmp_path: Path) -> None:
    world = checkerboard()
    assert not fit_blend(world).rates
    with pytest.raises(ModelError, match="none of als, popularity predicts stars"):
        fit_blend(world).predict(np.array([1000]), np.array([100]), world.ratings)
    rater = Blend(
        BlendConfig(members=(Member(name="item_knn"), POPULARITY)), Compute(threads=1)
    ).fit(world.train, world.catalogue)
    users, movies = np.array([1000, 1001, 77]), np.array([100, 101, 5])
    assert rater.rates
    # the only rating that there is
    stars = rater.predict(users, movies, world.ratings)
    np.testing.assert_allclose(stars, 5, atol=0.01)
    rater.save(tmp_path)
    loaded = Blend.load(tmp_path)
    np.testing.assert_array_equal(loaded.predict(users, movies, world.ratings), stars)


# the recipe


def test_the_key_covers_every_setting_of_every_member() -> None:
    short = Recipe.of("blend", members=[{"name": "popularity"}])
    in_full = Recipe.of(
        "blend", members=[{"name": "popularity", "settings": {"half_life_days": 180.0}}]
    )
    other = Recipe.of(
        "blend", members=[{"name": "popularity", "settings": {"half_life_days": 7.0}}]
    )
    assert short.key == in_full.key != other.key
    assert Recipe.from_json(short.to_json()) == short


@pytest.mark.parametrize(
    ("member", "message"),
    [
        ({"name": "blend"}, "members are single recipes"),
        ({"name": "als", "settings": {"factor": 3}}, "factor"),
        ({"name": "als", "settings": {"factors": 0}}, "greater than or equal to 1"),
    ],
)
def test_a_member_that_can_not_be_is_refused(member: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        BlendConfig(members=(member,))  # pyright: ignore[reportArgumentType]
    with pytest.raises(ModelError, match="no recipe 'nothing'"):
        Member(name="nothing")


def test_two_members_of_one_recipe_have_names_of_their_own() -> None:
    twice = Blend(BlendConfig(members=(POPULARITY, ALS, POPULARITY)))
    assert twice.labels() == ["popularity 1", "als", "popularity 2"]


# why


def test_a_score_is_its_members_terms_by_weight_and_deviation() -> None:
    """What is left is what means and popularity come to, to the last term."""
    world, everyone = crowd()
    members = [{"name": "als"}, {"name": "ease"}, {"name": "popularity"}]
    model = Blend(BlendConfig.model_validate({"members": members, "fusion": "scores"}))
    model.fit(world.train, world.catalogue)
    histories = everyone.histories_of(everyone.user_ids)
    movies = np.tile(np.arange(0, 200, 40), (len(histories), 1))
    explained = model.explain(histories, movies)
    weights = model.weights_[(histories.lengths >= model.heavy_from_).astype(int)]
    rest = np.zeros(movies.shape)
    sums = np.zeros(movies.shape)
    for place, member in enumerate(model.members_):
        block = member.score_block(histories).astype(np.float64)
        scored = np.isfinite(block)
        mean = np.nanmean(np.where(scored, block, np.nan), axis=1, keepdims=True)
        deviation = np.nanstd(np.where(scored, block, np.nan), axis=1, keepdims=True)
        points = np.where(scored, (block - mean) / deviation, np.nan)
        points = np.where(scored, points, np.nanmin(points, axis=1, keepdims=True))
        weight = weights[:, [place]]
        own = weight * member.explain(histories, movies).sums / deviation
        sums += own
        rest += weight * np.take_along_axis(points, movies, axis=1) - own
    np.testing.assert_allclose(explained.sums, sums, atol=1e-5)
    np.testing.assert_allclose(explained.rest, rest, atol=1e-5)


@pytest.mark.parametrize("fusion", ["scores", "ranks"])
def test_lists_with_reasons_are_the_lists_and_the_reasons(fusion: str) -> None:
    world, everyone = crowd()
    members = [{"name": "als"}, {"name": "ease"}, {"name": "popularity"}]
    model = Blend(BlendConfig.model_validate({"members": members, "fusion": fusion}))
    model.fit(world.train, world.catalogue)
    histories = everyone.histories_of(everyone.user_ids[:300])
    offered = np.arange(len(world.catalogue)) % 5 > 0
    positions, scores, explained = model.explained_top_n(histories, 20, 4, offered)
    alone = model.top_n(histories, 20, offered)
    assert positions.tobytes() == alone[0].tobytes()
    assert scores.tobytes() == alone[1].tobytes()
    again = model.explain(histories, positions[:, :4])
    assert explained.kind == again.kind == ("exact" if fusion == "scores" else "rule")
    assert explained.contributions.tobytes() == again.contributions.tobytes()
    np.testing.assert_allclose(explained.rest, again.rest, atol=1e-6)
