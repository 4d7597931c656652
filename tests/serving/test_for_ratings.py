"""POST /v1/recommendations:for-ratings: the champion answers as the publication does."""

import asyncio
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from recsys.db.connect import Connection
from recsys.run import run_step
from recsys.settings import Settings
from tests.serving.conftest import Api, Keys, client_of
from tests.serving.test_problems import assert_problem
from tests.steps import run_week

URL = "/v1/recommendations:for-ratings"


@pytest.fixture
def api(settings: Settings, keys: Keys) -> Api:
    """Asked with a key that may ask the model."""
    return Api(settings, keys.predict)


def model_users(conn: Connection) -> list[int]:
    rows = conn.execute(
        "SELECT DISTINCT user_id FROM recommendations WHERE source = 'model' ORDER BY 1"
    ).fetchall()
    return [row.user_id for row in rows]


def model_rows(conn: Connection, user_id: int) -> list[tuple[int, int, float]]:
    """As deep as it goes."""
    rows = conn.execute(
        "SELECT m.rank, m.movie_id, m.score FROM api.lists JOIN api.live USING (publication_id), "
        "unnest(movie_ids, scores) WITH ORDINALITY m (movie_id, score, rank) "
        "WHERE user_id = %s AND rank <= n_model ORDER BY rank",
        [user_id],
    ).fetchall()
    return [tuple(row) for row in rows]


def ratings_of(conn: Connection, user_id: int) -> list[dict[str, Any]]:
    rows = conn.execute(
        "SELECT v.movie_id, v.rating, v.rated_at FROM publications p, "
        "visible_ratings(p.as_of, p.watermark) v WHERE p.is_live AND v.user_id = %s",
        [user_id],
    ).fetchall()
    return [
        {"movie_id": row.movie_id, "rating": row.rating, "rated_at": row.rated_at.isoformat()}
        for row in rows
    ]


def shown(answer: dict[str, Any]) -> list[tuple[int, int, float]]:
    return [
        (item["rank"], item["movie_id"], item["score"])
        for item in answer["items"]
        if item["source"] == "model"
    ]


def test_every_model_user_gets_what_was_published(api: Api, conn: Connection) -> None:
    users = model_users(conn)
    assert len(users) > 50
    requests = [
        ("POST", URL, {"json": {"ratings": ratings_of(conn, user_id), "n": 100}})
        for user_id in users
    ]
    for user_id, answer in zip(users, api.many(requests), strict=True):
        assert shown(answer.json()) == model_rows(conn, user_id), user_id


def test_a_list_for_ratings_says_what_made_it(api: Api, conn: Connection) -> None:
    answer = api.post(URL, json={"ratings": ratings_of(conn, model_users(conn)[0])}).json()
    (live,) = conn.execute(
        "SELECT publication_id, as_of, recipe_key FROM publications WHERE is_live"
    ).fetchall()
    assert (answer["publication"], answer["as_of"], answer["recipe"]) == (
        live.publication_id,
        str(live.as_of),
        live.recipe_key,
    )
    assert answer["user_id"] is None and answer["complete"] is True and answer["arm"] is None


def test_reasons_cite_what_the_request_liked(api: Api, conn: Connection) -> None:
    ratings = ratings_of(conn, model_users(conn)[0])
    answer = api.post(URL, json={"ratings": ratings}).json()
    liked = {each["movie_id"] for each in ratings if each["rating"] >= 4}
    cited = [each for item in answer["items"] for each in item["reasons"]["cited"]]
    if answer["recipe"].startswith("als"):
        assert cited
    assert {each["movie_id"] for each in cited} <= liked
    assert all(each["contribution"] > 0 and each["title"] for each in cited)
    assert all(each["kind"] for each in (item["reasons"] for item in answer["items"]))
    bare = api.post(URL, json={"ratings": ratings, "explain": False}).json()
    assert "reasons" not in bare["items"][0]


def test_too_short_a_history_gets_the_fallback_unless_folded_in(api: Api, conn: Connection) -> None:
    ratings = [each for each in ratings_of(conn, model_users(conn)[0]) if each["rating"] >= 4][:2]
    answer = api.post(URL, json={"ratings": ratings}).json()
    assert {item["source"] for item in answer["items"]} == {"fallback"}
    assert answer["known"] is False
    folded = api.post(URL, json={"ratings": ratings, "fold_in": True}).json()
    assert {item["source"] for item in folded["items"]} == {"model"}
    assert not {each["movie_id"] for each in ratings} & {
        item["movie_id"] for item in [*answer["items"], *folded["items"]]
    }


def test_who_was_asked_for_is_known_though_the_model_has_no_such_movie(still_api: Api) -> None:
    ratings = [{"movie_id": item["movie_id"], "rating": 5} for item in fallback_of(still_api)]
    answer = still_api.post(URL, json={"ratings": ratings, "genre": ["No such genre"]}).json()
    assert (answer["items"], answer["known"], answer["complete"]) == ([], True, False)


def fallback_of(api: Api) -> list[dict[str, Any]]:
    """The ten most popular movies."""
    return api.get(f"/v1/users/{2**40 + 5}/recommendations").json()["items"]


def test_filters_and_exclusions_hold_for_a_list_on_request(api: Api, conn: Connection) -> None:
    ratings = ratings_of(conn, model_users(conn)[0])
    answer = api.post(URL, json={"ratings": ratings, "genre": ["Comedy"], "n": 5}).json()
    assert answer["items"] and all("Comedy" in item["genres"] for item in answer["items"])
    first = answer["items"][0]["movie_id"]
    conn.execute("INSERT INTO withdrawals (movie_id, reason) VALUES (%s, 'a test')", [first])
    after = api.post(URL, json={"ratings": ratings, "genre": ["Comedy"], "n": 5}).json()
    assert first not in {item["movie_id"] for item in after["items"]}
    second = after["items"][0]["movie_id"]
    without = api.post(URL, json={"ratings": ratings, "genre": ["Comedy"], "exclude": [second]})
    assert second not in {item["movie_id"] for item in without.json()["items"]}
    rest = api.post(URL, json={"ratings": ratings, "genre": ["Comedy"], "n": 2, "offset": 2}).json()
    assert [item["movie_id"] for item in rest["items"]] == [
        item["movie_id"] for item in after["items"][2:4]
    ]


def test_the_newest_of_two_ratings_counts(api: Api, conn: Connection) -> None:
    ratings = ratings_of(conn, model_users(conn)[0])
    liked = next(each for each in ratings if each["rating"] >= 4)
    older = dict(liked, rating=0.5, rated_at=datetime(1990, 1, 1, tzinfo=UTC).isoformat())
    same = dict(liked, rating=0.5)
    one, other, changed = (
        api.post(URL, json={"ratings": each}).json()
        for each in (ratings, [*ratings, older], [*ratings, same])
    )
    assert shown(one) == shown(other)
    assert shown(one) != shown(changed), "of two at once the later counts"


def test_a_week_that_was_published_may_be_named(api: Api, conn: Connection) -> None:
    ratings = ratings_of(conn, model_users(conn)[0])
    (live,) = conn.execute("SELECT as_of FROM publications WHERE is_live").fetchall()
    body = {"ratings": ratings, "as_of": str(live.as_of)}
    assert api.post(URL, json=body).status_code == 200
    assert_problem(api.post(URL, json=body | {"as_of": "1999-01-04"}), 404)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ratings": []},
        {"ratings": [{"movie_id": 1}]},
        {"ratings": [{"movie_id": 1, "rating": 0}]},
        {"ratings": [{"movie_id": 1, "rating": 4.2}]},
        {"ratings": [{"movie_id": 2**63, "rating": 4}]},
        {"ratings": [{"movie_id": 1, "rating": 4, "rated_at": "yesterday"}]},
        {"ratings": [{"movie_id": 1, "rating": 4}], "as_of": "monday"},
        {"ratings": [{"movie_id": 1, "rating": 4}], "n": 600, "offset": 600},
        {"ratings": [{"movie_id": 1, "rating": 4}], "nosuch": 1},
        {"ratings": [{"movie_id": 999_999, "rating": 4}]},
    ],
)
def test_what_is_not_as_expected_is_refused(still_api: Api, body: object) -> None:
    assert_problem(still_api.post(URL, json=body), 422)


def test_it_needs_a_key_that_may_ask_the_model(api: Api, keys: Keys) -> None:
    body = {"ratings": [{"movie_id": 1, "rating": 4}]}
    assert_problem(api.post(URL, key="", json=body), 401)
    assert_problem(api.post(URL, key=keys.read, json=body), 403)
    assert_problem(api.post(URL, key=keys.write, json=body), 403)


def test_a_champion_that_mlflow_lacks_is_no_failure_of_the_others(
    settings: Settings, keys: Keys, conn: Connection
) -> None:
    conn.execute("UPDATE publications SET model_version = '999'")
    conn.execute("UPDATE fits SET digest = 'other'")
    api = Api(settings, keys.predict)
    answer = api.post(URL, json={"ratings": ratings_of(conn, model_users(conn)[0])})
    problem = assert_problem(answer, 503)
    assert "mlflow" not in problem["detail"].lower() and answer.headers["retry-after"]
    assert api.get("/v1/users/1/recommendations").status_code == 200


def test_a_model_that_is_not_the_ledgers_is_not_asked(
    settings: Settings, keys: Keys, conn: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    conn.execute("UPDATE fits SET digest = 'another'")
    answer = Api(settings, keys.predict).post(
        URL, json={"ratings": ratings_of(conn, model_users(conn)[0])}
    )
    assert_problem(answer, 503)
    assert "is another model than the one that made the lists" in caplog.text


@pytest.mark.slow
def test_no_question_fails_while_another_champion_goes_live(
    settings: Settings, keys: Keys, conn: Connection
) -> None:
    """Rolled back and forward under questions: each is answered, and by what is live."""
    newest = max(Path(settings.drops, "movielens").iterdir()).name
    run_week(settings, as_of=date.fromisoformat(newest))
    publications = [
        row.publication_id
        for row in conn.execute("SELECT publication_id FROM publications ORDER BY 1")
    ]
    body = {"ratings": ratings_of(conn, model_users(conn)[0])}
    tags: set[str] = set()

    async def ask() -> list[tuple[int, int]]:
        seen: list[tuple[int, int]] = []
        async with client_of(settings, keys.predict) as client:
            for publication_id in publications:
                questions = [asyncio.create_task(client.post(URL, json=body)) for _ in range(4)]
                await asyncio.to_thread(make_live, settings, publication_id)
                answers = await asyncio.gather(*questions, client.post(URL, json=body))
                seen += [(each.status_code, each.json()["publication"]) for each in answers]
                assert seen[-1] == (200, publication_id)
                tags.add((await client.get("/v1/users/1/recommendations")).headers["etag"])
        return seen

    assert len(publications) == 2
    assert {status for status, _ in asyncio.run(ask())} == {200}
    assert len(tags) == 2


def make_live(settings: Settings, publication_id: int) -> None:
    run_step(
        settings,
        "rollback_publication",
        publication_id=publication_id,
        reason="a test",
        requested_by="a test",
    )
