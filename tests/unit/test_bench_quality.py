"""The bench reads files as published, does the papers' arithmetic, goes on where it was cut, fails
while a target is missed.
"""

import gzip
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import bench.quality.__main__ as command
from bench.harness.journal import Journal
from bench.quality.contenders import CHOSEN, REFERENCE, Contender, contenders
from bench.quality.fits import Fits, Fitted
from bench.quality.measurement import Measurement
from bench.quality.measuring import Row, jobs_of, rows_of
from bench.quality.plots import draw, is_timed, quality_against_fit_time
from bench.quality.protocols import PROTOCOLS
from bench.quality.protocols.base import Protocol
from bench.quality.protocols.mult_vae import held_out_users, paper_recall
from bench.quality.protocols.ncf import hits_at, ranks
from bench.quality.protocols.new_movies import without
from bench.quality.protocols.temporal import exam_of
from bench.quality.published import PUBLISHED, TARGETS, Bound, Target
from bench.quality.references import GenreProfile, NewestLikes
from bench.quality.table import number
from bench.quality.tracking import Tracking
from bench.quality.verdict import judge
from recsys.dataset import Ratings, read_catalogue, read_ratings
from recsys.errors import DropError, ModelError
from recsys.models.base import Compute, PredictsRatings
from recsys.models.popularity import Popularity
from recsys.recipe import Recipe
from tests.contracts.worlds import checkerboard, train_on

MOVIES = """1::Toy Story (1995)::Animation|Comedy
2::Avventura, L' (1960)::Drama
3::Nameless::(no genres listed)
"""
RATINGS = """1::1::5::100
1::2::3::200
2::1::4::300
2::3::5::400
"""
IMDB = {
    "title.basics": "tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult\tstartYear\tendYear\t"
    "runtimeMinutes\tgenres\n"
    "tt0000007\tmovie\tToy Story\tToy Story\t0\t1995\t\\N\t81\tComedy,Family\n"
    "tt0000008\tmovie\tThe Adventure\tL'Avventura\t0\t1960\t\\N\t\\N\t\\N\n",
    "title.crew": "tconst\tdirectors\twriters\ntt0000007\tnm0000005,nm0000004\t\\N\ntt0000008\t"
    "\\N\t\\N\n",
    "title.principals": "tconst\tordering\tnconst\tcategory\tjob\tcharacters\n"
    "tt0000007\t2\tnm0000009\tactor\t\\N\t\\N\ntt0000007\t1\tnm0000010\tactress\t\\N\t\\N\n"
    "tt0000007\t3\tnm0000005\tdirector\t\\N\t\\N\n",
    "name.basics": "nconst\tprimaryName\tbirthYear\tdeathYear\tprimaryProfession\tknownForTitles\n",
    "title.ratings": "tconst\taverageRating\tnumVotes\n",
}


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode("latin-1")
    )


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder as DATA is: ML-1M's layout, IMDb's, and an NCF split in which items 0, 1, 2 are
    movies 3, 1, 2.
    """
    folder = tmp_path / "data"
    write(folder / "movielens/ml-1m/movies.dat", MOVIES)
    write(folder / "movielens/ml-1m/ratings.dat", RATINGS)
    for name, text in IMDB.items():
        write(folder / f"imdb/{name}.tsv.gz", text)
    ncf = folder / "benchmarks/ncf-ml-1m"
    write(ncf / "item_map.csv", "ncf_item,movieId\n1,1\n0,3\n2,2\n")
    write(ncf / "ml-1m.train.rating.gz", "0\t1\t5\t100\n0\t2\t4\t\n1\t1\t3\t\n")
    write(ncf / "ml-1m.test.rating.gz", "0\t0\t5\t300\n1\t2\t4\t400\n")
    write(ncf / "ml-1m.test.negative.gz", "(0,0)\t1\n(1,2)\t0\n")
    return folder


class StubFits(Fits):
    """Gives one model, whatever is fitted."""

    def __init__(self, model: Any = None) -> None:
        super().__init__(Path("/nowhere"), lambda seed: Compute(seed=seed, threads=1))
        self.model = model

    def fitted(self, recipe, train, catalogue, seed) -> Fitted:
        self.train = train
        return Fitted(self.model.fit(train, catalogue), 1.5)


# files


def test_ratings_are_read_as_published(data):
    ratings = read_ratings(data / "movielens/ml-1m")
    assert ratings.user.tolist() == [1, 1, 2, 2]
    assert ratings.movie.tolist() == [1, 2, 1, 3]
    assert ratings.rating.tolist() == [5, 3, 4, 5]
    assert ratings.rated_at.tolist() == [100, 200, 300, 400]


def test_a_bad_row_is_named(data):
    write(data / "movielens/ml-1m/ratings.dat", RATINGS + "3::1\n")
    with pytest.raises(DropError, match=r"ratings\.dat line 5: 2 columns, expected 4"):
        read_ratings(data / "movielens/ml-1m")


def test_movies_have_imdbs_content_where_title_and_year_match(data):
    catalogue = read_catalogue(data / "movielens/ml-1m", data / "imdb")
    people = catalogue.directors.vocabulary[catalogue.directors.values].tolist()
    genres = catalogue.genres.vocabulary[catalogue.genres.values].tolist()
    assert catalogue.movie_ids.tolist() == [1, 2, 3]
    np.testing.assert_equal(catalogue.years, np.array([1995, 1960, np.nan], dtype=np.float32))
    np.testing.assert_equal(catalogue.runtimes, np.array([81, np.nan, np.nan], dtype=np.float32))
    assert (catalogue.directors.indptr.tolist(), people) == ([0, 2, 2, 2], [5, 4])
    assert catalogue.actors.vocabulary[catalogue.actors.values].tolist() == [10, 9]
    assert (catalogue.genres.indptr.tolist(), genres) == (
        [0, 3, 4, 4],
        ["Animation", "Comedy", "Family", "Drama"],
    )


def test_titles_in_latin_1_keep_their_accents(data):
    write(data / "movielens/ml-1m/movies.dat", MOVIES + "4::Caf\xe9 (1994)::Drama\n")
    assert read_catalogue(data / "movielens/ml-1m", None).titles[-1] == "Café (1994)"


def test_a_catalogue_of_some_movies_without_imdb(data):
    catalogue = read_catalogue(data / "movielens/ml-1m", None, np.array([2, 3]))
    assert (catalogue.movie_ids.tolist(), len(catalogue.actors.values)) == ([2, 3], 0)


# protocols


def test_ties_count_for_the_model_and_no_score_comes_last():
    scores = np.array(
        [[2.0, 2.0, 1.0, 3.0], [1.0, 1.0, 1.0, 1.0], [-np.inf, -np.inf, -np.inf, -np.inf]]
    )
    assert ranks(scores).tolist() == [1, 0, 3]


def test_hit_rate_and_ndcg_of_one_relevant_movie():
    figures = hits_at(np.array([0, 2, 9, 10]), 10)
    assert figures["HR@10"] == 0.75
    assert figures["NDCG@10"] == pytest.approx((1 + 1 / np.log2(4) + 1 / np.log2(11)) / 4)


def test_ncf_split_speaks_of_movies(data):
    split = PROTOCOLS["ncf"](data, StubFits()).split  # pyright: ignore[reportAttributeAccessIssue]
    assert split.train.movie_ids.tolist() == [1, 2, 3]
    assert split.candidates.tolist() == [[2, 0], [1, 2]]
    assert split.train.movies.tolist() == [0, 1, 0]
    assert split.train.rated_at.tolist() == [100, 100, 0]  # a time that is not there


def test_ncf_asks_the_given_candidates(data):
    recipe = Recipe.of("popularity", half_life_days=1e9)
    model = Popularity(Popularity.Config(**dict(recipe.settings)))
    figures = PROTOCOLS["ncf"](data, StubFits(model)).measure(recipe, 1)
    assert figures == {
        "HR@10": 1.0,
        "NDCG@10": pytest.approx((1 / np.log2(3) + 1) / 2),
        "fit seconds": 1.5,
    }


def test_ncf_refuses_negatives_of_others(data):
    write(data / "benchmarks/ncf-ml-1m/ml-1m.test.negative.gz", "(0,0)\t1\n(1,1)\t0\n")
    with pytest.raises(DropError, match=r"pairs are not those of the test file"):
        _ = PROTOCOLS["ncf"](data, StubFits()).split  # pyright: ignore[reportAttributeAccessIssue]


def test_the_newest_tenth_is_held_out():
    train = checkerboard().ratings
    exam = exam_of(train)
    assert exam.train.interactions().rated_at.max() < exam.held_out.rated_at.min()
    assert 0.05 < len(exam.held_out) / len(train) <= 0.11
    assert len(exam.users)


def test_errors_of_predicted_stars(data, monkeypatch):
    class Threes(Popularity, PredictsRatings):
        def predict(self, users, movies, histories):
            return np.full(len(users), 3.0, dtype=np.float32)

    monkeypatch.setattr(
        "bench.quality.protocols.rating.random_share",
        lambda *_, seed: np.array([False, True, True, True]),
    )
    fits = StubFits(Threes())
    figures = PROTOCOLS["rating"](data, fits).measure(Recipe.of("popularity"), 1)
    assert fits.train.interactions().rated_at.tolist() == [100]
    assert figures["MAE"] == pytest.approx((0 + 1 + 2) / 3)
    assert figures["RMSE"] == pytest.approx(np.sqrt((0 + 1 + 4) / 3))


def test_new_movies_have_no_training_rating():
    train = checkerboard().ratings
    split = without(train, seed=1)
    assert len(split.movies) == 2  # a tenth of 18 rated ones
    assert (np.diff(split.movies) > 0).all()
    assert not np.array_equal(split.movies, without(train, seed=2).movies)
    assert set(split.movies) == set(split.held_out.movie_ids[split.held_out.movies])
    assert not np.isin(split.movies, split.training.movie_ids[split.training.movies]).any()
    assert len(split.training) + len(split.held_out) == len(train)


def test_paper_recall_is_over_what_fits_in_the_list():
    hits = np.array([[True, False], [True, True]])
    assert paper_recall(hits, np.array([1, 5])).tolist() == [1.0, 1.0]


def test_held_out_users_show_four_fifths():
    rng = np.random.default_rng(0)
    user, movie = np.divmod(rng.choice(60 * 40, size=1_200, replace=False), 40)
    split = held_out_users(
        Ratings(user, movie, rng.integers(3, 6, 1_200), np.zeros(1_200, dtype=np.int64)), 10
    )
    shown = split.shown.n_rated_by(split.users)
    held_out = split.held_out.n_rated_by(split.users)
    assert len(split.users) == 10
    np.testing.assert_array_equal(held_out, (shown + held_out) // 5)
    assert len(split.train.user_ids) <= 40  # neither they nor the validation users are in the fit
    assert not np.isin(split.users, split.train.user_ids).any()
    assert split.train.ratings.min() >= 4
    pairs = [
        set(zip(part.user_ids[part.users].tolist(), part.movies.tolist(), strict=True))
        for part in (split.shown, split.held_out)
    ]
    assert not pairs[0] & pairs[1]


def test_mult_vae_on_a_small_set(tmp_path, monkeypatch):
    rng = np.random.default_rng(1)
    user, movie = np.divmod(rng.choice(80 * 30, size=1_400, replace=False), 30)
    rows = zip(user.tolist(), movie.tolist(), rng.choice([3.5, 4, 5], 1_400).tolist(), strict=True)
    folder = tmp_path / "movielens/ml-20m"
    write(
        folder / "movies.csv",
        "movieId,title,genres\n"
        + "".join(f"{number},Film {number} (1999),Drama\n" for number in range(30)),
    )
    write(
        folder / "ratings.csv",
        "userId,movieId,rating,timestamp\n" + "".join(f"{u},{m},{r},1\n" for u, m, r in rows),
    )
    monkeypatch.setattr("bench.quality.protocols.mult_vae.HELD_OUT_USERS", 20)
    monkeypatch.setattr("bench.quality.protocols.mult_vae.USERS_AT_ONCE", 7)
    protocol = PROTOCOLS["mult-vae"](tmp_path, StubFits(Popularity()))
    figures = protocol.measure(Recipe.of("popularity"), 1)
    split = protocol.split  # pyright: ignore[reportAttributeAccessIssue]
    likes = np.bincount(split.train.movies, minlength=len(split.train.movie_ids))
    recalls = []
    for user_id in split.users:
        shown, held_out = (
            set(part.movies[part.user_ids[part.users] == user_id].tolist())
            for part in (split.shown, split.held_out)
        )
        listed = [
            place
            for place in np.lexsort((np.arange(len(likes)), -likes)).tolist()
            if place not in shown
        ][:20]
        recalls.append(len(held_out & set(listed)) / min(20, len(held_out)))
    assert figures["Recall@20"] == pytest.approx(np.mean(recalls))
    assert figures["Recall@50"] == 1.0  # of 30 movies
    assert 0 < figures["NDCG@100"] < 1


# references


def test_newest_likes_forgets_older_ones():
    world = checkerboard()
    model = NewestLikes(NewestLikes.Config(newest=7)).fit(world.train, world.catalogue)  # pyright: ignore[reportCallIssue]
    assert model.likes_.sum() == 7


def test_a_genre_profile_is_the_cosine_of_what_was_liked():
    world = checkerboard()
    model = GenreProfile().fit(world.train, world.catalogue)
    ratings = world.ratings
    even = ratings.user_ids[ratings.user_ids % 2 == 0][:1]
    scores = model.score_block(ratings.histories_of(even))[0]
    np.testing.assert_allclose(scores, (ratings.movie_ids % 2 == 0).astype(float))
    disliked = replace(ratings, ratings=np.full(len(ratings), 3.0, dtype=np.float32))
    assert not model.score_block(disliked.histories_of(even)).any()


# fits


def test_a_fit_is_made_once(tmp_path, monkeypatch):
    world, fits = checkerboard(), Fits(tmp_path, lambda seed: Compute(seed=seed, threads=1))
    recipe = Recipe.of("popularity")
    new = fits.fitted(recipe, world.train, world.catalogue, 1)
    monkeypatch.setattr(Popularity, "fit", lambda *_, **__: pytest.fail("fitted again"))
    kept = fits.fitted(recipe, world.train, world.catalogue, 1)
    assert kept.seconds == new.seconds
    fewer = world.ratings.where(world.ratings.users > 0)
    np.testing.assert_array_equal(kept.model.likes_, new.model.likes_)  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(pytest.fail.Exception):
        fits.fitted(recipe, train_on(fewer), world.catalogue, 1)


def test_members_of_a_blend_are_fits_like_others(tmp_path, monkeypatch):
    world, fits = checkerboard(), Fits(tmp_path, lambda seed: Compute(seed=seed, threads=1))
    members = [{"name": "popularity"}, {"name": "als", "settings": {"factors": 4}}]
    blend = Recipe.of("blend", members=members, validation_min_users=5)
    fits.fitted(Recipe.of("popularity"), world.train, world.catalogue, 3)
    fits.fitted(blend, world.train, world.catalogue, 3)
    assert len(list(tmp_path.iterdir())) == 4  # two members, on all and on what validation leaves
    monkeypatch.setattr(Popularity, "fit", lambda *_, **__: pytest.fail("fitted again"))
    fits.fitted(blend, world.train, world.catalogue, 3)


# measuring


class Counting(Protocol):
    name, title, metrics, needs = "counting", "", ("score",), ()

    def __init__(self, *, breaks_at: int = 0) -> None:
        super().__init__(Path(), StubFits())
        self.measured: list[int] = []
        self.breaks_at = breaks_at

    def measure(self, recipe: Recipe, seed: int) -> dict[str, float]:
        if seed == self.breaks_at:
            raise KeyboardInterrupt
        self.measured.append(seed)
        return {"score": seed / 10}


ALS = Contender("als", Recipe.of("als"), "chosen")


def rows_from(protocol: Protocol, path: Path, contender: Contender = ALS) -> list[Row]:
    return rows_of(jobs_of(protocol, [contender]), Journal(path, Measurement), lambda *_: None)


def test_a_second_call_measures_nothing(tmp_path):
    first, second = Counting(), Counting()
    rows = rows_from(first, tmp_path / "q.jsonl"), rows_from(second, tmp_path / "q.jsonl")
    assert (first.measured, second.measured) == ([1, 2, 3], [])
    assert rows[0] == rows[1]
    assert (rows[1][0].mean("score"), rows[1][0].spread("score")) == (
        pytest.approx(0.2),
        pytest.approx(0.1),
    )


def test_a_call_that_was_cut_off_goes_on(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        rows_from(Counting(breaks_at=3), tmp_path / "q.jsonl")
    with (tmp_path / "q.jsonl").open("a") as file:
        file.write('{"key": "half a li')
    rest = Counting()
    rows_from(rest, tmp_path / "q.jsonl")
    assert rest.measured == [3]
    rows_from(again := Counting(), tmp_path / "q.jsonl")
    assert again.measured == []


def test_other_settings_or_other_code_are_measured_anew(tmp_path, monkeypatch):
    rows_from(Counting(), tmp_path / "q.jsonl")
    rows_from(
        other := Counting(),
        tmp_path / "q.jsonl",
        Contender("als", Recipe.of("als", factors=8), "chosen"),
    )
    monkeypatch.setattr("bench.quality.measuring.code", lambda: "changed")
    rows_from(changed := Counting(), tmp_path / "q.jsonl")
    assert other.measured == changed.measured == [1, 2, 3]


def test_what_no_seed_changes_is_measured_once():
    contender = Contender("popularity", Recipe.of("popularity"), "default")
    assert [contender.seeds(False), contender.seeds(True)] == [(1,), (1, 2, 3)]


def test_a_recipe_that_cannot_be_fitted_leaves_the_others_alone(tmp_path):
    class Failing(Counting):
        def measure(self, recipe: Recipe, seed: int) -> dict[str, float]:
            if recipe.name == "als":
                raise ModelError("no memory")
            return super().measure(recipe, seed)

    jobs = jobs_of(Failing(), [ALS, Contender("popularity", Recipe.of("popularity"), "default")])
    rows = rows_of(jobs, Journal(tmp_path / "q.jsonl", Measurement), lambda *_: None)
    assert [(row.failed, len(row.measurements)) for row in rows] == [("no memory", 0), ("", 1)]


# targets


def row(
    label: str, *scores: float, kind: Any = "default", name: str = "als", protocol: str = "temporal"
) -> Row:
    measurements = [
        Measurement("", protocol, label, {}, seed, {"NDCG@10": score}, 1.0, "")
        for seed, score in enumerate(scores)
    ]
    return Row(protocol, Contender(label, Recipe(name, ()), kind), measurements)


def target(who: str, sense: Any = "≥", value: float = 0.25, *, every_seed: bool = False) -> Target:
    return Target("temporal", who, (Bound("NDCG@10", sense, value, every_seed),))


@pytest.mark.parametrize(
    ("target", "rows", "met", "decided_by"),
    [
        (target("any"), [row("a", 0.24), row("b", 0.26)], True, "b"),
        (target("any"), [row("a", 0.24), row("b", 0.2)], False, "a"),
        (target("any"), [row("a", 0.24), row("b", 0.9, kind="reference")], False, "a"),
        (target("any"), [row("a", 0.2, 0.3)], True, "a"),
        (target("any", every_seed=True), [row("a", 0.2, 0.4)], False, "a"),
        (target("any", "≤", every_seed=True), [row("a", 0.2, 0.4)], False, "a"),
        (target("any", "≤"), [row("a", 0.3), row("b", 0.2)], True, "b"),
        (target("any", ">"), [row("a", 0.25)], False, "a"),
        (target("single"), [row("a", 0.24), row("b", 0.26, name="blend")], False, "a"),
        (target("b"), [row("a", 0.9), row("b", 0.2)], False, "b"),
        (
            target("each default"),
            [row("a", 0.26), row("b", 0.2), row("popularity", 0.1)],
            False,
            "b",
        ),
        (
            target("each default"),
            [row("a", 0.26), row("b", 0.3), row("popularity", 0.1)],
            True,
            "a",
        ),
        # one that does not compete
        (target("each default"), [row("a", 0.26), row("b", 0.3), row("c", 0.1)], True, "a"),
        (target("each default"), [row("a", 0.26), row("b")], False, "a"),
        (target("each default"), [row("a", 0.26)], False, "a"),
        (target("any"), [row("a", 0.9, protocol="ncf")], False, None),
        (target("any"), [row("a")], False, None),
    ],
)
def test_targets(target, rows, met, decided_by, monkeypatch):
    monkeypatch.setattr("bench.quality.verdict.COMPETING", ("popularity", "a", "b"))
    verdict = judge(target, rows)
    assert (verdict.met, verdict.row and verdict.row.contender.label) == (met, decided_by)


def test_every_target_and_figure_speaks_of_a_protocols_metrics():
    for target in TARGETS:
        assert {bound.metric for bound in target.bounds} <= set(PROTOCOLS[target.protocol].metrics)
    for figure in PUBLISHED:
        assert len(figure.values) <= len(PROTOCOLS[figure.protocol].metrics)


def test_contenders_are_of_protocols_and_their_settings_hold():
    assert set(CHOSEN) == set(PROTOCOLS)
    assert set(REFERENCE) <= set(PROTOCOLS)
    for protocol in PROTOCOLS:
        labels = [contender.label for contender in contenders(protocol)]
        assert len(labels) == len(set(labels))


# the command


class Silent:
    def __init__(self, uri: str) -> None: ...

    def log(self, measurement) -> None: ...


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.setattr(command, "Tracking", Silent)
    monkeypatch.setattr(command, "draw", lambda *_: [])
    return lambda *argv: command.main([str(arg) for arg in argv], tmp_path / "home")


def test_absent_files_are_named_and_their_targets_missed(run, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert run(tmp_path / "empty", "--only", "ncf,mult-vae") == 1
    printed = capsys.readouterr().out
    assert "benchmarks/ncf-ml-1m/item_map.csv" in printed
    assert "https://files.grouplens.org/datasets/movielens/ml-20m.zip" in printed
    assert "0 of 3 targets met" in printed


def test_exit_status_and_the_journal(run, data, tmp_path, capsys, monkeypatch):
    arguments = (data, "--only", "ncf", "--recipes", "popularity")
    monkeypatch.setattr(command, "TARGETS", (Target("ncf", "any", (Bound("HR@10", "≥", 0.9),)),))
    assert run(*arguments) == 0
    monkeypatch.setattr(command, "TARGETS", (Target("ncf", "any", (Bound("NDCG@10", "≥", 0.9),)),))
    capsys.readouterr()
    assert run(*arguments) == 1
    printed = capsys.readouterr().out
    assert "kept from" in printed
    assert "missed" in printed
    lines = (tmp_path / "home/quality.jsonl").read_text().splitlines()
    assert [json.loads(line)["metrics"]["HR@10"] for line in lines] == [1.0]


class FakeClient:
    def __init__(self, tracking_uri: str) -> None:
        self.calls: list[tuple[str, Any]] = [("uri", tracking_uri)]

    def get_experiment_by_name(self, name: str) -> None: ...

    def create_experiment(self, name: str) -> str:
        return name

    def create_run(self, experiment_id: str, **what: Any) -> SimpleNamespace:
        self.calls.append((experiment_id, what["run_name"]))
        return SimpleNamespace(info=SimpleNamespace(run_id="r", start_time=0))

    def log_batch(self, run_id: str, metrics: Any, params: Any) -> None:
        self.calls.append(
            (run_id, ({m.key: m.value for m in metrics}, {p.key: p.value for p in params}))
        )

    def set_terminated(self, run_id: str) -> None:
        self.calls.append(("ended", run_id))


def test_a_measurement_is_a_run_of_mlflow(monkeypatch):
    monkeypatch.setattr("mlflow.MlflowClient", FakeClient)
    tracking = Tracking("sqlite://")
    metrics = {"NDCG@10": 0.5, "× genre profile": 2.0, "interval's lower end": 0.1}
    recipe = {"name": "als", "settings": {"factors": 8}}
    tracking.log(Measurement("k", "new-movies", "als", recipe, 2, metrics, 3.0, ""))
    assert tracking.client.calls == [  # pyright: ignore[reportAttributeAccessIssue]
        ("uri", "sqlite://"),
        ("bench-quality", "new-movies als seed 2"),
        (
            "r",
            (
                {
                    "NDCG_at_10": 0.5,
                    "times genre profile": 2.0,
                    "intervals lower end": 0.1,
                    "measurement seconds": 3.0,
                },
                {"factors": "8", "seed": "2"},
            ),
        ),
        ("ended", "r"),
    ]


def test_an_unknown_protocol_is_refused(run, tmp_path, capsys):
    with pytest.raises(SystemExit):
        run(tmp_path, "--only", "nfc")
    assert "no protocol nfc; there are ncf, temporal" in capsys.readouterr().err


# what is shown


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.4516, ".4516"), (-0.01, "-.0100"), (1.5, "1.5000"), (203.44, "203.4"), (0, ".0000")],
)
def test_numbers_as_papers_print_them(value, text):
    assert number(value) == text


def test_pictures_of_what_was_measured(tmp_path):
    temporal, weeks = row("a", 0.2, 0.3), row("b", 0.1, protocol="weeks")
    assert draw([temporal], tmp_path) == []
    for measurement in temporal.measurements:
        measurement.metrics["popularity lift@10"] = 1.2
    weeks.measurements[0].metrics.update({"NDCG@10 2000-09-04": 0.1, "NDCG@10 2000-09-18": 0.2})
    drawn = draw([temporal, weeks], tmp_path)
    assert [path.read_bytes()[:4] for path in drawn] == [b"\x89PNG", b"\x89PNG"]


def test_a_picture_of_quality_against_fit_time_has_the_recipes_that_were_timed(tmp_path):
    fast, slow, untimed = row("fast", 0.2, 0.3), row("slow", 0.4), row("untimed", 0.9)
    for place, each in enumerate([fast, slow, untimed]):
        for measurement in each.measurements:
            measurement.metrics.update({"popularity lift@10": 1.2, "fit seconds": 10.0**place})
    del untimed.measurements[0].metrics["fit seconds"]
    names = [path.name for path in draw([fast, slow, untimed], tmp_path)]
    assert names == ["ndcg_against_popularity.png", "quality_against_fit_time.png"]
    (axes,) = quality_against_fit_time([fast, slow]).axes
    points = [np.asarray(point.get_offsets())[0].tolist() for point in axes.collections]
    assert points == [[1.0, 0.25], [10.0, 0.4]]
    assert [text.get_text() for text in axes.texts] == ["fast", "slow"]
    assert axes.get_xscale() == "log"
    assert not is_timed(untimed)
