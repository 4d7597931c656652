"""Operations on the pages: who may, what is confirmed, and what comes of it."""

import pytest

from recsys.db.connect import Connection
from recsys.settings import Settings
from tests.serving.conftest import Keys
from tests.serving.pages_visits import page, send, text_of, value

AT = "/operations"


def test_only_an_admin_opens_them_or_sends_their_forms(
    settings: Settings, keys: Keys, conn: Connection
) -> None:
    assert page(settings, keys.predict, AT).status_code == 403
    form = {"movie_id": 1, "reason": "a test", "confirmed": "yes"}
    # with a sound token of that key's own session, which the sign-out form carries
    refused = send(settings, keys.predict, f"{AT}/withdraw", form, at="/")
    assert refused.status_code == 403
    assert value(conn, "SELECT count(*) FROM withdrawals") == 0


def test_a_form_without_its_token_changes_nothing(
    settings: Settings, keys: Keys, conn: Connection
) -> None:
    form = {"movie_id": 1, "reason": "a test", "confirmed": "yes", "csrf": "0" * 64}
    assert send(settings, keys.admin, f"{AT}/withdraw", form, at=AT).status_code == 403
    assert value(conn, "SELECT count(*) FROM withdrawals") == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"confirmed": ""}, "tick the box"),
        ({"reason": "  "}, "the reason is empty"),
        ({"movie_id": "one"}, "movie_id is no number"),
        ({"movie_id": "987654321"}, "no movie 987654321"),
    ],
)
def test_a_form_that_is_not_meant_so_changes_nothing(
    settings: Settings, keys: Keys, conn: Connection, change: dict[str, str], words: str
) -> None:
    form = {"movie_id": "1", "reason": "a test", "confirmed": "yes", **change}
    response = send(settings, keys.admin, f"{AT}/withdraw", form, at=AT)
    assert response.status_code == 422
    assert words in text_of(response)
    assert value(conn, "SELECT count(*) FROM withdrawals") == 0


def test_withdrawing_at_once_and_rolling_back_are_in_the_ledger(
    settings: Settings, keys: Keys, conn: Connection
) -> None:
    movie_id = value(conn, "SELECT min(movie_id) FROM recommendations")
    first = value(conn, "SELECT publication_id FROM publications WHERE is_live")
    form = {"movie_id": movie_id, "now": "yes", "reason": "rights & <b>", "confirmed": "yes"}
    done = send(settings, keys.admin, f"{AT}/withdraw", form, at=AT)
    assert done.status_code == 200
    assert "is withdrawn" in text_of(done)
    assert "rights &amp; &lt;b&gt;" in done.text
    assert value(conn, "SELECT count(*) FROM recommendations WHERE movie_id = %s", movie_id) == 0
    undone = send(
        settings,
        keys.admin,
        f"{AT}/undo-withdrawal",
        {"movie_id": movie_id, "reason": "a mistake", "confirmed": "yes"},
        at=AT,
    )
    assert "may be recommended again" in text_of(undone)
    back = {"publication_id": first, "reason": "try the way back", "confirmed": "yes"}
    rolled = send(settings, keys.admin, f"{AT}/roll-back", back, at=AT)
    assert rolled.status_code == 200
    assert "rolled back" in text_of(rolled)
    assert value(conn, "SELECT publication_id FROM publications WHERE is_live") == first
    who = value(conn, "SELECT requested_by FROM live_history ORDER BY seq DESC LIMIT 1")
    assert "admin" in who


def test_an_experiment_begins_with_the_newest_week(
    settings: Settings, keys: Keys, conn: Connection
) -> None:
    as_of = value(conn, "SELECT max(as_of) FROM weeks")
    recipe = value(conn, "SELECT min(recipe_key) FROM fits")
    form = {
        "name": "popular, a tenth",
        "recipe": recipe,
        "share": "10",
        "last_as_of": str(as_of.replace(year=as_of.year + 2)),
        "reason": "a test",
        "confirmed": "yes",
    }
    far = send(settings, keys.admin, f"{AT}/experiment", form, at=AT)
    assert far.status_code == 422
    assert "weeks later" in text_of(far)
    form["last_as_of"] = str(as_of)
    done = send(settings, keys.admin, f"{AT}/experiment", form, at=AT)
    assert done.status_code == 200, text_of(done)
    query = "SELECT name, recipe_key, share, first_as_of FROM experiments"
    assert [tuple(row) for row in conn.execute(query)] == [("popular, a tenth", recipe, 0.1, as_of)]


def test_a_champion_is_approved_by_an_admin_alone_and_in_airflow(
    settings: Settings, keys: Keys
) -> None:
    """That an answer comes to the run is seen in tests/e2e/test_serving_with_airflow.py."""
    form = {"run_id": "manual__1", "answer": "Approve", "reason": "a test", "confirmed": "yes"}
    assert send(settings, keys.predict, f"{AT}/approve", form, at="/").status_code == 403
    forged = {**form, "csrf": "0" * 64}
    assert send(settings, keys.admin, f"{AT}/approve", forged, at=AT).status_code == 403
    refused = send(settings, keys.admin, f"{AT}/approve", form, at=AT)
    assert refused.status_code == 422
    assert "RECSYS_AIRFLOW_URL is empty" in text_of(refused)
    away = settings.model_copy(update={"airflow_url": "http://127.0.0.1:1", "airflow_user": "ada"})
    refused = send(away, keys.admin, f"{AT}/approve", form, at=AT)
    assert refused.status_code == 422
    assert "nothing was answered: Airflow does not answer" in text_of(refused)
    assert "Questions cannot be seen here: Airflow does not answer" in text_of(refused)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"answer": "Perhaps"}, "the answer is none"),
        ({"reason": " "}, "the reason is empty"),
        ({"confirmed": ""}, "tick the box"),
    ],
)
def test_an_answer_that_is_none_is_not_sent_to_airflow(
    settings: Settings, keys: Keys, change: dict[str, str], words: str
) -> None:
    form = {"run_id": "manual__1", "answer": "Approve", "reason": "a test", "confirmed": "yes"}
    away = settings.model_copy(update={"airflow_url": "http://127.0.0.1:1", "airflow_user": "ada"})
    response = send(away, keys.admin, f"{AT}/approve", form | change, at=AT)
    assert response.status_code == 422
    assert words in text_of(response)
