"""POST /v1/predictions: stars of movies, and of one that is described."""

import json

import numpy as np
import pytest

from recsys.db.connect import Connection
from recsys.features.catalogue import Catalogue, Description
from recsys.models.hybrid import Hybrid
from recsys.prediction import no_histories
from recsys.recipe import Recipe
from recsys.registry.store import Registry
from recsys.settings import Settings
from tests import steps
from tests.serving.conftest import Api, Keys, World, new_key
from tests.serving.test_problems import assert_problem

QUICK = {"max_epochs": 1, "rating_epochs": 1, "size": 8, "rating_size": 8}
PATH = "/v1/predictions"


@pytest.fixture
def model(settings: Settings, world: World) -> Hybrid:
    """A fit that predicts stars."""
    week = steps.resolve_week(settings, as_of=world.as_of)
    run_id = steps.train_model(settings, week, Recipe.of("hybrid", **QUICK))
    model = Registry(settings).load(run_id)
    assert isinstance(model, Hybrid)
    return model


def test_stars_are_the_models_own(api: Api, conn: Connection, keys: Keys, model: Hybrid) -> None:
    user = int(model.user_ids_[0])
    movies = [int(movie) for movie in model.movie_ids_[[3, 1, 2]]]
    (drop,) = conn.execute("SELECT max(drop_id) AS id FROM drops").fetchall()
    conn.execute("INSERT INTO movies VALUES (999999, %s, 'Alone', NULL, '{}')", [drop.id])
    conn.execute("REFRESH MATERIALIZED VIEW mv_catalogue")
    (person,) = conn.execute(
        "SELECT person_id, name FROM movie_persons JOIN persons USING (person_id) "
        "WHERE role = 'director' GROUP BY 1, 2 ORDER BY count(*) DESC, 1 LIMIT 1"
    ).fetchall()
    described = {"title": "Ronin", "genres": ["Drama"], "directors": [person.name.upper()]}
    body = {
        "user_id": user,
        "movie_ids": [*movies, 999999],
        "movie": described | {"runtime_minutes": 99, "year": 1998},
    }
    answer = api.post(PATH, key=keys.predict, json=body)
    assert answer.status_code == 200, answer.text
    *learned, average, own = answer.json()["items"]
    assert [item["movie_id"] for item in learned] == movies
    users = np.full(3, user)
    assert all(item["is_learned"] for item in learned)
    expected = model.predict(users, np.array(movies), no_histories(model.movie_ids_))
    assert [item["stars"] for item in learned] == pytest.approx(expected.tolist())
    assert average["title"] == "Alone" and average["is_learned"] is False
    movie = Description("Ronin", ("Drama",), (person.person_id,), (), runtime=99, year=1998)
    of_description = model.predict_described(users[:1], Catalogue.of_descriptions([movie]))
    assert own["stars"] == pytest.approx(float(of_description[0, 0]))
    for wrong, word in (
        ({"user_id": user, "movie": {"title": "T", "genres": ["Comdy"]}}, "no genre Comdy"),
        ({"user_id": user, "movie": {"title": "T", "actors": ["Nobody at All"]}}, "nobody has"),
    ):
        problem = assert_problem(api.post(PATH, key=keys.predict, json=wrong), 422)
        assert word in problem["detail"]


def test_without_a_model_it_says_so(api: Api, conn: Connection, keys: Keys) -> None:
    (row,) = conn.execute("SELECT min(user_id) AS id FROM ratings").fetchall()
    (movie,) = conn.execute("SELECT min(movie_id) AS id FROM movies").fetchall()
    body = {"user_id": row.id, "movie_ids": [movie.id]}
    problem = assert_problem(api.post(PATH, key=keys.predict, json=body), 503)
    assert "no model that predicts stars" in problem["detail"]


def test_movies_and_users_that_are_not_there_are_problems(
    api: Api, conn: Connection, keys: Keys
) -> None:
    (row,) = conn.execute("SELECT min(user_id) AS id FROM ratings").fetchall()
    body = {"user_id": row.id, "movie_ids": [987654]}
    problem = assert_problem(api.post(PATH, key=keys.predict, json=body), 404)
    assert problem["movie_ids"] == [987654]
    nobody = {"user_id": 123456789, "movie_ids": [1]}
    assert_problem(api.post(PATH, key=keys.predict, json=nobody), 404)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"user_id": 1},
        {"user_id": -1, "movie_ids": [1]},
        {"user_id": 2**63, "movie_ids": [1]},
        {"user_id": 1, "movie_ids": [2**63]},
        {"user_id": 1, "movie_ids": [1] * 1_001},
        {"user_id": 1, "movie": {"title": ""}},
        {"user_id": 1, "movie": {"title": "a\0b"}},
        {"user_id": 1, "movie": {"title": "\ud800"}},
        {"user_id": 1, "movie": {"title": "T", "year": 1}},
        {"user_id": 1, "movie": {"title": "T", "runtime_minutes": 0}},
        {"user_id": 1, "movie": {"title": "T", "genres": ["x" * 201]}},
        {"user_id": 1, "movie": {"title": "T", "stars": 5}},
        {"user_id": 1, "movie_ids": [1], "more": True},
    ],
)
def test_a_request_out_of_bounds_is_refused(api: Api, keys: Keys, body: dict) -> None:
    headers = {"Content-Type": "application/json"}
    content = json.dumps(body)  # half of a character is written by its number
    assert_problem(api.post(PATH, key=keys.predict, content=content, headers=headers), 422)


def test_predicting_needs_its_scope_and_the_keys_own_user(
    api: Api, conn: Connection, keys: Keys
) -> None:
    body = {"user_id": 1, "movie_ids": [1]}
    assert_problem(api.post(PATH, key="", json=body), 401)
    assert_problem(api.post(PATH, key=keys.read, json=body), 403)
    assert_problem(api.post(PATH, key=keys.write, json=body), 403)
    own = new_key(conn, "predict", user_id=2)
    assert_problem(api.post(PATH, key=own, json=body), 403)
