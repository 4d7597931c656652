"""Every error is a problem in JSON that says nothing of what is inside."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import Request
from pydantic import SecretStr

from recsys.serving.app import create_app
from recsys.serving.gate import MOST_BODY
from recsys.settings import Settings
from tests.serving.conftest import Api, Keys


def assert_problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status and problem["title"] and problem["detail"]
    return problem


def test_an_unknown_address_and_method_are_problems(api: Api) -> None:
    assert_problem(api.get("/nowhere"), 404)
    assert_problem(api.get("/healthz/"), 404)
    assert_problem(api.post("/healthz"), 405)


def test_a_failure_says_nothing_of_what_is_inside(settings: Settings) -> None:
    app = create_app(settings)

    @app.get("/fails")
    async def fails() -> None:
        raise ValueError("the secret password")

    @app.post("/reads")
    async def reads(request: Request) -> int:
        return len(await request.body())

    async def ask() -> None:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            problem = assert_problem(await client.get("/fails"), 500)
            assert "password" not in str(problem)
            assert_problem(await client.post("/reads", content=b"x" * (MOST_BODY + 1)), 413)
            assert_problem(await client.post("/reads", content=parts(MOST_BODY + 1)), 413)
            assert (await client.post("/reads", content=b"x" * MOST_BODY)).json() == MOST_BODY

    asyncio.run(ask())


async def parts(n_bytes: int) -> AsyncIterator[bytes]:
    """A body that does not say beforehand how long it is."""
    for start in range(0, n_bytes, 65_536):
        yield b"x" * min(65_536, n_bytes - start)


@pytest.mark.parametrize("change", ["password", "port"])
def test_without_postgres_it_is_alive_and_not_ready(
    settings: Settings, keys: Keys, change: str
) -> None:
    url = settings.api_database_url.get_secret_value()
    user, rest = url.split("@")
    wrong = f"{user}x@{rest}" if change == "password" else f"{user}@127.0.0.1:1/recsys"
    api = Api(settings.model_copy(update={"api_database_url": SecretStr(wrong)}), keys.read)
    assert api.get("/healthz").status_code == 200
    answer = api.get("/readyz")
    assert_problem(answer, 503)
    assert answer.headers["retry-after"] == "5"


def test_a_database_without_a_live_publication_is_not_ready(api: Api, conn: Any) -> None:
    conn.execute("UPDATE publications SET is_live = false")
    conn.execute("TRUNCATE live_history")
    problem = assert_problem(api.get("/readyz"), 503)
    assert "no publication is live" in problem["detail"]


def test_what_was_sent_is_not_repeated(still_api: Api) -> None:
    answer = still_api.get("/v1/users/zebra/recommendations?n=zebra")
    assert "zebra" not in str(assert_problem(answer, 422)["errors"])
    body = {"ratings": [{"movie_id": "zebra", "rating": 4}]}
    answer = still_api.post("/v1/recommendations:for-ratings", json=body)
    assert "zebra" not in str(assert_problem(answer, 422)["errors"])


def test_nothing_is_kept_by_whoever_passes_it_on(still_api: Api) -> None:
    for path in ("/readyz", "/nowhere", "/v1/movies?q=the"):
        headers = still_api.get(path).headers
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"


def test_the_log_says_that_the_database_refused_a_value(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    assert_problem(api.get("/v1/users/1/recommendations?genre=a%00b"), 422)
    assert "the database refuses a value: CharacterNotInRepertoireError" in caplog.text
    assert "a\0b" not in caplog.text
