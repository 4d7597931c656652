"""Erasure and export through the API: the same functions as the command line's."""

import json

import pytest
from pydantic import SecretStr

from recsys.db.connect import Connection
from recsys.removal import export_user
from recsys.settings import Settings
from tests.serving.conftest import Api, Keys, new_key
from tests.serving.test_problems import assert_problem


@pytest.fixture
def user(conn: Connection) -> int:
    """A user with a list, who also did something through the API."""
    (row,) = conn.execute(
        "SELECT user_id, movie_id FROM recommendations WHERE source = 'model' "
        "ORDER BY user_id, rank LIMIT 1"
    ).fetchall()
    key = {"user_id": row.user_id, "movie_id": row.movie_id}
    conn.execute(
        "INSERT INTO feedback_ratings (user_id, movie_id, rating, rated_at, received_at) "
        "VALUES (%(user_id)s, %(movie_id)s, 4.5, now(), now())",
        key,
    )
    conn.execute(
        "INSERT INTO feedback_events (user_id, movie_id, kind, received_at) "
        "VALUES (%(user_id)s, %(movie_id)s, 'shown', now())",
        key,
    )
    return row.user_id


def test_an_export_has_everything_that_an_erasure_deletes(
    api: Api, conn: Connection, keys: Keys, user: int
) -> None:
    answer = api.get(f"/v1/users/{user}/export", key=keys.admin)
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == f'attachment; filename="user-{user}.json"'
    exported = answer.json()
    erased = api.request("DELETE", f"/v1/users/{user}", key=keys.admin).json()["deleted"]
    counts = {
        "ratings": len(exported["ratings"]),
        "tags": len(exported["tags"]),
        "users": len(exported["demographics"]),
        "lists": len(exported["lists"]),
        "exam scores": len(exported["exam_scores"]),
        "rejected": len(exported["rejected_rows"]),
        "feedback ratings": len(exported["ratings_through_the_api"]),
        "feedback events": len(exported["events_through_the_api"]),
        "feedback requests": len(exported["requests_through_the_api"]),
    }
    assert counts == {name: erased[name] for name in counts}
    assert counts["ratings"] and counts["lists"] and counts["exam scores"]
    working = {"rerated", "candidates"}
    assert set(erased) - set(counts) <= working, "an export lacks what an erasure deletes"


def test_an_export_has_the_lists_as_they_were_published(
    settings: Settings, conn: Connection, user: int
) -> None:
    (exported,) = json.loads(export_user(settings, user))["lists"]
    rows = conn.execute(
        "SELECT movie_id FROM recommendations WHERE user_id = %s ORDER BY rank", [user]
    ).fetchall()
    assert exported["movie_ids"][: len(rows)] == [row.movie_id for row in rows]


def test_an_erasure_is_complete_and_may_be_repeated(
    api: Api, conn: Connection, keys: Keys, user: int
) -> None:
    erased = api.request("DELETE", f"/v1/users/{user}", key=keys.admin)
    assert erased.status_code == 200
    assert erased.json()["deleted"]["ratings"] > 0 and erased.json()["still_held"]
    assert_problem(api.get(f"/v1/users/{user}/history"), 404)
    again = api.request("DELETE", f"/v1/users/{user}", key=keys.admin)
    assert again.status_code == 200 and not any(again.json()["deleted"].values())
    left = api.get(f"/v1/users/{user}/export", key=keys.admin).json()
    assert left["erased_at"] and not left["ratings"] and not left["lists"]


def test_with_now_a_copy_without_them_is_live_by_the_key_that_asked(
    api: Api, conn: Connection, keys: Keys, user: int
) -> None:
    api.request("DELETE", f"/v1/users/{user}?now=true", key=keys.admin)
    (flip,) = conn.execute(
        "SELECT cause, requested_by FROM live_history ORDER BY seq DESC LIMIT 1"
    ).fetchall()
    assert flip.cause == "by hand" and flip.requested_by.startswith("API key ")


def test_a_number_that_nobody_has_is_refused_unless_it_is_barred(
    api: Api, conn: Connection, keys: Keys
) -> None:
    assert_problem(api.request("DELETE", "/v1/users/123456789", key=keys.admin), 404)
    assert_problem(api.get("/v1/users/123456789/export", key=keys.admin), 404)
    barred = api.request("DELETE", "/v1/users/123456789?bar=true", key=keys.admin)
    assert barred.status_code == 200
    tombstones = conn.execute("SELECT user_id FROM erased_users").fetchall()
    assert [row.user_id for row in tombstones] == [123456789]


def test_only_admins_erase_and_export(api: Api, conn: Connection, keys: Keys, user: int) -> None:
    for key in (keys.read, keys.predict, keys.write):
        assert_problem(api.request("DELETE", f"/v1/users/{user}", key=key), 403)
        assert_problem(api.get(f"/v1/users/{user}/export", key=key), 403)
    assert_problem(api.request("DELETE", f"/v1/users/{user}", key=""), 401)
    other = new_key(conn, "admin", user_id=user + 1)
    assert_problem(api.request("DELETE", f"/v1/users/{user}", key=other), 403)
    assert_problem(api.get(f"/v1/users/{user}/export", key=other), 403)
    assert conn.execute("SELECT FROM erased_users").fetchall() == []


def test_without_an_operators_database_there_are_no_operations(
    settings: Settings, keys: Keys, user: int
) -> None:
    off = Api(settings.model_copy(update={"operator_database_url": None}), keys.admin)
    problem = assert_problem(off.request("DELETE", f"/v1/users/{user}"), 503)
    assert "RECSYS_OPERATOR_DATABASE_URL" in problem["detail"]


def test_the_apis_own_role_can_neither_erase_nor_export(settings: Settings, user: int) -> None:
    import psycopg

    from recsys.removal import erase_user

    own = settings.model_copy(update={"database_url": settings.api_database_url})
    for act in (erase_user, export_user):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            act(own, user)


def test_an_operators_database_that_is_away_is_named_to_nobody(
    settings: Settings, keys: Keys, user: int
) -> None:
    away = SecretStr("postgresql://recsys_operator:secret@127.0.0.1:1/recsys")
    api = Api(settings.model_copy(update={"operator_database_url": away}), keys.admin)
    answer = api.get(f"/v1/users/{user}/export")
    problem = assert_problem(answer, 503)
    assert "127.0.0.1" not in problem["detail"] and answer.headers["retry-after"]
