"""The question whether a new champion is approved, which waits in Airflow: shown and answered there
by its public REST API, so that a run goes on as after an answer in its own pages.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

import httpx
from fastapi import HTTPException, Request

from recsys.errors import RequestError
from recsys.limits import check_reason
from recsys.serving.airflow_runs import DAG_ID, AirflowRuns, detail_of
from recsys.serving.pages.operator import Act
from recsys.settings import Settings

__all__ = ["AirflowAway", "LoginAirflow", "Question", "SignedIn", "answer_question", "questions"]

TASK_ID = "ask_approval"
ANSWERS = ("Approve", "Reject")


class AirflowAway(Exception):
    """Airflow cannot be asked now; the text says why."""


class SignedIn(Protocol):
    """Airflow's REST API, with somebody's right to it."""

    #: Whether it is the visitor's own right: Airflow's record of an answer names them then.
    is_visitors: bool

    def client(self, request: Request, /) -> AbstractAsyncContextManager[httpx.AsyncClient]:
        """Return a client for one request to the pages. Raises HTTPException or httpx.HTTPError."""
        ...


class LoginAirflow:
    """Airflow at the address of the settings, with the service's login."""

    is_visitors = False

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def client(self, _request: Request) -> AbstractAsyncContextManager[httpx.AsyncClient]:
        """Return a client that is signed in."""
        return AirflowRuns(self.settings).signed_in()


@dataclass(frozen=True)
class Question:
    """A new champion that waits for an answer; `body` is Markdown."""

    run_id: str
    subject: str
    body: str

    @classmethod
    def of(cls, detail: Mapping[str, Any]) -> "Question":
        """Return what Airflow's API says of it."""
        return cls(detail["task_instance"]["dag_run_id"], detail["subject"], detail["body"] or "")


async def questions(airflow: SignedIn, request: Request) -> list[Question]:
    """Return the questions that wait. Raises AirflowAway."""
    # only of tasks whose process has ended: Airflow loses an answer that comes before that
    waiting = {"response_received": False, "state": "awaiting_input", "task_id": TASK_ID}
    path = f"/api/v2/dags/{DAG_ID}/dagRuns/~/hitlDetails"
    response = await _call(airflow, request, "GET", path, params=waiting)
    if response.is_error:
        raise AirflowAway(f"Airflow answered {response.status_code}: {detail_of(response)}")
    return [Question.of(detail) for detail in response.json()["hitl_details"]]


async def answer_question(
    airflow: SignedIn, request: Request, run_id: str, option: str, act: Act
) -> str:
    """Answer the question of a run; return what was done. Raises RequestError where there is none,
    or Airflow refuses the answer, and AirflowAway.
    """
    if option not in ANSWERS:
        raise RequestError(f"the answer is none; expected one of {' and '.join(ANSWERS)}")
    note = {"reason": check_reason(act.reason)}
    if not airflow.is_visitors:
        note["for"] = act.requested_by
    waiting = {each.run_id: each for each in await questions(airflow, request)}
    if run_id not in waiting:
        raise RequestError("this question waits no more: it was answered, or its time is over")
    path = (
        f"/api/v2/dags/{DAG_ID}/dagRuns/{quote(run_id, safe='')}"
        f"/taskInstances/{TASK_ID}/-1/hitlDetails"
    )
    body = {"chosen_options": [option], "params_input": note}
    response = await _call(airflow, request, "PATCH", path, json=body)
    if response.is_error:
        raise RequestError(f"Airflow refuses the answer: {detail_of(response)}")
    done = "approved" if option == "Approve" else "rejected"
    return f"{done}: {waiting[run_id].subject}. The run goes on with that"


async def _call(
    airflow: SignedIn, request: Request, method: str, path: str, **options: Any
) -> httpx.Response:
    try:
        async with airflow.client(request) as client:
            return await client.request(method, path, **options)
    except HTTPException as error:
        raise AirflowAway(error.detail) from error
    except httpx.HTTPError as error:
        raise AirflowAway(f"Airflow does not answer ({type(error).__name__})") from error
