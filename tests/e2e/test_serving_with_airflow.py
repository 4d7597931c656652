"""The API and the pages with a running Airflow: a week that the API starts, and the pages inside
Airflow behind its login.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
from pydantic import SecretStr

from recsys.db.connect import connect
from recsys.serving.key_ledger import NewKey, create_key
from recsys.settings import Settings
from stack.environment import ADMIN
from stack.home import REPOSITORY
from tests.e2e.running_airflow import WEEKLY, Installation, running_installation, until
from tests.serving.conftest import Api
from tests.serving.pages_visits import send, text_of

pytestmark = pytest.mark.e2e

OPERATIONS = "recsys/operations"


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with running_installation(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture(scope="module")
def settings(installation: Installation) -> Settings:
    """Those of an API beside that Airflow."""
    home = installation.stack.home
    postgres = installation.stack.postgres
    update = {
        "api_database_url": SecretStr(postgres.url("recsys", "recsys_api")),
        "operator_database_url": SecretStr(postgres.url("recsys", "recsys_operator")),
        "airflow_url": home.url("airflow"),
        "airflow_user": ADMIN,
        "airflow_password": SecretStr(home.secret("airflow_admin")),
    }
    return installation.stack.settings().model_copy(update=update)


@pytest.fixture(scope="module")
def key(settings: Settings) -> str:
    with connect(settings) as conn:
        return create_key(conn, NewKey(scope="admin", created_by="a test"))


def test_a_week_is_started_and_wrong_params_are_refused(
    installation: Installation, settings: Settings, key: str
) -> None:
    api = Api(settings, key)
    body = {"as_of": str(installation.week), "recipes": ["popularity"], "top_n": 7}
    started = api.post("/v1/weeks", json=body)
    assert started.status_code == 202, started.text
    run = started.json()
    assert run["dag_id"] == WEEKLY and run["state"] == "queued"
    (listed,) = (
        each for each in installation.api.runs_of(WEEKLY) if each["dag_run_id"] == run["run_id"]
    )
    assert listed["conf"]["top_n"] == 7 and listed["conf"]["as_of"] == str(installation.week)
    refused = api.post("/v1/weeks", json=body | {"recipes": ["no such thing"]})
    assert refused.status_code == 422 and "no such thing" in refused.json()["detail"]
    other = settings.model_copy(update={"airflow_password": SecretStr("wrong")})
    assert Api(other, key).post("/v1/weeks", json=body).status_code == 503
    installation.wait_for_success(run["run_id"])


def test_the_api_that_the_demo_starts_gives_lists_for_the_key_that_it_made(
    installation: Installation,
) -> None:
    home = installation.stack.home
    assert home.api_key.stat().st_mode & 0o777 == 0o600
    shown = subprocess.check_output(
        [sys.executable, "-m", "recsys", "serve", "--url"],
        env=os.environ | {"RECSYS_HOME": str(home.root), "PYTHONPATH": str(REPOSITORY)},
        text=True,
    )
    assert shown == f"{home.url('api')}\n"
    headers = {"Authorization": f"Bearer {home.api_key.read_text().strip()}"}
    user_id = installation.ask("SELECT min(user_id) FROM recommendations")[0]
    path = f"{shown.strip()}/v1/users/{user_id}/recommendations"
    answer = httpx.get(path, headers=headers, trust_env=False, timeout=30)
    assert answer.status_code == 200 and len(answer.json()["items"]) == 10
    assert httpx.get(path, trust_env=False).status_code == 401


def browser(installation: Installation, token: str = "") -> httpx.Client:
    """A browser at Airflow's address, signed in with a token as its login form leaves it."""
    cookies = {"_token": token} if token else {}
    url = f"{installation.stack.home.url('airflow')}/"
    return httpx.Client(base_url=url, cookies=cookies, trust_env=False, timeout=30)


def token_of(installation: Installation) -> str:
    login = {"username": ADMIN, "password": installation.stack.home.secret("airflow_admin")}
    with browser(installation) as anybody:
        return anybody.post("auth/token", json=login).json()["access_token"]


def viewers_token(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> str:
    """A login of a user who may look, as this Airflow signs it."""
    from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    secret = installation.stack.home.secret("airflow_jwt")
    monkeypatch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", secret)
    # Airflow makes one signer a process, and another test may have had it made
    signer: Any = SimpleAuthManager._get_token_signer
    signer.cache_clear()
    try:
        user = SimpleAuthManagerUser(username="eve", role="viewer")
        return SimpleAuthManager().generate_jwt(user)
    finally:
        signer.cache_clear()


def csrf_of(page: httpx.Response) -> str:
    token = re.search(r'name="csrf" value="(\w+)"', page.text)
    assert token, page.text
    return token[1]


def test_nobody_opens_the_pages_without_airflows_login(installation: Installation) -> None:
    with browser(installation) as anybody:
        for path in ("", "weeks", "users/1", "operations", "static/style.css", "openapi.json"):
            assert anybody.get(f"recsys/{path}").status_code in (401, 403), path
        assert anybody.post(f"{OPERATIONS}/roll-back").status_code in (401, 403)


def test_the_navigations_entry_opens_what_was_published(installation: Installation) -> None:
    live = installation.ask(
        "SELECT user_id, title FROM recommendations JOIN catalogue USING (movie_id) WHERE rank = 1 "
        "ORDER BY user_id LIMIT 1"
    )
    with browser(installation, token_of(installation)) as page:
        plugins = page.get("api/v2/plugins").json()["plugins"]
        (entry,) = [view for plugin in plugins for view in plugin["external_views"]]
        address = urljoin(str(page.base_url), entry["href"])
        home = page.get(address)
        assert home.status_code == 200 and "In most lists this week" in home.text
        for path in (f"users/{live.user_id}", "weeks", f"weeks/{installation.week}", "models"):
            assert page.get(address + path).status_code == 200, path
        name = live.title.partition(" (")[0].removesuffix(", The").removesuffix(", A")
        assert name in page.get(f"{address}users/{live.user_id}").text
        assert page.get(f"{address}static/style.css").status_code == 200


@pytest.mark.filterwarnings("ignore:The HMAC key is")  # 192 random bits, which do
def test_a_champion_is_approved_on_the_pages_in_airflow_by_who_may(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id, question = installation.run_until_asked(force_decision=True)
    answer = {"run_id": run_id, "answer": "Approve", "reason": "well done", "confirmed": "yes"}
    viewer = viewers_token(installation, monkeypatch)
    with browser(installation, viewer) as page:
        assert page.get("recsys/").status_code == 200
        assert page.get(OPERATIONS).status_code == 403
        assert page.post(f"{OPERATIONS}/approve", data=answer).status_code == 403
    with browser(installation, token_of(installation)) as page:
        shown = page.get(OPERATIONS)
        assert question["subject"] in shown.text
        assert page.post(f"{OPERATIONS}/approve", data=answer).status_code == 403, "no token"
        assert installation.api.open_questions(run_id)
        done = page.post(f"{OPERATIONS}/approve", data=answer | {"csrf": csrf_of(shown)})
        assert done.status_code == 200 and "approved: " in done.text, text_of(done)
        again = page.post(f"{OPERATIONS}/approve", data=answer | {"csrf": csrf_of(shown)})
        assert again.status_code == 422 and "waits no more" in again.text
    installation.wait_for_success(run_id)
    assert by_whom(installation, run_id) == ("approved", f"{ADMIN}: well done")


def test_a_champion_is_rejected_on_the_pages_beside_the_api(
    installation: Installation, settings: Settings, key: str
) -> None:
    run_id, _ = installation.run_until_asked(force_decision=True)
    answer = {"run_id": run_id, "answer": "Reject", "reason": "too soon", "confirmed": "yes"}
    done = send(settings, key, "/operations/approve", answer, at="/operations")
    assert done.status_code == 200 and "rejected: " in done.text, text_of(done)
    installation.wait_for_success(run_id)
    approval, approved_by = by_whom(installation, run_id)
    assert approval == "rejected"
    assert re.fullmatch(rf"{ADMIN} for key \d+ \(admin\): too soon", approved_by)


def by_whom(installation: Installation, run_id: str) -> tuple[str, str]:
    decision = "SELECT approval, approved_by FROM promotions WHERE run_id = %s"
    return tuple(until(lambda: installation.ask(decision, run_id)))


def test_a_movie_is_withdrawn_on_the_pages_in_airflow(installation: Installation) -> None:
    movie_id = installation.ask("SELECT min(movie_id) FROM recommendations")[0]
    form = {"movie_id": movie_id, "now": "yes", "reason": "rights", "confirmed": "yes"}
    with browser(installation, token_of(installation)) as page:
        form["csrf"] = csrf_of(page.get(OPERATIONS))
        done = page.post(f"{OPERATIONS}/withdraw", data=form)
    assert done.status_code == 200 and "is withdrawn" in done.text, text_of(done)
    shown = "SELECT count(*) FROM recommendations WHERE movie_id = %s"
    assert installation.ask(shown, movie_id) == (0,)
    assert installation.ask("SELECT requested_by FROM withdrawals")[0] == ADMIN
