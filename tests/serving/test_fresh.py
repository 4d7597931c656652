"""Lists that the champion is asked for anew, and the reasons that it is asked for."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from recsys.db.connect import Connection
from recsys.serving.champion import Champions
from recsys.serving.database import Database
from recsys.serving.filters import ListQuery
from recsys.serving.fresh import Fresh, History, ListRequest
from tests.serving.conftest import Api
from tests.serving.test_lists import url_of

Answer = TypeVar("Answer")


@pytest.fixture
def user_id(conn: Connection) -> int:
    """A user whose list is the model's."""
    (row,) = conn.execute(
        "SELECT min(user_id) AS user_id FROM recommendations WHERE source = 'model'"
    ).fetchall()
    return row.user_id


def test_a_fresh_list_without_feedback_is_what_was_published(api: Api, conn: Connection) -> None:
    rows = conn.execute(
        "SELECT DISTINCT user_id FROM recommendations WHERE source = 'model' ORDER BY 1"
    ).fetchall()
    users = [row.user_id for row in rows]
    params = {"n": 100, "fresh": True}
    answers = api.many([("GET", url_of(user), {"params": params}) for user in users])
    stored = api.many([("GET", url_of(user), {"params": {"n": 100}}) for user in users])
    for one, other in zip(answers, stored, strict=True):
        assert of_model(one.json()) == of_model(other.json())


def of_model(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [item for item in answer["items"] if item["source"] == "model"]


def test_a_fresh_list_knows_what_was_rated_since(api: Api, conn: Connection, user_id: int) -> None:
    before = api.get(url_of(user_id), params={"fresh": True})
    disliked = before.json()["items"][0]["movie_id"]
    conn.execute(
        "INSERT INTO feedback_ratings (user_id, movie_id, rating, rated_at, received_at) "
        "VALUES (%s, %s, 5, now(), now())",
        [user_id, disliked],
    )
    tag = {"If-None-Match": before.headers["etag"]}
    after = api.get(url_of(user_id), params={"fresh": True}, headers=tag)
    assert after.status_code == 200
    assert disliked not in {item["movie_id"] for item in after.json()["items"]}
    tag = {"If-None-Match": after.headers["etag"]}
    assert api.get(url_of(user_id), params={"fresh": True}, headers=tag).status_code == 304


def ask_fresh(api: Api, question: Callable[[Fresh], Awaitable[Answer]]) -> Answer:
    """What the part of the application that asks the champion answers, without a request."""

    async def answer() -> Answer:
        database = Database.of(api.settings)
        champions = Champions(api.settings)
        async with database:
            value = await question(Fresh(database, champions))
        champions.close()
        return value

    return asyncio.run(answer())


def test_a_history_of_a_publication_that_is_live_no_more_is_read_again(
    api: Api, user_id: int
) -> None:
    wish = ListRequest(ListQuery(n=100), user_id=user_id)
    before = History([1], [5.0], [1], publication_id=0)
    fresh = json.loads(ask_fresh(api, lambda fresh: fresh.answer(before, wish)))
    stored = api.get(url_of(user_id), params={"n": 100}).json()
    assert of_model(fresh) and plain(of_model(fresh)) == of_model(stored)


def plain(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: item[name] for name in item if name != "reasons"} for item in items]


def test_a_champion_gives_no_reasons_for_the_list_of_another(api: Api, user_id: int) -> None:
    answer = api.get(url_of(user_id), params={"n": 20, "explain": True}).json()
    assert all(item["reasons"] for item in answer["items"])
    deepest = answer["items"][-1]
    reasons, deepest["reasons"] = deepest["reasons"], None
    completed = [
        ask_fresh(api, lambda fresh, body=body: fresh.complete_reasons(json.dumps(body).encode()))
        for body in (answer, answer | {"publication": answer["publication"] + 1})
    ]
    assert [json.loads(each)["items"][-1]["reasons"] for each in completed] == [reasons, None]


def test_a_fresh_list_leaves_out_what_was_dismissed_or_is_excluded(
    api: Api, conn: Connection, user_id: int
) -> None:
    params = {"fresh": True, "fields": "title"}
    items = api.get(url_of(user_id), params=params).json()["items"]
    assert {tuple(item) for item in items} == {("movie_id", "title")}
    dismissed, excluded = (item["movie_id"] for item in items[:2])
    conn.execute(
        "INSERT INTO feedback_events (user_id, movie_id, kind, received_at) "
        "VALUES (%s, %s, 'dismissed', now())",
        [user_id, dismissed],
    )
    after = api.get(url_of(user_id), params=params | {"exclude": excluded}).json()["items"]
    assert not {dismissed, excluded} & {item["movie_id"] for item in after}


def test_a_history_has_the_newest_rating_of_each_movie(
    api: Api, conn: Connection, user_id: int
) -> None:
    (own,) = conn.execute(
        "SELECT movie_id, rating FROM api.live_ratings WHERE user_id = %s AND rating >= 4 "
        "ORDER BY movie_id LIMIT 1",
        [user_id],
    ).fetchall()
    conn.execute(
        "INSERT INTO feedback_ratings (user_id, movie_id, rating, rated_at, received_at) "
        "VALUES (%s, %s, 0.5, now(), now())",
        [user_id, own.movie_id],
    )
    stars = []
    for is_fresh in (True, False):
        history = ask_fresh(api, lambda fresh, new=is_fresh: fresh.history(user_id, is_fresh=new))
        stars.append(dict(zip(history.movie_ids, history.ratings, strict=True))[own.movie_id])
    assert stars == [0.5, own.rating]


def test_a_user_in_the_challengers_share_asks_the_challenger(
    api: Api, conn: Connection, user_id: int
) -> None:
    conn.execute(
        "INSERT INTO publications (publication_key, as_of, watermark, params, recipe_key, "
        "model_version, n_users, n_rows, n_fallback, rows_sha256) SELECT 'other', as_of, "
        "watermark, params, 'rival', '2', 1, 1, 0, 'x' FROM publications WHERE is_live"
    )
    conn.execute(
        "UPDATE publications SET experiment = 'e', challenger_id = "
        "(SELECT publication_id FROM publications WHERE recipe_key = 'rival') WHERE is_live"
    )
    conn.execute("UPDATE published_lists SET arm = 'challenger' WHERE user_id = %s", [user_id])
    history = History([], [], [])
    champions = []
    for number in (user_id, 2**40 + 5):
        wish = ListRequest(ListQuery(), user_id=number)
        champion = ask_fresh(api, lambda fresh, wish=wish: fresh.champion(history, wish))
        champions.append(
            (champion.recipe_key == "rival", champion.model_version == "2", champion.arm)
        )
    assert champions == [(True, True, "challenger"), (False, False, "champion")]


def test_a_new_user_has_a_fresh_list_at_once(api: Api, conn: Connection) -> None:
    newcomer = 2**40 + 7
    liked = conn.execute(
        "SELECT movie_id FROM api.fallback JOIN api.live ON origin_id = fallback.publication_id "
        "ORDER BY place LIMIT 6"
    ).fetchall()
    for row in liked:
        conn.execute(
            "INSERT INTO feedback_ratings (user_id, movie_id, rating, rated_at, received_at) "
            "VALUES (%s, %s, 5, now(), now())",
            [newcomer, row.movie_id],
        )
    stored, fresh = (
        api.get(url_of(newcomer), params={"fresh": is_fresh}).json() for is_fresh in (False, True)
    )
    assert {item["source"] for item in stored["items"]} == {"fallback"}
    assert {item["source"] for item in fresh["items"]} == {"model"}
    assert not {row.movie_id for row in liked} & {item["movie_id"] for item in fresh["items"]}


def test_reasons_are_those_of_the_publication(api: Api, conn: Connection) -> None:
    users = [row.user_id for row in conn.execute("SELECT DISTINCT user_id FROM recommendations")]
    answers = api.many([("GET", url_of(user), {"params": {"explain": True}}) for user in users])
    rows = conn.execute(
        "SELECT r.user_id, r.movie_id, json_build_object('kind', kind, 'sentence', sentence, "
        "'cited', cited, 'shared', shared) AS reason FROM reasons r "
        "JOIN api.live USING (publication_id)"
    ).fetchall()
    reasons = {(row.user_id, row.movie_id): row.reason for row in rows}
    for user, answer in zip(users, answers, strict=True):
        for item in answer.json()["items"]:
            assert item["reasons"] == reasons[user, item["movie_id"]]


def test_deeper_reasons_are_computed_as_the_publications_are(api: Api, user_id: int) -> None:
    params = {"explain": True, "n": 30}
    items = api.get(url_of(user_id), params=params).json()["items"]
    assert all(item["reasons"]["kind"] for item in items)
    fresh = api.get(url_of(user_id), params=params | {"fresh": True}).json()["items"]
    of_stored, of_fresh = (
        {item["movie_id"]: item["reasons"] for item in each if item["source"] == "model"}
        for each in (items, fresh)
    )
    assert of_stored == of_fresh
    plain = api.get(url_of(user_id), params={"n": 30}).json()["items"]
    assert all("reasons" not in item for item in plain)
