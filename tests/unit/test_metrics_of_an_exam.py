"""One model at one exam: for whom lists are made, what counts, and what the table says."""

import json
import tracemalloc
from dataclasses import asdict, replace

import numpy as np
import pytest

from recsys import exam as exam_module
from recsys.errors import ModelError
from recsys.evaluation.hits import hits_of
from recsys.evaluation.metrics.ndcg import ndcg
from recsys.evaluation.split import Exam
from recsys.exam import examine
from recsys.features.catalogue import Catalogue, Links
from recsys.features.interactions import Interactions, index_of
from recsys.features.train import Loaded
from recsys.models.base import BLOCK, Config, PredictsRatings, Recommender
from tests.contracts.worlds import catalogue_of, train_on

MOVIES = np.array([10, 20, 30, 40, 50])


def interactions(rows: list[tuple[int, int, float]]) -> Interactions:
    user, movie, stars = (np.array(column) for column in zip(*rows, strict=True))
    return Interactions.of(user, movie, stars, np.zeros(len(rows)), movie_ids=MOVIES)


class InOrder(Recommender):
    """Recommends movies by ascending id to whoever has rated one, and nothing to strangers."""

    name = "in order"
    Config = Config

    def fit(self, train, catalogue, *, report=None):
        self.read(train)
        return self

    def knows(self, histories):
        return histories.lengths > 0

    def score_block(self, histories):
        scores = np.tile(-np.arange(len(self.movie_ids_), dtype=np.float32), (len(histories), 1))
        scores[~self.knows(histories)] = -np.inf
        return scores

    def state(self):
        return {}

    def restore(self, state):
        pass


class RatesThree(InOrder, PredictsRatings):
    def predict(self, users, movies, histories):
        assert len(users) == len(movies)
        return np.full(len(users), 3.0, dtype=np.float32)


TRAIN = interactions([(1, 10, 5.0), (1, 20, 1.0), (2, 10, 5.0), (3, 30, 4.0)])
HELD_OUT = interactions(
    [
        (1, 30, 5.0),  # 1 is offered 30, 40, 50: a hit at rank 1
        (1, 50, 4.0),  # and at rank 3; a movie that nobody rated before
        (2, 40, 4.5),  # 2 is offered 20, 30, 40: rank 3; a new movie
        (3, 20, 3.5),  # not liked: 3 gets no list
        (9, 10, 5.0),  # 9 is a stranger: gets no list
    ]
)
EXAM = Exam.of("dated", 1, None, Loaded(TRAIN, 4.0), HELD_OUT)


def evaluate(model: type[Recommender] = InOrder, catalogue: Catalogue | None = None):
    fitted = model().fit(train_on(TRAIN), None)  # pyright: ignore[reportArgumentType]
    return examine(fitted, EXAM, like_threshold=4.0, min_history=2, catalogue=catalogue)


def table(result) -> dict[tuple[str, str], tuple[float, int]]:
    return {(part, metric): (value, n) for part, metric, value, n in result.values}


NDCG_1 = (1 + 0.5) / (1 + 1 / np.log2(3))
NDCG_2 = 0.5


def test_ndcg_of_each_deciding_user():
    result = evaluate()
    assert result.user_ids.tolist() == [1, 2]
    assert result.ndcg.dtype == np.float32
    assert result.ndcg == pytest.approx([NDCG_1, NDCG_2])


def test_all_is_the_mean_over_deciding_users():
    values = table(evaluate())
    assert values["all", "NDCG@10"] == (pytest.approx((NDCG_1 + NDCG_2) / 2), 2)
    assert values["all", "Recall@20"] == (1.0, 2)
    assert values["all", "MRR@10"] == (pytest.approx((1 + 1 / 3) / 2), 2)
    assert values["all", "precision@10"] == (pytest.approx((0.2 + 0.1) / 2), 2)


def test_cold_users_are_those_with_little_or_no_history():
    values = table(evaluate())  # 2 has one training rating, 9 none and no list
    assert values["cold users", "NDCG@10"] == (pytest.approx((NDCG_2 + 0) / 2), 2)
    assert values["cold users", "hit rate@10"] == (0.5, 2)


def test_new_movies_alone_are_relevant_in_their_slice():
    values = table(evaluate())  # 40 and 50 are new: ranks 3 and 3
    assert values["new movies", "NDCG@10"] == (pytest.approx(0.5), 2)
    assert values["new movies", "MRR@10"] == (pytest.approx(1 / 3), 2)


def test_coverage_is_a_share_of_the_slices_movies():
    values = table(evaluate())
    assert values["all", "coverage@10"] == (0.8, 5)  # all but 10, which both had rated
    assert values["new movies", "coverage@10"] == (1.0, 2)
    assert values["cold users", "coverage@10"] == (0.8, 5)


def test_exposure_and_lists_of_the_exams_users():
    # 1 gets 30, 40, 50 and 2 gets 20, 30, 40, 50; of three known users one rated 20 and one 30
    values = table(evaluate())
    assert values["all", "Gini@10"] == (
        pytest.approx((-4 * 0 - 2 * 1 + 0 * 2 + 2 * 2 + 4 * 2) / (5 * 7)),
        5,
    )
    assert values["all", "novelty@10"] == (pytest.approx(np.log2(3)), 2)
    own = ((2 + 1) / 2 + 2 / 1) / 2  # raters of 10 and 20, and of 10
    assert values["all", "popularity lift@10"] == (
        pytest.approx(((1 / 3 + 2 / 4) / 2 - own) / own),
        2,
    )


def test_list_metrics_are_not_told_again_for_new_movies():
    values = table(evaluate())
    assert ("new movies", "Gini@10") in values
    assert not [
        key
        for key in values
        if key[0] == "new movies" and key[1] in ("novelty@10", "popularity lift@10")
    ]


def test_diversity_is_measured_with_a_catalogue():
    assert not [key for key in table(evaluate()) if key[1] == "diversity@10"]
    genres = Links(
        np.arange(6), np.array([0, 0, 0, 1, 1], dtype=np.int32), np.array(["Comedy", "Drama"])
    )
    values = table(evaluate(catalogue=replace(catalogue_of(MOVIES), genres=genres)))
    assert values["all", "diversity@10"] == (
        pytest.approx((2 / 3 + 2 / 3) / 2),
        2,
    )  # C D D: one pair of three alike; C C D D: two of six


def test_light_and_heavy_users_are_parted_at_the_median_of_those_that_decide():
    values = table(evaluate())  # 1 has two training ratings, 2 has one, and the median is 1.5
    assert values["heavy users", "NDCG@10"] == (pytest.approx(NDCG_1), 1)
    assert values["light users", "NDCG@10"] == (pytest.approx(NDCG_2), 1)
    assert values["heavy users", "coverage@10"] == (0.6, 5)
    rated = table(evaluate(RatesThree))
    assert rated["light users", "RMSE"] == (1.5, 1)
    assert rated["heavy users", "MAE"] == (1.5, 2)


def test_users_of_equal_histories_are_all_light():
    train = interactions([(1, 10, 5.0), (2, 10, 5.0)])
    exam = EXAM.with_train(train)
    result = examine(InOrder().fit(train_on(train), None), exam, like_threshold=4.0, min_history=2)  # pyright: ignore[reportArgumentType]
    assert table(result)["light users", "NDCG@10"][1] == 2
    assert not [row for row in result.values if row[0] == "heavy users"]


def test_rmse_only_of_a_model_that_rates(monkeypatch):
    assert not [key for key in table(evaluate()) if key[1] == "RMSE"]
    monkeypatch.setattr(exam_module, "PREDICT_BLOCK", 2)
    values = table(evaluate(RatesThree))
    assert values["all", "RMSE"] == (pytest.approx(np.sqrt((4 + 1 + 2.25 + 0.25 + 4) / 5)), 5)
    assert values["cold users", "RMSE"] == (pytest.approx(np.sqrt((2.25 + 0.25 + 4) / 3)), 3)
    assert values["new movies", "RMSE"] == (pytest.approx(np.sqrt((1 + 2.25) / 2)), 2)


def test_values_are_plain_and_json_serialisable():
    result = evaluate(RatesThree)
    assert json.loads(json.dumps(result.values)) == [list(row) for row in result.values]
    assert all(
        type(value) is float and np.isfinite(value) and type(n) is int
        for _, _, value, n in result.values
    )
    assert set(asdict(result)) == {"user_ids", "ndcg", "values"}


def test_an_exam_that_nobody_decides_gives_no_rows():
    nothing = TRAIN.where(np.zeros(len(TRAIN), bool))
    nobody = Exam.of("leave-newest-out", None, None, train_on(TRAIN), nothing)
    model = RatesThree().fit(train_on(TRAIN), None)  # pyright: ignore[reportArgumentType]
    result = examine(model, nobody, like_threshold=4.0, min_history=2)
    assert (len(result.ndcg), result.values) == (0, [])


def test_a_model_of_another_catalogue_is_refused():
    model = InOrder().fit(train_on(TRAIN), None)  # pyright: ignore[reportArgumentType]
    model.movie_ids_ = MOVIES[:-1]
    with pytest.raises(ModelError, match="in order knows 4 movies and the exam has 5"):
        examine(model, EXAM, like_threshold=4.0, min_history=2)


def test_an_exam_never_holds_the_scores_of_all_users_at_once():
    n_users, n_movies = 16 * BLOCK, 500
    user, movie = np.repeat(np.arange(n_users), 2), np.tile([0, 1], n_users)
    train = Interactions.of(
        user, movie, np.full(len(user), 5.0), np.zeros(len(user)), movie_ids=np.arange(n_movies)
    )
    held_out = replace(train, movies=train.movies + 2)
    exam = Exam.of("dated", 1, None, train_on(train), held_out)
    model = InOrder().fit(train_on(train), None)  # pyright: ignore[reportArgumentType]
    catalogue = catalogue_of(train.movie_ids)
    tracemalloc.start()
    examine(model, exam, like_threshold=4.0, min_history=3, catalogue=catalogue)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    scores = n_users * n_movies * np.dtype(np.float32).itemsize
    assert peak < scores


def test_hits_agree_with_a_loop():
    rng = np.random.default_rng(5)
    user, movie = np.divmod(rng.choice(30 * 40, size=500, replace=False), 40)
    data = Interactions.of(
        user, movie, rng.integers(1, 6, 500), np.zeros(500), movie_ids=np.arange(40) * 7
    )
    # some held-out users have no list, some lists are of users without ratings
    users = np.sort(rng.choice(np.arange(35), 20, replace=False))
    lists = np.array([rng.permutation(np.append(data.movie_ids, -1))[:8] for _ in users])
    relevant = data.ratings >= 4
    hits, n_relevant = hits_of(lists, users, data, relevant)
    for row, user_id in enumerate(users):
        position = index_of(data.user_ids, np.array([user_id]))[0]
        liked = set(data.movie_ids[data.movies[(data.users == position) & relevant]].tolist())
        assert hits[row].tolist() == [listed in liked for listed in lists[row].tolist()]
        assert n_relevant[row] == len(liked)
    assert np.nanmax(ndcg(hits[n_relevant > 0], n_relevant[n_relevant > 0])) <= 1
