"""The page of operations. Who may do it is asked again with each form, and each is confirmed and
has a reason, which the ledger keeps.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date

from fastapi import HTTPException, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from recsys.errors import RecsysError, RequestError
from recsys.serving.pages.approvals import AirflowAway, Question, answer_question, questions
from recsys.serving.pages.asking import MOST_ID, ask, ask_one, live_publication
from recsys.serving.pages.operator import Act, NewExperiment, Operator
from recsys.serving.pages.rendering import render

__all__ = ["ACTIONS", "operations"]

#: Changes of what is live that the page shows.
HISTORY = 15


@dataclass(frozen=True)
class Waiting:
    """Questions that wait for an answer, or why they cannot be seen here."""

    questions: Sequence[Question] = ()
    absence: str = ""


async def operations(request: Request) -> Response:
    """Show what can be done, and what was."""
    if not request.state.visitor.is_operator:
        raise HTTPException(403, "Operations are for admins.")
    return await _page(request)


async def _page(
    request: Request, status: int = 200, *, outcome: str = "", problem: str = ""
) -> Response:
    return render(
        request,
        "operations.html.jinja",
        status,
        live=await live_publication(request),
        choices=await ask(request, "operations", "choices"),
        withdrawn=await ask(request, "operations", "withdrawn"),
        history=await ask(request, "operations", "history", n=HISTORY),
        recipes=await ask(request, "operations", "challengers"),
        newest=await ask_one(request, "operations", "newest_week"),
        can_operate=request.app.state.means.operator is not None,
        waiting=await _waiting(request),
        outcome=outcome,
        problem=problem,
    )


async def _waiting(request: Request) -> Waiting:
    airflow = request.app.state.means.airflow
    if airflow is None:
        return Waiting(absence="no address of Airflow is set (RECSYS_AIRFLOW_URL)")
    try:
        return Waiting(await questions(airflow, request))
    except AirflowAway as error:
        return Waiting(absence=str(error))


Operation = Callable[[Request, FormData, Act], Awaitable[str]]


def confirmed(operation: Operation) -> Callable[[Request, FormData], Awaitable[Response]]:
    """Return an action that runs an operation for who may operate, once it is confirmed."""

    async def act(request: Request, form: FormData) -> Response:
        visitor = request.state.visitor
        if not await request.app.state.access.is_operator(request, visitor):
            raise HTTPException(403, "Operations are for admins.")
        try:
            outcome = await operation(request, form, _act(form, visitor.name))
        except RecsysError as error:
            return await _page(request, 422, problem=str(error))
        return await _page(request, outcome=outcome)

    return act


def _operator(request: Request) -> Operator:
    operator = request.app.state.means.operator
    if operator is None:
        raise RequestError("operations are not set up here: RECSYS_OPERATOR_DATABASE_URL is empty")
    return operator


def _act(form: FormData, name: str) -> Act:
    if form.get("confirmed") != "yes":
        raise RequestError("nothing was changed: tick the box that says that you mean it")
    return Act(str(form.get("reason", ""))[:1_000], name)


def _id(form: FormData, name: str) -> int:
    text = str(form.get(name, "")).strip()
    if not (text.isascii() and text.isdigit() and int(text) <= MOST_ID):
        raise RequestError(f"{name} is no number; expected one such as 318")
    return int(text)


async def roll_back(request: Request, form: FormData, act: Act) -> str:
    """Make another publication live."""
    return await _operator(request).roll_back(_id(form, "publication_id"), act)


async def withdraw(request: Request, form: FormData, act: Act) -> str:
    """Withdraw a movie, at once if the form says so."""
    return await _operator(request).withdraw(
        _id(form, "movie_id"), act, now=form.get("now") == "yes"
    )


async def undo_withdrawal(request: Request, form: FormData, act: Act) -> str:
    """Let a movie be recommended again."""
    return await _operator(request).undo_withdrawal(_id(form, "movie_id"), act)


async def begin_experiment(request: Request, form: FormData, act: Act) -> str:
    """Begin an experiment with the newest week."""
    newest = await ask_one(request, "operations", "newest_week")
    if newest is None or newest.as_of is None:
        raise RequestError("no week has run yet; expected one that the experiment begins with")
    recipes = await ask(request, "operations", "challengers")
    by_key = {row.recipe_key: row.recipe for row in recipes}
    key = str(form.get("recipe", ""))
    if key not in by_key:
        raise RequestError("the challenger is no recipe that was fitted; expected one of the list")
    return await _operator(request).begin_experiment(
        newest.as_of,
        NewExperiment(
            str(form.get("name", "")).strip(),
            json.loads(by_key[key]),
            _share(form),
            _day(form, "last_as_of"),
        ),
        act,
    )


async def approve(request: Request, form: FormData, act: Act) -> str:
    """Approve or reject a new champion."""
    run_id, option = str(form.get("run_id", "")), str(form.get("answer", ""))
    airflow = request.app.state.means.airflow
    if airflow is None:
        raise RequestError("questions are not answered here: RECSYS_AIRFLOW_URL is empty")
    try:
        return await answer_question(airflow, request, run_id, option, act)
    except AirflowAway as error:
        raise RequestError(f"nothing was answered: {error}") from error


def _share(form: FormData) -> float:
    try:
        return float(str(form.get("share", ""))) / 100
    except ValueError:
        raise RequestError("the share is no number; expected percent, such as 10") from None


def _day(form: FormData, name: str) -> date:
    try:
        return date.fromisoformat(str(form.get(name, "")))
    except ValueError:
        raise RequestError("the last week is no date; expected one such as 2018-12-10") from None


ACTIONS = {
    "/operations/roll-back": confirmed(roll_back),
    "/operations/withdraw": confirmed(withdraw),
    "/operations/undo-withdrawal": confirmed(undo_withdrawal),
    "/operations/experiment": confirmed(begin_experiment),
    "/operations/approve": confirmed(approve),
}
