"""GET /v1/users/{id}/history and …/lists: what was rated, what was recommended."""

from datetime import date

import pytest

from recsys.db.connect import Connection
from recsys.settings import Settings
from tests.serving.conftest import Api, Keys, World, new_key
from tests.serving.test_problems import assert_problem


@pytest.fixture
def user(conn: Connection) -> int:
    """A user with a list and ratings."""
    (row,) = conn.execute(
        "SELECT user_id FROM recommendations WHERE source = 'model' ORDER BY user_id LIMIT 1"
    ).fetchall()
    return row.user_id


def test_history_is_the_newest_rating_of_each_movie_newest_first(
    api: Api, conn: Connection, user: int
) -> None:
    body = api.get(f"/v1/users/{user}/history?n=100").json()
    rows = conn.execute(
        "SELECT movie_id, rating FROM visible_ratings('infinity', 9223372036854775806) "
        "WHERE user_id = %s ORDER BY rated_at DESC, movie_id",
        [user],
    ).fetchall()
    assert body["total"] == len(rows)
    items = [(item["movie_id"], item["rating"]) for item in body["items"]]
    assert items == [tuple(row) for row in rows][:100]
    assert {item["source"] for item in body["items"]} == {"movielens"}


def test_a_movie_rated_again_is_there_once_with_the_newest_rating(
    api: Api, conn: Connection, user: int
) -> None:
    first = api.get(f"/v1/users/{user}/history").json()
    movie_id = first["items"][3]["movie_id"]
    conn.execute(
        "INSERT INTO feedback_ratings (user_id, movie_id, rating, rated_at, received_at) "
        "VALUES (%s, %s, 0.5, now(), now())",
        [user, movie_id],
    )
    again = api.get(f"/v1/users/{user}/history").json()
    assert again["total"] == first["total"]
    newest = again["items"][0]
    assert (newest["movie_id"], newest["rating"]) == (movie_id, 0.5)
    assert (newest["source"], newest["drop_date"]) == ("feedback", None)


def test_pages_of_a_history_follow_one_another(api: Api, user: int) -> None:
    whole = api.get(f"/v1/users/{user}/history?n=10").json()["items"]
    pages = [
        api.get(f"/v1/users/{user}/history?n=5&offset={offset}").json()["items"]
        for offset in (0, 5)
    ]
    assert pages[0] + pages[1] == whole
    beyond = api.get(f"/v1/users/{user}/history?offset=9999").json()
    assert beyond["items"] == [] and beyond["total"] > 0


@pytest.mark.parametrize(
    "query", ["n=0", "n=101", "offset=-1", "offset=10001", "n=many", "offset=99999999999999999999"]
)
def test_a_page_out_of_bounds_is_refused(api: Api, user: int, query: str) -> None:
    assert_problem(api.get(f"/v1/users/{user}/history?{query}"), 422)


def test_a_user_who_rated_nothing_is_a_problem(api: Api) -> None:
    assert_problem(api.get("/v1/users/123456789/history"), 404)
    assert_problem(api.get(f"/v1/users/{2**63}/history"), 422)


def test_a_list_is_as_it_was_published_with_its_lineage(
    api: Api, conn: Connection, user: int, world: World
) -> None:
    body = api.get(f"/v1/users/{user}/lists?as_of={world.as_of}").json()
    rows = conn.execute(
        "SELECT rank, movie_id, score::float8, source FROM recommendations WHERE user_id = %s "
        "ORDER BY rank",
        [user],
    ).fetchall()
    listed = [
        (item["rank"], item["movie_id"], pytest.approx(item["score"], rel=1e-5), item["source"])
        for item in body["items"]
    ]
    assert [tuple(row) for row in rows] == listed
    (published,) = conn.execute("SELECT * FROM publications WHERE is_live").fetchall()
    assert body["publication"] == published.publication_id
    assert (body["recipe"], body["model_version"]) == (
        published.recipe_key,
        published.model_version,
    )
    lineage = body["lineage"]
    assert lineage["rows_sha256"] == published.rows_sha256
    assert lineage["decision"] in ("first", "popularity", "promoted")
    assert lineage["live"][0]["until"] is None
    assert {drop["source"] for drop in lineage["drops"]} == {"movielens", "imdb"}


def test_without_a_day_it_is_what_is_live(api: Api, user: int, world: World) -> None:
    assert api.get(f"/v1/users/{user}/lists").json()["as_of"] == str(world.as_of)


def test_before_the_first_week_nothing_was_live(api: Api, user: int, world: World) -> None:
    before = date(world.as_of.year - 1, 1, 1)
    assert_problem(api.get(f"/v1/users/{user}/lists?as_of={before}"), 404)


def test_a_user_without_a_list_is_a_problem(api: Api) -> None:
    assert_problem(api.get("/v1/users/123456789/lists"), 404)


def test_a_list_that_retention_deleted_says_so(api: Api, conn: Connection, user: int) -> None:
    conn.execute("UPDATE publications SET dropped_at = now() WHERE is_live")
    conn.execute("DELETE FROM published_lists")
    body = api.get(f"/v1/users/{user}/lists").json()
    assert body["items"] == [] and body["rows_deleted_at"]


def test_nobody_who_approved_is_named(api: Api, conn: Connection, user: int) -> None:
    conn.execute("UPDATE promotions SET approval = 'approved', approved_by = 'ada.lovelace'")
    answer = api.get(f"/v1/users/{user}/lists")
    assert answer.json()["lineage"]["approval"] == "approved"
    assert "ada.lovelace" not in answer.text


@pytest.mark.parametrize(
    "day",
    ["1", "2020-13-01", "2020-1-1", "0001-01-01", "2020-01-01T00:00:00Z", "x", "2020-01-01%00"],
)
def test_a_day_that_is_none_is_refused(api: Api, user: int, day: str) -> None:
    assert_problem(api.get(f"/v1/users/{user}/lists?as_of={day}"), 422)


@pytest.mark.parametrize("topic", ["history", "lists"])
def test_a_key_of_one_user_opens_that_user_alone(
    api: Api, conn: Connection, keys: Keys, settings: Settings, user: int, topic: str
) -> None:
    own = new_key(conn, user_id=user)
    assert api.get(f"/v1/users/{user}/{topic}", key=own).status_code == 200
    assert_problem(api.get(f"/v1/users/{user + 1}/{topic}", key=own), 403)
    assert_problem(api.get(f"/v1/users/{user}/{topic}", key=keys.write), 403)
    assert_problem(api.get(f"/v1/users/{user}/{topic}", key=""), 401)
