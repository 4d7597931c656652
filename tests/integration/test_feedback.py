"""What people do through the API: written at once, refused with a reason, repeated without harm."""

import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from recsys.db.connect import Connection
from recsys.settings import Settings
from tests.landing import Landing

DAY = date(2026, 11, 23)
FIRST_ISSUED = 1 << 40
MOVIES = "movieId,title,genres\n1,Toy Story (1995),Animation\n2,Heat (1995),Crime\n"
RATINGS = "userId,movieId,rating,timestamp\n7,1,4.5,1577836800\n8,1,3,1577836800\n"


@pytest.fixture
def landing(settings: Settings, conn: Connection) -> Landing:
    """Two movies and two users."""
    landing = Landing(Path(settings.drops), conn)
    landing.bring(DAY, {"movies.csv": MOVIES, "ratings.csv": RATINGS})
    return landing


@pytest.fixture
def api(settings: Settings, landing: Landing) -> Iterator[psycopg.Connection[Any]]:
    """A connection as the API has it, to a database with the two movies."""
    url = settings.api_database_url.get_secret_value()
    with psycopg.connect(url, autocommit=True) as conn:
        yield conn


def rate(
    api: psycopg.Connection[Any],
    *entries: dict[str, Any],
    key: str | None = None,
    new: bool = False,
) -> dict[str, Any]:
    return call(api, "SELECT api.record_ratings('k1', %s, %s, %s)", [key, Jsonb(entries), new])


def tell(api: psycopg.Connection[Any], *entries: dict[str, Any]) -> dict[str, Any]:
    return call(api, "SELECT api.record_events('k1', NULL, %s)", [Jsonb(entries)])


def call(api: psycopg.Connection[Any], query: Any, params: list[Any]) -> dict[str, Any]:
    row = api.execute(query, params).fetchone()
    assert row is not None
    return row[0]


def rating(user: int, movie: int, stars: float) -> dict[str, Any]:
    return {"user_id": user, "movie_id": movie, "rating": stars}


def left_out(api: psycopg.Connection[Any], user: int) -> set[int]:
    rows = api.execute("SELECT movie_id FROM api.left_out WHERE user_id = %s", [user])
    return {row[0] for row in rows}


def newest(api: psycopg.Connection[Any], user: int) -> int | None:
    query = "SELECT feedback_id FROM api.newest_feedback WHERE user_id = %s"
    row = api.execute(query, [user]).fetchone()
    return row[0] if row else None


def test_what_is_rated_or_dismissed_is_left_out_at_once(api: psycopg.Connection[Any]) -> None:
    assert newest(api, 7) is None
    assert rate(api, rating(7, 2, 4))["accepted"] == 1
    first = newest(api, 7)
    shown = {"user_id": 7, "movie_id": 1, "kind": "shown", "recommendation_id": "r"}
    assert tell(api, shown)["status"] == 201
    assert left_out(api, 7) == {2}
    assert newest(api, 7) == first  # what was only shown changes no list
    tell(api, {"user_id": 7, "movie_id": 1, "kind": "dismissed"})
    assert left_out(api, 7) == {1, 2} and left_out(api, 8) == set()
    assert (newest(api, 7) or 0) > (first or 0)


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        (rating(9, 1, 4), "user_id"),
        (rating(FIRST_ISSUED, 1, 4), "user_id"),  # issued to nobody yet
        (rating(7, 3, 4), "movie_id"),
        (rating(7, 1, 4.3), "rating"),
        (rating(7, 1, 5.5), "rating"),
        (rating(7, 1, 0), "rating"),
        ({"movie_id": 1, "rating": 4}, "user_id"),
    ],
)
def test_a_bad_rating_is_refused_with_its_place(
    api: psycopg.Connection[Any], landing: Landing, entry: dict[str, Any], field: str
) -> None:
    answer = rate(api, rating(7, 2, 4), entry)
    assert answer["status"] == 422
    assert [(error["index"], error["field"]) for error in answer["errors"]] == [(1, field)]
    assert landing.rows("SELECT count(*) FROM feedback_ratings") == [(0,)]


def test_a_bad_event_is_refused(api: psycopg.Connection[Any]) -> None:
    answer = tell(api, {"user_id": 7, "movie_id": 1, "kind": "bought"})
    assert (answer["status"], answer["errors"][0]["field"]) == (422, "kind")


def test_an_erased_user_is_refused(api: psycopg.Connection[Any], conn: Connection) -> None:
    conn.execute("INSERT INTO erased_users (user_id) VALUES (7)")
    answer = rate(api, rating(7, 2, 4))
    assert answer["status"] == 422 and "was erased" in answer["errors"][0]["reason"]


def test_a_new_user_gets_a_number_that_movielens_never_has(api: psycopg.Connection[Any]) -> None:
    given = {"movie_id": 1, "rating": 4}
    first = rate(api, given, new=True)["user_id"]
    assert first >= FIRST_ISSUED and left_out(api, first) == {1}
    assert rate(api, rating(first, 2, 3.5))["status"] == 201
    assert rate(api, given, new=True)["user_id"] > first


def test_the_same_key_and_body_are_written_once(
    api: psycopg.Connection[Any], landing: Landing
) -> None:
    given = {"movie_id": 1, "rating": 4}
    first = rate(api, given, key="a", new=True)
    assert rate(api, given, key="a", new=True) == first
    assert rate(api, {"movie_id": 2, "rating": 4}, key="a", new=True)["status"] == 409
    assert landing.rows("SELECT user_id, movie_id FROM feedback_ratings") == [(first["user_id"], 1)]


def test_the_same_key_at_the_same_time_is_written_once(
    settings: Settings, api: psycopg.Connection[Any], landing: Landing
) -> None:
    answers: list[dict[str, Any]] = []

    def repeat() -> None:
        url = settings.api_database_url.get_secret_value()
        with psycopg.connect(url, autocommit=True) as other:
            answers.append(rate(other, rating(7, 2, 4), key="b"))

    with api.transaction():
        answers.append(rate(api, rating(7, 2, 4), key="b"))
        thread = threading.Thread(target=repeat)
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()  # it waits for the first
    thread.join()
    assert answers[0] == answers[1]
    assert landing.rows("SELECT count(*) FROM feedback_ratings") == [(1,)]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT user_id FROM public.feedback_ratings",
        "INSERT INTO public.feedback_ratings (user_id) VALUES (1)",
        "SELECT nextval('public.new_user_ids')",
        "SELECT api.hold_users('{1}')",
        "SELECT api.keep_answer('k', 'i', 's', '{}', '{}')",
    ],
)
def test_the_api_has_no_other_way_to_write(api: psycopg.Connection[Any], statement: Any) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        api.execute(statement)


def test_the_newest_feedback_grows_in_the_order_of_commits(
    settings: Settings, api: psycopg.Connection[Any]
) -> None:
    """Else a list could change and its ETag stay."""
    url = settings.api_database_url.get_secret_value()
    with psycopg.connect(url) as slow:
        rate(slow, rating(7, 1, 4))  # not committed yet
        thread = threading.Thread(target=rate, args=(api, rating(7, 2, 4)))
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()  # it waits for the other of that user
        first = newest(slow, 7)  # its own
        slow.commit()
        thread.join()
    assert (newest(api, 7) or 0) > (first or 0)
