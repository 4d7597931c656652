"""Runs of the weekly DAG, started through Airflow's public REST API."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from recsys.serving.problems import Problem
from recsys.settings import Settings

__all__ = ["DAG_ID", "AirflowRuns", "WeeklyRun", "detail_of"]

DAG_ID = "weekly_recommendations"
#: Seconds that Airflow has for one answer.
PATIENCE = 20.0
RETRY_AFTER = {"Retry-After": "30"}


@dataclass(frozen=True)
class WeeklyRun:
    """A run that was started: Airflow's name of it, and how far it is."""

    dag_id: str
    run_id: str
    state: str


class AirflowRuns:
    """Airflow at the address of the settings, with the login that they give."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    async def start(self, conf: dict[str, Any]) -> WeeklyRun:
        """Start a run with such Params. Raises a 422 where Airflow refuses them, a 503 where it is
        away or refuses us.
        """
        async with self.signed_in() as client:
            answer = await client.post(
                f"/api/v2/dags/{DAG_ID}/dagRuns", json={"logical_date": None, "conf": conf}
            )
        if answer.status_code in (400, 422):
            raise Problem(422, f"Airflow refuses the run: {detail_of(answer)}")
        if answer.is_error:
            raise Problem(503, f"Airflow answered with {answer.status_code}", headers=RETRY_AFTER)
        return WeeklyRun(*(member_of(answer, name) for name in ("dag_id", "dag_run_id", "state")))

    @asynccontextmanager
    async def signed_in(self) -> AsyncIterator[httpx.AsyncClient]:
        """Yield a client of Airflow that is signed in. Raises a 503 where Airflow is away, also
        while the client is used, or refuses us.
        """
        url = self.settings.airflow_url.rstrip("/")
        if not url:
            raise Problem(503, "Airflow cannot be asked from here: RECSYS_AIRFLOW_URL is empty")
        try:
            # no proxy of the environment, which would get the login
            async with httpx.AsyncClient(base_url=url, timeout=PATIENCE, trust_env=False) as client:
                client.headers["Authorization"] = f"Bearer {await self.token(client)}"
                yield client
        except httpx.HTTPError as error:
            raise Problem(
                503, "Airflow does not answer: try again soon", headers=RETRY_AFTER
            ) from error

    async def token(self, client: httpx.AsyncClient) -> str:
        """Return a token for the login. Raises a 503 where Airflow refuses it."""
        password = self.settings.airflow_password
        login = {
            "username": self.settings.airflow_user,
            "password": password.get_secret_value() if password else "",
        }
        answer = await client.post("/auth/token", json=login)
        if answer.is_error:
            raise Problem(
                503,
                f"Airflow refuses the API's login with {answer.status_code}: expected "
                "RECSYS_AIRFLOW_USER and RECSYS_AIRFLOW_PASSWORD to be one of its users",
            )
        return member_of(answer, "access_token")


def member_of(answer: httpx.Response, name: str) -> str:
    """Return a value of an answer. Raises a 503 where it has none: then it is not Airflow's."""
    try:
        return str(answer.json()[name])
    except (ValueError, KeyError, TypeError) as error:
        raise Problem(
            503, f"what answers at RECSYS_AIRFLOW_URL is no Airflow: expected {name} in its answer"
        ) from error


def detail_of(answer: httpx.Response) -> str:
    """Return what Airflow says is wrong, in short."""
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return "it does not say why"
    return str(detail)[:500]
