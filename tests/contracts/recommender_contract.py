"""What every recipe promises. A new one inherits `RecommenderContract` in a class that names its
recipe.
"""

import copy
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from pydantic import ValidationError

from recsys.errors import ModelError
from recsys.features.catalogue import Catalogue
from recsys.features.interactions import Interactions
from recsys.models import model_class
from recsys.models.base import Compute, DotProduct, PredictsRatings, Recommender
from recsys.models.explanation import Explanation
from tests.contracts.worlds import World, checkerboard, crowd, skewed

STRANGER = 999_999


def rated_by(ratings: Interactions, user_id: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Movie ids, stars and times of a user's ratings."""
    rows = ratings.is_of(np.array([user_id]))
    return ratings.row_movie_ids[rows], ratings.ratings[rows], ratings.rated_at[rows]


def answers(model: Recommender, users: np.ndarray, histories: Interactions) -> list[np.ndarray]:
    """The users' lists with their scores, all scores, and stars where the model predicts any."""
    top = model.recommend(users, n=10, histories=histories)
    scores = np.vstack([block for _, block in model.scores(users, histories)])
    stars = []
    if isinstance(model, PredictsRatings) and model.rates:
        movies = model.movie_ids_[users % len(model.movie_ids_)]
        stars = [model.predict(users, movies, histories)]
    return [top.ids, top.scores, scores, *stars]


def positions_of(model: Recommender, ids: np.ndarray) -> np.ndarray:
    """Where the model has the movies of lists; −1 past a list's end."""
    return np.where(ids >= 0, np.searchsorted(model.movie_ids_, ids), -1)


def explanation(model: Recommender, users: np.ndarray, histories: Interactions) -> Explanation:
    """Of the five best movies of each user."""
    top = model.recommend(users, n=5, histories=histories)
    return model.explain(histories.histories_of(users), positions_of(model, top.ids))


def of_each_user(explained: Explanation) -> list[bytes]:
    """The bytes of the contributions and the rest, a user's after another's."""
    contributions = np.split(explained.contributions, explained.histories.starts[1:-1])
    parts = zip(contributions, explained.rest, strict=True)
    return [of_ratings.tobytes() + rest.tobytes() for of_ratings, rest in parts]


class RecommenderContract:
    recipe: ClassVar[str]
    settings: ClassVar[dict[str, Any]] = {}
    personal: ClassVar[bool] = True
    serves_strangers: ClassVar[bool] = False
    ranks_unrated: ClassVar[bool] = False
    explains: ClassVar[str] = "exact"
    compares_movies: ClassVar[bool] = True

    def build(self, *, seed: int = 1) -> Recommender:
        kind = model_class(self.recipe)
        return kind(kind.Config(**self.settings), Compute(seed=seed, threads=1, device="cpu"))

    @pytest.fixture(scope="class")
    @classmethod
    def world(cls) -> World:
        return checkerboard()

    @pytest.fixture(scope="class")
    @classmethod
    def fitted(cls, world: World) -> Recommender:
        return cls().build().fit(world.train, world.catalogue)

    def all_scores(
        self, model: Recommender, users: np.ndarray, histories: Interactions
    ) -> np.ndarray:
        return np.vstack([block for _, block in model.scores(users, histories)])

    # right answers

    def test_finds_the_own_colour_of_a_checkerboard(
        self, fitted: Recommender, world: World
    ) -> None:
        users = world.ratings.user_ids
        top = fitted.recommend(users, n=1, histories=world.ratings)
        own_colour = top.ids[:, 0] % 2 == users % 2
        assert own_colour.mean() > 0.95 if self.personal else own_colour.mean() < 0.95

    def test_prefers_what_more_people_like(self) -> None:
        world = skewed()
        model = self.build().fit(world.train, world.catalogue)
        newcomers = world.ratings.user_ids[-5:]
        top = model.recommend(newcomers, n=3, histories=world.ratings)
        assert (np.sort(top.ids, axis=1) <= world.catalogue.movie_ids[5]).all(), top.ids

    def test_a_low_rating_is_no_like(self) -> None:
        world = skewed(hated=True)
        model = self.build().fit(world.train, world.catalogue)
        users = world.ratings.user_ids[-5:]
        top = model.recommend(users, n=3, histories=world.ratings)
        assert world.catalogue.movie_ids[-1] not in top.ids

    # who and what is not known

    def test_a_stranger_is_not_known(self, fitted: Recommender, world: World) -> None:
        users = np.array([world.ratings.user_ids[0], STRANGER])
        assert list(fitted.knows(world.ratings.histories_of(users))) == [True, False]

    def test_a_strangers_row_is_empty_unless_strangers_are_served(
        self, fitted: Recommender, world: World
    ) -> None:
        top = fitted.recommend(np.array([STRANGER]), n=3, histories=world.ratings)
        assert (top.ids >= 0).all() if self.serves_strangers else (top.ids == -1).all()
        assert (top.scores > -np.inf).all() == self.serves_strangers

    def test_strangers_leave_the_known_alone(self, fitted: Recommender, world: World) -> None:
        users = world.ratings.user_ids[:3]
        mixed = self.all_scores(fitted, np.array([STRANGER, *users, STRANGER]), world.ratings)
        np.testing.assert_array_equal(mixed[1:-1], self.all_scores(fitted, users, world.ratings))

    def test_a_movie_that_nobody_rated_comes_last_or_by_content(
        self, fitted: Recommender, world: World
    ) -> None:
        scores = self.all_scores(fitted, world.ratings.user_ids, world.ratings)
        unrated = np.bincount(world.ratings.movies, minlength=scores.shape[1]) == 0
        assert unrated.any()
        assert not np.isnan(scores).any()
        if self.ranks_unrated:
            assert np.isfinite(scores).all()
        else:
            assert (scores[:, unrated].max(axis=1) <= scores[:, ~unrated].min(axis=1)).all()

    # lists

    def test_the_seen_is_left_out(self, fitted: Recommender, world: World) -> None:
        users = world.ratings.user_ids
        seen = world.ratings.seen_by(users)
        top = fitted.recommend(users, n=10, histories=world.ratings)
        columns = np.searchsorted(world.ratings.movie_ids, top.ids.clip(min=0))
        hits = seen.toarray()[np.arange(len(users))[:, None], columns] * (top.ids >= 0)
        assert hits.sum() == 0

    @pytest.mark.parametrize("n", [1, 5, 200])
    def test_lists_are_the_best_of_all_scores(
        self, fitted: Recommender, world: World, n: int
    ) -> None:
        users = np.array([STRANGER, *world.ratings.user_ids])
        seen = world.ratings.seen_by(users)
        scores = self.all_scores(fitted, users, world.ratings)
        scores[seen.toarray() > 0] = -np.inf
        order = np.argsort(-scores, axis=1, kind="stable")[:, :n]
        best = np.take_along_axis(scores, order, axis=1)
        top = fitted.recommend(users, n=n, histories=world.ratings)
        np.testing.assert_array_equal(top.scores[:, : best.shape[1]], best)
        np.testing.assert_array_equal(
            top.ids[:, : best.shape[1]],
            np.where(best > -np.inf, world.ratings.movie_ids[order], -1),
        )

    def test_best_first(self, fitted: Recommender, world: World) -> None:
        top = fitted.recommend(world.ratings.user_ids, n=8, histories=world.ratings)
        assert (top.scores[:, :-1] >= top.scores[:, 1:]).all()

    def test_no_movie_twice(self, fitted: Recommender, world: World) -> None:
        top = fitted.recommend(world.ratings.user_ids, n=8, histories=world.ratings)
        assert all(len(set(row[row >= 0])) == (row >= 0).sum() for row in top.ids)

    def test_ties_go_by_movie_id(
        self, fitted: Recommender, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        level = np.zeros((1, len(world.catalogue)), dtype=np.float32)
        monkeypatch.setattr(
            fitted, "score_block", lambda histories: np.repeat(level, len(histories), axis=0)
        )
        if isinstance(fitted, DotProduct):
            monkeypatch.setattr(
                fitted,
                "vectors",
                lambda histories: (np.ones((len(histories), 2)), np.ones((level.size, 2))),
            )
        user = world.ratings.user_ids[:1]
        top = fitted.recommend(user, n=4, histories=world.ratings)
        unseen = world.ratings.seen_by(user).toarray()[0] == 0
        assert (top.ids[0] == world.catalogue.movie_ids[unseen][:4]).all()

    def test_more_than_the_catalogue_ends_early(self, fitted: Recommender, world: World) -> None:
        width = len(world.catalogue)
        top = fitted.recommend(world.ratings.user_ids[:2], n=width + 5, histories=world.ratings)
        assert top.ids.shape == (2, width + 5)
        assert (top.ids[:, width:] == -1).all()
        assert (top.scores[:, width:] == -np.inf).all()

    def test_what_is_not_offered_is_in_no_list(self, fitted: Recommender, world: World) -> None:
        users = world.ratings.user_ids
        everything = fitted.recommend(users, n=200, histories=world.ratings).ids
        offered = np.arange(len(world.catalogue)) % 3 > 0
        some = fitted.recommend(users, n=200, histories=world.ratings, offered=offered).ids
        allowed = np.isin(everything, world.catalogue.movie_ids[offered])
        for row, is_allowed, rest in zip(everything, allowed, some, strict=True):
            assert rest[rest >= 0].tolist() == row[is_allowed].tolist()

    def test_nobody_asked_nothing_answered(self, fitted: Recommender, world: World) -> None:
        top = fitted.recommend(np.empty(0, dtype=np.int64), n=3, histories=world.ratings)
        assert top.ids.shape == top.scores.shape == (0, 3)

    def test_company_does_not_change_a_score(self, fitted: Recommender, world: World) -> None:
        users = world.ratings.user_ids
        together = self.all_scores(fitted, users, world.ratings)
        parts = [self.all_scores(fitted, part, world.ratings) for part in np.split(users, [1, 8])]
        np.testing.assert_array_equal(together, np.vstack(parts))

    # a user is what the user has rated

    def test_someone_who_came_after_the_fit_is_served(
        self, fitted: Recommender, world: World
    ) -> None:
        like_another = Interactions.of(
            np.full(world.ratings.n_rated[4], STRANGER),
            *rated_by(world.ratings, world.ratings.user_ids[4]),
            movie_ids=world.ratings.movie_ids,
        )
        new = fitted.recommend(np.array([STRANGER]), n=5, histories=like_another)
        twin = fitted.recommend(world.ratings.user_ids[[4]], n=5, histories=world.ratings)
        assert (new.ids == twin.ids).all()
        assert new.scores.tobytes() == twin.scores.tobytes()

    def test_histories_over_other_movies_are_refused(
        self, fitted: Recommender, world: World
    ) -> None:
        other = checkerboard(n_movies=22).ratings
        with pytest.raises(ModelError, match="knows 20 movies and the histories are over 22"):
            fitted.recommend(world.ratings.user_ids, n=3, histories=other)

    def test_neither_company_nor_shards_nor_threads_change_a_byte(self, tmp_path: Path) -> None:
        fitted_to, everyone = crowd()
        model = self.build().fit(fitted_to.train, fitted_to.catalogue)
        model.save(tmp_path)
        users = everyone.user_ids
        whole = answers(model, users, everyone)
        assert (whole[0] >= 0).all()
        for threads in (1, 2):
            model = type(model).load(tmp_path, Compute(seed=1, threads=threads, device="cpu"))
            for n_shards in (1, 2, 7):
                shards = [users[shard::n_shards] for shard in range(n_shards)]
                for shard, part in enumerate(shards):
                    of_part = answers(model, part, everyone.where(everyone.is_of(part)))
                    for answer, expected in zip(of_part, whole, strict=True):
                        assert answer.tobytes() == expected[shard::n_shards].tobytes()
            for row in range(0, len(users), 97):
                alone = answers(model, users[row : row + 1], everyone)
                for answer, expected in zip(alone, whole, strict=True):
                    assert answer.tobytes() == expected[row : row + 1].tobytes()

    # why

    @pytest.fixture(scope="class")
    @classmethod
    def fitted_to_crowd(cls) -> tuple[Recommender, Interactions]:
        world, everyone = crowd()
        return cls().build().fit(world.train, world.catalogue), everyone

    def test_contributions_and_the_rest_add_up_to_the_score(
        self, fitted_to_crowd: tuple[Recommender, Interactions]
    ) -> None:
        model, everyone = fitted_to_crowd
        users = everyone.user_ids
        explained = explanation(model, users, everyone)
        assert explained.kind == self.explains
        assert model.has_members or type(model).explains == explained.kind, "set it in the class"
        scores = model.recommend(users, n=5, histories=everyone).scores
        if self.explains == "rule":
            assert not explained.contributions.any()
            assert not explained.rest.any()
        else:
            total = explained.sums + explained.rest
            np.testing.assert_allclose(total, scores, rtol=1e-5, atol=1e-6)
            assert (explained.contributions > 0).any(axis=1).mean() > 0.1

    def test_no_disliked_movie_is_a_reason(
        self, fitted_to_crowd: tuple[Recommender, Interactions]
    ) -> None:
        model, everyone = fitted_to_crowd
        explained = explanation(model, everyone.user_ids, everyone)
        is_disliked = everyone.ratings < model.like_threshold_
        assert is_disliked.any()
        assert not explained.contributions[is_disliked].any()

    def test_no_movie_and_no_history_have_no_reason(
        self, fitted: Recommender, world: World
    ) -> None:
        users = np.array([STRANGER, *world.ratings.user_ids[:2]])
        movies = np.array([[0, 1, -1], [1, -1, 0], [-1, -1, -1]])
        explained = fitted.explain(world.ratings.histories_of(users), movies)
        by_movie = np.repeat(movies, explained.histories.lengths, axis=0)
        assert not explained.contributions[by_movie < 0].any()
        assert not explained.rest[movies < 0].any()
        assert (explained.strongest(3).movies[0] == -1).all()

    def test_nobody_asked_nothing_explained(self, fitted: Recommender, world: World) -> None:
        nobody = world.ratings.histories_of(np.empty(0, dtype=np.int64))
        explained = fitted.explain(nobody, np.empty((0, 3), dtype=np.int64))
        assert explained.contributions.shape == explained.rest.shape == (0, 3)
        assert explained.strongest(2).movies.shape == (0, 3, 2)

    def test_neither_company_nor_threads_nor_saving_change_an_explanation(
        self, fitted_to_crowd: tuple[Recommender, Interactions], tmp_path: Path
    ) -> None:
        model, everyone = fitted_to_crowd
        users = everyone.user_ids[::3]
        whole = of_each_user(explanation(model, users, everyone))
        model.save(tmp_path)
        for threads in (1, 2):
            loaded = type(model).load(tmp_path, Compute(seed=1, threads=threads, device="cpu"))
            assert of_each_user(explanation(loaded, users, everyone)) == whole
            assert of_each_user(explanation(loaded, users[1::2], everyone)) == whole[1::2]
            for row in range(0, len(users), 41):
                alone = explanation(loaded, users[row : row + 1], everyone)
                assert of_each_user(alone) == whole[row : row + 1]

    # what is alike

    def test_movies_of_one_colour_are_alike(self, fitted: Recommender, world: World) -> None:
        similar = fitted.similar(3)
        assert (similar is not None) == self.compares_movies
        if similar is None:
            return
        rated = np.unique(world.ratings.movies)
        alike = similar.ids[rated] % 2 == fitted.movie_ids_[rated][:, None] % 2
        assert alike[similar.ids[rated] >= 0].mean() > 0.95

    def test_similar_movies_are_others_best_first(
        self, fitted_to_crowd: tuple[Recommender, Interactions]
    ) -> None:
        model, _ = fitted_to_crowd
        similar = model.similar(60)
        if similar is None:
            return
        assert similar.ids.shape == similar.scores.shape == (len(model.movie_ids_), 60)
        assert not (similar.ids == model.movie_ids_[:, None]).any()
        for ids, scores in zip(similar.ids, similar.scores, strict=True):
            listed = ids >= 0
            assert len(set(ids[listed])) == listed.sum()
            assert (scores[~listed] == -np.inf).all()
            order = np.lexsort((ids[listed], -scores[listed]))
            assert (order == np.arange(listed.sum())).all()

    def test_neither_threads_nor_saving_change_what_is_similar(
        self, fitted_to_crowd: tuple[Recommender, Interactions], tmp_path: Path
    ) -> None:
        model, _ = fitted_to_crowd
        similar = model.similar(20)
        model.save(tmp_path)
        for threads in (1, 2):
            loaded = type(model).load(tmp_path, Compute(seed=1, threads=threads, device="cpu"))
            again = loaded.similar(20)
            if similar is None or again is None:
                assert similar is again is None
            else:
                assert similar.ids.tobytes() == again.ids.tobytes()
                assert similar.scores.tobytes() == again.scores.tobytes()

    # fitting

    def test_fit_returns_the_model(self, world: World) -> None:
        model = self.build()
        assert model.fit(world.train, world.catalogue) is model

    def test_the_training_data_is_not_kept(self, fitted: Recommender, world: World) -> None:
        kept = vars(fitted).values()
        rows = [getattr(world.ratings, name) for name in ("users", "movies", "ratings", "rated_at")]
        assert not any(isinstance(value, Interactions | Catalogue) for value in kept)
        assert not any(value is array for value in kept for array in rows)

    def test_the_training_data_is_not_changed(self, world: World) -> None:
        before = copy.deepcopy(world.ratings)
        self.build().fit(world.train, world.catalogue)
        assert before.fingerprint() == world.ratings.fingerprint()

    def test_the_same_seed_gives_the_same_bytes(self, fitted: Recommender, world: World) -> None:
        again = self.build().fit(world.train, world.catalogue).state()
        first = fitted.state()
        assert first.keys() == again.keys()
        assert all(first[name].tobytes() == again[name].tobytes() for name in first)

    def test_an_unknown_setting_is_refused(self) -> None:
        with pytest.raises(ValidationError, match="no_such_setting"):
            model_class(self.recipe).Config(no_such_setting=1)  # type: ignore[call-arg]

    # saving

    def test_a_saved_model_scores_as_before(
        self, fitted: Recommender, world: World, tmp_path: Path
    ) -> None:
        fitted.save(tmp_path)
        loaded = type(fitted).load(tmp_path, fitted.compute)
        users = np.array([*world.ratings.user_ids, STRANGER])
        before, after = (self.all_scores(each, users, world.ratings) for each in (fitted, loaded))
        np.testing.assert_array_equal(before, after)
        histories = world.ratings.histories_of(users)
        np.testing.assert_array_equal(fitted.knows(histories), loaded.knows(histories))
        assert loaded.config == fitted.config
        assert loaded.tags() == fitted.tags()

    def test_no_pickle_is_written(self, fitted: Recommender, tmp_path: Path) -> None:
        fitted.save(tmp_path)
        assert {path.name for path in tmp_path.iterdir()} == {"config.json", "arrays.npz"}
        with np.load(tmp_path / "arrays.npz", allow_pickle=False) as arrays:
            assert all(arrays[name].dtype != object for name in arrays.files)

    def test_another_recipes_folder_is_refused(self, fitted: Recommender, tmp_path: Path) -> None:
        fitted.save(tmp_path)
        header = tmp_path / "config.json"
        header.write_text(header.read_text().replace(f'"{self.recipe}"', '"another"'))
        with pytest.raises(ModelError, match="'another'"):
            type(fitted).load(tmp_path)
