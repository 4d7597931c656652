"""POST /v1/ratings and /v1/events: written at once, all or nothing, by keys that may."""

from typing import Any

import pytest

from recsys.db.connect import Connection
from tests.serving.conftest import Api, Keys, new_key
from tests.serving.test_problems import assert_problem

RATING = {"user_id": 1, "movie_id": 1, "rating": 4.5}
EVENT = {"user_id": 1, "movie_id": 1, "kind": "shown", "recommendation_id": "12-1-abc"}


@pytest.fixture
def writer(api: Api, keys: Keys) -> Api:
    """The API, asked with a key that writes; user 1 and movie 1 are there."""
    return Api(api.settings, keys.write)


@pytest.fixture
def movies(conn: Connection) -> list[int]:
    """Three movies that are there, the first of which is 1."""
    rows = conn.execute("SELECT movie_id FROM catalogue ORDER BY movie_id LIMIT 3")
    return [row.movie_id for row in rows]


def n_rows(conn: Connection, table: str) -> int:
    query = {
        "ratings": "SELECT count(*) AS n FROM feedback_ratings",
        "events": "SELECT count(*) AS n FROM feedback_events",
    }
    return conn.execute(query[table].encode()).fetchone().n


def test_one_rating_or_many_are_written(writer: Api, conn: Connection, movies: list[int]) -> None:
    answer = writer.post("/v1/ratings", json=RATING)
    assert answer.status_code == 201 and answer.json()["accepted"] == 1
    others = [RATING | {"movie_id": movie, "rating": 3} for movie in movies[1:]]
    assert writer.post("/v1/ratings", json=others).json()["accepted"] == 2
    rows = conn.execute(
        "SELECT movie_id, rating, received_at - rated_at < interval '1 s' AS is_now "
        "FROM feedback_ratings WHERE user_id = 1 ORDER BY feedback_id"
    ).fetchall()
    stars = zip(movies, (4.5, 3.0, 3.0), strict=True)
    assert [tuple(row) for row in rows] == [(movie, rating, True) for movie, rating in stars]


@pytest.mark.parametrize("path", ["/v1/ratings", "/v1/events"])
def test_a_list_leaves_out_at_once_what_came_back(api: Api, keys: Keys, path: str) -> None:
    before = api.get("/v1/users/1/recommendations?n=5")
    first = before.json()["items"][0]["movie_id"]
    body = {"user_id": 1, "movie_id": first}
    body |= {"rating": 2} if path == "/v1/ratings" else {"kind": "dismissed"}
    assert api.post(path, json=body, key=keys.write).status_code == 201
    again = {"If-None-Match": before.headers["ETag"]}
    after = api.get("/v1/users/1/recommendations?n=5", headers=again)
    assert after.status_code == 200
    items = after.json()["items"]
    assert len(items) == 5 and first not in {item["movie_id"] for item in items}


def test_what_was_only_shown_changes_no_list(api: Api, keys: Keys) -> None:
    before = api.get("/v1/users/1/recommendations")
    shown = {
        "user_id": 1,
        "movie_id": before.json()["items"][0]["movie_id"],
        "kind": "shown",
        "recommendation_id": before.json()["recommendation_id"],
    }
    assert api.post("/v1/events", json=shown, key=keys.write).status_code == 201
    again = {"If-None-Match": before.headers["ETag"]}
    assert api.get("/v1/users/1/recommendations", headers=again).status_code == 304


def test_events_are_written_with_the_list_that_they_are_of(writer: Api, conn: Connection) -> None:
    answer = writer.post("/v1/events", json=[EVENT, EVENT | {"kind": "opened"}])
    assert (answer.status_code, answer.json()["accepted"]) == (201, 2)
    rows = conn.execute("SELECT kind, recommendation_id FROM feedback_events ORDER BY feedback_id")
    assert [tuple(row) for row in rows] == [("shown", "12-1-abc"), ("opened", "12-1-abc")]


def test_a_new_user_gets_a_number(writer: Api, movies: list[int]) -> None:
    ratings = [{"movie_id": movie, "rating": 5} for movie in movies[:2]]
    body = writer.post("/v1/ratings?new_user=true", json=ratings).json()
    assert body["user_id"] >= 1 << 40 and body["accepted"] == 2
    again = {"user_id": body["user_id"], "movie_id": movies[2], "rating": 2}
    assert writer.post("/v1/ratings", json=again).status_code == 201


def test_an_idempotency_key_writes_once(writer: Api, conn: Connection) -> None:
    headers = {"Idempotency-Key": "7f3a"}
    first = writer.post("/v1/ratings", json=RATING, headers=headers)
    again = writer.post("/v1/ratings", json=RATING, headers=headers)
    assert (again.status_code, again.json()) == (201, first.json())
    other = writer.post("/v1/ratings", json=RATING | {"rating": 1}, headers=headers)
    assert "another body" in assert_problem(other, 409)["detail"]
    assert n_rows(conn, "ratings") == 1


def test_a_key_of_another_client_is_another_key(writer: Api, conn: Connection, keys: Keys) -> None:
    headers = {"Idempotency-Key": "7f3a"}
    writer.post("/v1/ratings", json=RATING, headers=headers)
    other = writer.post("/v1/ratings", json=RATING | {"rating": 1}, headers=headers, key=keys.admin)
    assert other.status_code == 201 and n_rows(conn, "ratings") == 2


@pytest.mark.parametrize(
    "body",
    [
        RATING | {"rating": 4.3},
        RATING | {"rating": 0},
        RATING | {"rating": 5.5},
        RATING | {"rating": "5"},
        RATING | {"rating": True},
        RATING | {"user_id": -1},
        RATING | {"user_id": 2**63},
        RATING | {"user_id": "1"},
        RATING | {"user_id": 987_654},
        RATING | {"movie_id": 987_654},
        RATING | {"rated_at": 1_500_000_000},
        {"movie_id": 1, "rating": 4},
        {"user_id": 1, "movie_id": 1},
        [],
        [RATING] * 1_001,
        [RATING, RATING | {"rating": 9}],
        [[RATING]],
        None,
        "x",
        7,
    ],
)
def test_a_body_that_is_not_as_expected_writes_nothing(
    writer: Api, conn: Connection, body: Any
) -> None:
    assert_problem(writer.post("/v1/ratings", json=body), 422)
    assert n_rows(conn, "ratings") == 0


@pytest.mark.parametrize(
    "body",
    [
        EVENT | {"kind": "bought"},
        EVENT | {"recommendation_id": "x" * 201},
        EVENT | {"recommendation_id": "a\0b"},
        EVENT | {"movie_id": 987_654},
        {"movie_id": 1, "kind": "shown"},
        [EVENT, EVENT | {"user_id": 987_654}],
    ],
)
def test_an_event_that_is_not_as_expected_writes_nothing(
    writer: Api, conn: Connection, body: Any
) -> None:
    assert_problem(writer.post("/v1/events", json=body), 422)
    assert n_rows(conn, "events") == 0


def test_a_refusal_says_which_of_many_and_why(writer: Api) -> None:
    bad = [RATING, RATING | {"movie_id": 987_654}]
    problem = assert_problem(writer.post("/v1/ratings", json=bad), 422)
    assert problem["errors"] == [
        {"where": "body.1.movie_id", "message": "movie 987654 is not known"}
    ]


@pytest.mark.parametrize("path", ["/v1/ratings", "/v1/events"])
@pytest.mark.parametrize("scope", ["read", "predict", ""])
def test_only_a_key_that_writes_may(
    api: Api, conn: Connection, keys: Keys, path: str, scope: str
) -> None:
    key = getattr(keys, scope) if scope else ""
    body = RATING if path.endswith("ratings") else EVENT
    assert_problem(api.post(path, json=body, key=key), 403 if scope else 401)
    assert n_rows(conn, "ratings") == n_rows(conn, "events") == 0


def test_a_users_key_writes_for_that_user_alone(api: Api, conn: Connection) -> None:
    key = new_key(conn, "write", user_id=1)
    assert api.post("/v1/ratings", json=RATING, key=key).status_code == 201
    others = ([RATING, RATING | {"user_id": 2}], EVENT | {"user_id": 2})
    for path, body in zip(("/v1/ratings", "/v1/events"), others, strict=True):
        assert_problem(api.post(path, json=body, key=key), 403)
    new = {"movie_id": 1, "rating": 4}
    assert_problem(api.post("/v1/ratings?new_user=true", json=new, key=key), 403)
    assert n_rows(conn, "ratings") == 1


@pytest.mark.parametrize("key", ["", "x" * 201, "a b", "\u00e9".encode("latin-1")])
def test_an_idempotency_key_that_is_none_is_refused(
    writer: Api, conn: Connection, key: Any
) -> None:
    answer = writer.post("/v1/ratings", json=RATING, headers={"Idempotency-Key": key})
    assert_problem(answer, 422)
    assert n_rows(conn, "ratings") == 0
