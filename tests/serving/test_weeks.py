"""POST /v1/weeks: a run of the weekly DAG, by Airflow's API. That it starts one is seen in
tests/e2e/test_serving_with_airflow.py.
"""

import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from pydantic import SecretStr

from recsys.settings import Settings
from tests.serving.conftest import Api, Keys, new_key
from tests.serving.test_problems import assert_problem

PATH = "/v1/weeks"


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def with_airflow(settings: Settings, url: str, key: str) -> Api:
    update = {"airflow_url": url, "airflow_user": "ada", "airflow_password": SecretStr("secret")}
    return Api(settings.model_copy(update=update), key)


def test_without_an_address_of_airflow_it_says_so(api: Api, keys: Keys) -> None:
    problem = assert_problem(api.post(PATH, key=keys.admin, json={}), 503)
    assert "RECSYS_AIRFLOW_URL" in problem["detail"]


def test_airflow_away_is_a_problem_that_names_no_secret(settings: Settings, keys: Keys) -> None:
    away = with_airflow(settings, "http://127.0.0.1:1", keys.admin)
    answer = away.post(PATH, json={"as_of": "2018-09-24"})
    assert_problem(answer, 503)
    assert answer.headers["retry-after"]
    assert "secret" not in answer.text and "127.0.0.1" not in answer.text


def test_airflow_that_never_answers_is_given_up(
    settings: Settings, keys: Keys, silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recsys.serving.airflow_runs.PATIENCE", 0.2)
    silent = with_airflow(settings, f"http://127.0.0.1:{silent_port}", keys.admin)
    assert_problem(silent.post(PATH, json={}), 503)


class NoAirflow(BaseHTTPRequestHandler):
    """A server that answers everything with a page."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>Welcome</html>")

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Say nothing."""


def test_what_is_no_airflow_is_a_problem(settings: Settings, keys: Keys) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), NoAirflow) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        other = with_airflow(settings, f"http://127.0.0.1:{server.server_port}", keys.admin)
        problem = assert_problem(other.post(PATH, json={}), 503)
        server.shutdown()
    assert "access_token" in problem["detail"] and "Welcome" not in problem["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {"as_of": "yesterday"},
        {"as_of": 0},
        {"top_n": 0},
        {"top_n": 1_001},
        {"recipes": []},
        {"recipes": ["a\0"]},
        {"challenger": "als"},
        [],
    ],
)
def test_a_week_out_of_bounds_is_refused(api: Api, keys: Keys, body: object) -> None:
    assert_problem(api.post(PATH, key=keys.admin, json=body), 422)


def test_only_admins_run_weeks(api: Api, conn, keys: Keys) -> None:
    for key in (keys.read, keys.predict, keys.write):
        assert_problem(api.post(PATH, key=key, json={}), 403)
    assert_problem(api.post(PATH, key="", json={}), 401)
    assert_problem(api.post(PATH, key=new_key(conn, "admin", user_id=1), json={}), 403)
