"""What `from recsys import …` offers: files in, models, lists and figures out, and no database."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

from recsys import Dataset, Interactions, Recipe, evaluate, fit, read_movielens
from recsys.errors import ModelError
from recsys.evaluation.split import split_newest
from recsys.exam import examine
from stack.datasets.movielens import generate_movielens
from tests.pages import ROOT, blocks, pages

ALS = Recipe.of("als", factors=8)
#: Runs what the page shows in a folder with a release, and prints the packages that it imported.
RUN = """
import sys
for block in {blocks!r}:
    exec(block)
print(); print(*sys.modules)
"""


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release") / "ml-latest-small"
    folder.mkdir()
    generate_movielens(folder, users=150, movies=200, ratings=6_000, seed=3)
    return folder


@pytest.fixture(scope="module")
def data(release: Path) -> Dataset:
    return read_movielens(release)


def test_an_archive_and_a_folder_read_the_same(release: Path, data: Dataset, tmp_path: Path):
    archive = tmp_path / "ml-latest-small.zip"
    with ZipFile(archive, "w") as file:
        for path in release.iterdir():
            file.write(path, f"ml-latest-small/{path.name}")
    read = read_movielens(archive)
    assert read.ratings.fingerprint() == data.ratings.fingerprint()
    assert read.catalogue.fingerprint() == data.catalogue.fingerprint()


def test_an_old_layout_is_read_too(tmp_path: Path):
    (tmp_path / "movies.dat").write_text("1::Heat (1995)::Action|Crime\n7::Emma (1996)::Drama\n")
    (tmp_path / "ratings.dat").write_text("3::7::5::978300760\n")
    data = read_movielens(tmp_path)
    assert data.title(7) == "Emma (1996)"
    assert str(data) == "1 ratings by 1 users of 2 movies"


def test_a_changed_file_is_read_anew(tmp_path: Path):
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,1,4.0,9\n")
    (tmp_path / "movies.csv").write_text("movieId,title,genres\n1,Heat (1995),Action\n")
    assert len(read_movielens(tmp_path).ratings) == 1
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,1,4,9\n2,2,5,9\n")
    (tmp_path / "movies.csv").write_text("movieId,title,genres\n1,Heat,Action\n2,Emma,Drama\n")
    assert len(read_movielens(tmp_path).ratings) == 2


def test_ratings_given_by_hand_are_listed_as_the_same_users_are(data: Dataset):
    user = int(data.ratings.user_ids[0])
    history = data.ratings.histories_of(np.array([user]))
    ids = data.ratings.movie_ids[history.movies].tolist()
    model = fit(ALS, data)
    stars = dict(zip(ids, history.ratings.tolist(), strict=True))
    listed = model.recommend(user)
    assert listed == model.recommend(stars)
    assert len(listed) == 10
    assert not {place.movie_id for place in listed} & set(ids)
    assert [place.title for place in listed] == [data.title(place.movie_id) for place in listed]


def test_a_listed_movie_comes_with_the_reasons_that_explain_gives(data: Dataset):
    model = fit(ALS, data)
    user = int(data.ratings.user_ids[1])
    first = model.recommend(user, 1, k=2)[0]
    assert first.kind == "exact"
    assert len(first.reasons) == 2
    assert first.reasons == model.explain(user, first.movie_id, k=2)


def test_nothing_is_listed_for_someone_unheard_of_unless_the_recipe_serves_everyone(data: Dataset):
    assert fit(ALS, data).recommend({}) == []
    popular = fit(Recipe.of("popularity"), data).recommend({}, 4)
    assert [place.rank for place in popular] == [1, 2, 3, 4]
    assert {place.reasons for place in popular} == {()}


def test_similar_movies_are_those_of_the_recommender(data: Dataset):
    model = fit(ALS, data)
    movie = int(data.ratings.row_movie_ids[0])
    lists = model.recommender.similar(3)
    nearest = [other.movie_id for other in model.similar(movie, 3)]
    assert nearest == lists.ids[data.position(movie)].tolist()
    assert fit(Recipe.of("popularity"), data).similar(movie) == []


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda model: model.recommend(10**6), "no user 1000000 among the 150"),
        (lambda model: model.recommend({10**7: 5.0}), "no movie 10000000 among the"),
        (lambda model: model.similar(10**7), "no movie 10000000 among the"),
    ],
)
def test_who_or_what_is_not_there_is_named(data: Dataset, ask: Callable, says: str):
    with pytest.raises(ModelError, match=says):
        ask(fit(ALS, data))


def test_a_saved_model_lists_the_same(data: Dataset, tmp_path: Path):
    model = fit(ALS, data)
    model.save(tmp_path / "model")
    again = type(model).load(ALS, tmp_path / "model", data)
    user = int(data.ratings.user_ids[2])
    assert again.recommend(user) == model.recommend(user)


def test_an_evaluation_is_the_exam_of_the_newest_ratings(data: Dataset):
    evaluation = evaluate(ALS, data, share=0.2)
    exam = split_newest(data.ratings, 0.2, data.like_threshold)
    past = Dataset(exam.train.interactions(), data.catalogue)
    assert past.ratings.newest < exam.held_out.rated_at.min()
    model = fit(ALS, past).recommender
    result = examine(model, exam, like_threshold=4.0, min_history=5, catalogue=data.catalogue)
    assert [tuple(figure) for figure in evaluation.figures] == result.values
    assert evaluation.metrics["NDCG@10"] == pytest.approx(result.ndcg.mean())


def test_an_evaluations_interval_is_around_its_mean(data: Dataset):
    evaluation = evaluate(ALS, data, share=0.2)
    interval = evaluation.interval()
    assert interval.mean == pytest.approx(evaluation.metrics["NDCG@10"])
    assert interval.low < interval.mean < interval.high
    assert f"[{interval.low:.4f}, {interval.high:.4f}]" in str(evaluation)


def test_a_lead_is_user_by_user_and_of_the_same_users(data: Dataset):
    als, popular = evaluate(ALS, data), evaluate(Recipe.of("popularity"), data)
    lead = als.lead_over(popular)
    assert lead.mean == pytest.approx(als.metrics["NDCG@10"] - popular.metrics["NDCG@10"])
    assert als.lead_over(als).high == 0
    with pytest.raises(ModelError, match="not the same ones"):
        als.lead_over(evaluate(ALS, data, share=0.3))


def test_a_share_that_leaves_nothing_is_refused(data: Dataset):
    with pytest.raises(ModelError, match="expected some of both"):
        evaluate(ALS, data, share=0.0)


def test_ratings_of_ones_own_need_no_catalogue():
    ids = np.array([5, 9])
    columns = (np.array([1, 1, 2]), np.array([5, 9, 9]), np.array([5.0, 1.0, 4.0]), np.zeros(3))
    ratings = Interactions.of(*columns, movie_ids=ids)
    data = Dataset.of_titles(ratings, {9: "Emma"})
    assert data.search("EMMA") == {9: "Emma"}
    listed = fit(Recipe.of("popularity"), data).recommend(2)
    assert [place.movie_id for place in listed] == [5]
    of_one = Interactions.of(*columns, movie_ids=ids[:1])
    with pytest.raises(ModelError, match="expected the same ids"):
        Dataset(of_one, data.catalogue)


@pytest.mark.slow
def test_what_the_page_shows_runs_without_a_database_and_without_airflow(release: Path):
    page = blocks(pages()["docs/how-to/notebook.md"], "python")
    assert len(page) >= 4
    done = subprocess.run(
        [sys.executable, "-c", RUN.format(blocks=page)],
        cwd=release.parent,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    packages = {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}
    assert not {"airflow", "mlflow", "stack"} & packages
