"""The hook and the operators: what reaches recsys.steps, what a person is asked, and what is not
tried again.
"""

from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from inspect import signature
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import psycopg
import pytest

from recsys.costs import Cost, worked_on
from recsys.db.connect import Connection
from recsys.errors import (
    DriftError,
    DropError,
    LedgerError,
    ModelError,
    NothingToRecommend,
    PublicationError,
    RequestError,
    UnreachableError,
)
from recsys.promotion.approval import UNASKED, Approval, Proposal
from recsys.recipe import Recipe
from recsys.request import Run, RunRequest
from recsys.settings import Settings
from recsys.steps import STEPS, function_of
from recsys.week import WeekPlan, WeekRun
from recsys.work import Work
from tests import airflow_home  # noqa: F401 - chooses Airflow's home

ALS = Recipe("als", (("factors", 64),))
WEEK = WeekPlan(date(2018, 9, 24), 7, (ALS,), 10, 1, 4.0, 1_000, 5, 180.0)
WEEK_JSON = WeekRun(WEEK, Run(require_approval=True, run_id="manual__1")).to_json()
APPROVED = Approval("approved", "Ada", proposal_id=7)
PARAMS = {
    "as_of": None,
    "recipes": None,
    "top_n": None,
    "challenger": None,
    "challenger_share": 0.0,
    "challenger_weeks": 4,
    "force_decision": False,
    "require_approval": None,
}


class Calls(list[tuple[str, Any, dict[str, Any]]]):
    """What reached the steps: name, settings, and arguments by name. A step answers with its name,
    with the week, or as `answers` says.
    """

    answers: dict[str, Any]
    run: Run
    """Of the newest call."""


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    calls = Calls()
    calls.answers = {"resolve_week": lambda **_: WEEK, "find_week": lambda **_: WEEK}
    calls.answers["list_recipes"] = lambda week: list(week.recipes)

    def function_of(name: str) -> Any:
        def step(work: Any, **arguments: Any) -> Any:
            calls.append((name, work.settings, arguments))
            calls.run = work.run
            return calls.answers.get(name, lambda **_: name)(**arguments)

        return step

    def open_work(settings: Settings, run: Run) -> Any:
        return nullcontext(Work(settings, Mock(spec=Connection), run))

    monkeypatch.setattr("recsys.step_call.function_of", function_of)
    monkeypatch.setattr("recsys.step_call.open_work", open_work)
    monkeypatch.setattr("recsys.step_call.keep_cost", lambda *_, **__: None)
    monkeypatch.setenv(
        "AIRFLOW_CONN_RECSYS_DB",
        "postgres://pipeline:p%40ss%2Fword@db.example:5433/recsys?sslmode=require",
    )
    return calls


def run(name: str, context: Any = None, **kwargs: Any) -> Any:
    from recsys_airflow import operators

    kind = getattr(operators, name)
    if issubclass(kind, operators.WeekOperator):
        kwargs["week"] = WEEK_JSON
    operator = kind(task_id=name, execution_timeout=timedelta(minutes=7), **kwargs)
    return operator.execute(context or {})


def test_settings_come_from_the_connection_and_the_tasks_timeout(calls) -> None:
    from psycopg.conninfo import conninfo_to_dict

    run("RefreshViews")
    settings = calls[0][1]
    assert settings.statement_timeout == timedelta(minutes=7)
    assert conninfo_to_dict(settings.database_url.get_secret_value()) == {
        "user": "pipeline",
        "password": "p@ss/word",
        "host": "db.example",
        "port": "5433",
        "dbname": "recsys",
        "sslmode": "require",
    }


DECIDED = {"promotion_id": 12, "challenger_version": "5"}
REPORTED = {"promotion_id": 12, "publication_id": 9}


ANSWERED = {"approval": APPROVED.to_json()}


@pytest.mark.parametrize(
    ("name", "kwargs", "arguments"),
    [
        ("IngestDrops", {}, {}),
        ("TrainModel", {"recipe": ALS.to_json()}, {"recipe": ALS}),
        ("JudgePublication", {}, {}),
        ("ExamineModels", {}, {}),
        ("WatchDrift", {}, {}),
        ("ProposeChampion", {}, {}),
        ("RefitWinner", ANSWERED, {"approval": APPROVED}),
        ("RefitWinner", {"approval": UNASKED.to_json()}, {"approval": UNASKED}),
        ("RefitChallenger", {}, {}),
        (
            "PromoteChampion",
            ANSWERED | {"model_version": "3"},
            {"approval": APPROVED, "model_version": "3"},
        ),
        ("ScoreUsers", DECIDED | {"shard": 1}, DECIDED | {"shard": 1}),
        (
            "ScoreUsers",
            DECIDED | {"challenger_version": "", "shard": 1},
            DECIDED | {"challenger_version": None, "shard": 1},
        ),
        (
            "PublishRecommendations",
            DECIDED | {"challenger_version": ""},
            DECIDED | {"challenger_version": None},
        ),
        ("PublishRecommendations", DECIDED, DECIDED),
        ("ReportWeek", REPORTED | {"notes": ["", "no imdb"]}, REPORTED | {"notes": ["no imdb"]}),
        ("ListRecipes", {}, {}),
        ("ListShards", {}, {}),
        ("TuneRecipe", {"recipe": "als", "n_trials": "30"}, {"name": "als", "n_trials": 30}),
    ],
)
def test_an_operator_is_one_call(
    calls, name: str, kwargs: dict[str, Any], arguments: dict[str, Any]
) -> None:
    from recsys_airflow import operators

    step = getattr(operators, name).step
    returned = run(name, **kwargs)
    assert [(call[0], call[2]) for call in calls] == [(step, {"week": WEEK, **arguments})]
    assert returned == ([ALS.to_json()] if name == "ListRecipes" else step)


def test_a_step_command_takes_the_step_elsewhere(calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSYS_STEP_COMMAND", "/opt/recsys/bin/recsys")
    monkeypatch.setattr(
        "recsys_airflow.step_process.StepProcess.call",
        lambda _self, settings, name, inputs: [settings.step_command, name, inputs],
    )
    expected = ["/opt/recsys/bin/recsys", "ingest_drops", {"week": WEEK_JSON}]
    assert run("IngestDrops") == expected
    assert not calls


def test_a_killed_task_stops_its_step(monkeypatch: pytest.MonkeyPatch) -> None:
    from recsys_airflow.operators import IngestDrops

    stopped: list[Any] = []
    monkeypatch.setattr(
        "recsys_airflow.step_process.StepProcess.stop",
        lambda self: stopped.append(self),  # noqa: PLW0108 - a method of a list takes no self
    )
    IngestDrops(task_id="ingest_drops", week=WEEK_JSON).on_kill()
    assert len(stopped) == 1


def test_steps_that_ask_for_no_week_get_none(calls) -> None:
    run("RefreshViews")
    run("CheckFacts", check="ratings_in_range")
    assert [(call[0], call[2]) for call in calls] == [
        ("refresh_views", {}),
        ("check_facts", {"check": "ratings_in_range"}),
    ]


@pytest.mark.parametrize("step", [step.name for step in STEPS if not step.is_answered])
def test_a_step_takes_what_its_operator_passes(step: str) -> None:
    """The names of the parameters are the contract between a step and its operator."""
    from recsys_airflow import operators

    kinds = [kind for kind in vars(operators).values() if getattr(kind, "step", None) == step]
    assert len(kinds) == 1, f"step {step}: expected one operator class, found {kinds}"
    passed = {"check"} if step == "check_facts" else set(kinds[0].template_fields)
    passed = {"request"} if step in ("collect_feedback", "resolve_week") else passed
    passed -= {"week"} if "resolve_week" not in function_needs(step) else set()
    work, *parameters = signature(function_of(step)).parameters.values()
    assert work.name == "work"
    assert passed <= {parameter.name for parameter in parameters}
    needed = {parameter.name for parameter in parameters if parameter.default is parameter.empty}
    assert needed <= passed


def function_needs(name: str) -> tuple[str, ...]:
    return next(step.needs for step in STEPS if step.name == name)


def test_resolve_week_passes_on_what_the_run_wants(calls) -> None:
    by_hand: dict[str, Any] = {"run_id": "manual__1", "run_kind": "manual", "started_by": "Ada"}
    run_of = SimpleNamespace(
        run_type="manual", data_interval_end=None, run_id="manual__1", triggering_user_name="Ada"
    )
    wishes: dict[str, Any] = {
        "recipes": ["als"],
        "top_n": 20,
        "challenger": "ease",
        "challenger_share": 0.1,
        "challenger_weeks": 2,
        "require_approval": True,
    }
    # a run's conf may name more than the form does; it is not passed on
    params = {**wishes, "as_of": "2018-09-24", "force_decision": True, "note": "a person's own"}
    resolved = WeekRun.from_json(run("ResolveWeek", {"dag_run": run_of, "params": params}))
    assert resolved == WeekRun(WEEK, Run(force=True, require_approval=True, run_id="manual__1"))
    run("ResolveWeek", {"dag_run": run_of, "params": PARAMS})
    week_end = datetime(2018, 9, 17, tzinfo=UTC)
    run_of = SimpleNamespace(
        run_type="scheduled",
        data_interval_end=week_end,
        run_id="scheduled__1",
        triggering_user_name=None,
    )
    run("ResolveWeek", {"dag_run": run_of, "params": PARAMS})
    usual: dict[str, Any] = {name: PARAMS[name] for name in wishes} | {"force": False}
    by_schedule: dict[str, Any] = {
        "run_id": "scheduled__1",
        "run_kind": "scheduled",
        "started_by": None,
    }
    assert [call[2]["request"] for call in calls] == [
        RunRequest(**wishes, as_of=date(2018, 9, 24), force=True, **by_hand),
        RunRequest(**usual, as_of=None, **by_hand),
        RunRequest(**usual, as_of=date(2018, 9, 17), **by_schedule),
    ]


def test_a_rollback_passes_on_who_asked_for_what_and_why(calls) -> None:
    for user, known_as in (("Ada", "Ada"), (None, "somebody unnamed")):
        run_of = SimpleNamespace(run_id="manual__2", triggering_user_name=user)
        context = {
            "dag_run": run_of,
            "params": {"publication_id": None, "reason": "too much horror"},
        }
        assert run("RollbackPublication", context) == "rollback_publication"
        arguments = {
            "publication_id": None,
            "reason": "too much horror",
            "requested_by": known_as,
        }
        assert (calls[-1][0], calls[-1][2]) == ("rollback_publication", arguments)
        assert calls.run == Run(run_id="manual__2")


def test_a_rollback_to_what_is_not_there_is_not_tried_again(
    calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    def fail(**_: Any) -> None:
        raise PublicationError("no publication 7 with its rows in place: found 1 (week 2018-09-17)")

    calls.answers["rollback_publication"] = fail
    run_of = SimpleNamespace(run_id="manual__2", triggering_user_name="Ada")
    with pytest.raises(AirflowFailException, match="no publication 7"):
        run(
            "RollbackPublication",
            {"dag_run": run_of, "params": {"publication_id": 7, "reason": "too much horror"}},
        )


@pytest.fixture
def shown(calls, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What Airflow is asked to show to people."""
    shown: list[dict[str, Any]] = []
    monkeypatch.setattr(
        "airflow.providers.standard.operators.hitl.upsert_hitl_detail",
        lambda **question: shown.append(question),
    )
    return shown


def ask(*, needs_approval: bool = True) -> tuple[Any, Any]:
    """The operator, and the context of its task instance."""
    from recsys_airflow.operators import AskApproval

    proposal = Proposal(needs_approval, "Week 2018-09-24: promoted, als", "| recipe | NDCG@10 |", 7)
    asking = AskApproval(
        task_id="ask_approval",
        proposal=proposal.to_json(),
        execution_timeout=timedelta(minutes=7),
    )
    task = SimpleNamespace(
        id="0199",
        dag_id="weekly_recommendations",
        run_id="manual__1",
        task_id="ask_approval",
        map_index=-1,
    )
    return asking, {"task": asking, "task_instance": task, "ti": task}


def test_nobody_is_asked_where_nobody_need_be(shown) -> None:
    asking, context = ask(needs_approval=False)
    answer = asking.execute(context)
    assert Approval.from_json(answer) == UNASKED
    assert answer["proposal_id"] == 7
    assert not shown


def test_a_question_shows_the_proposal_tells_of_itself_and_waits(
    shown, monkeypatch: pytest.MonkeyPatch, logged
) -> None:
    from airflow.sdk.exceptions import TaskAwaitingInput

    monkeypatch.setenv("RECSYS_APPROVAL_HOURS", "1.5")
    asking, context = ask()
    with pytest.raises(TaskAwaitingInput):
        asking.execute(context)
    with pytest.raises(TaskAwaitingInput) as waiting:  # a task that was cleared asks again
        asking.execute(context)
    assert (waiting.value.timeout, waiting.value.method_name) == (
        timedelta(hours=1.5),
        "execute_complete",
    )
    assert asking.execution_timeout == timedelta(minutes=7)
    assert len(shown) == 2 and shown[0] == shown[1]
    assert (shown[0]["subject"], shown[0]["body"]) == (
        "Week 2018-09-24: promoted, als",
        "| recipe | NDCG@10 |",
    )
    assert (shown[0]["options"], shown[0]["defaults"]) == (["Approve", "Reject"], ["Reject"])
    assert "Week 2018-09-24: promoted, als?" in logged.text
    assert (
        "/runs/manual__1/tasks/ask_approval/required_actions" in logged.text
        and "1.5 hours" in logged.text
    )


def test_a_setting_that_does_not_validate_fails_the_question_in_a_sentence(
    shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    monkeypatch.setenv("RECSYS_APPROVAL_HOURS", "soon")
    asking, context = ask()
    with pytest.raises(AirflowFailException, match="RECSYS_APPROVAL_HOURS: Input should be"):
        asking.execute(context)
    assert not shown


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            {"chosen_options": ["Approve"], "responded_by_user": {"id": "7", "name": "Ada"}},
            Approval("approved", "Ada"),
        ),
        (
            {"chosen_options": ["Reject"], "responded_by_user": {"id": "7", "name": "Ada"}},
            Approval("rejected", "Ada"),
        ),
        (
            {"chosen_options": ["Reject"], "responded_by_user": None, "timedout": True},
            Approval("timed out"),
        ),
    ],
)
def test_an_answer_reaches_the_ledger_as_it_was_given(
    calls, event: dict[str, Any], expected: Approval
) -> None:
    asking, context = ask()
    answered = asking.execute_complete(
        context, {"params_input": {}, "responded_at": datetime.now(UTC), **event}
    )
    assert Approval.from_json(answered) == expected
    assert answered["proposal_id"] == 7


@pytest.mark.parametrize(
    ("note", "by"),
    [
        ({"reason": "well done"}, "Ada: well done"),
        ({"reason": "well done", "for": "key 3"}, "Ada for key 3: well done"),
        ({"reason": ""}, "Ada"),
    ],
)
def test_an_answer_that_says_why_and_for_whom_is_kept_so(
    calls, note: dict[str, str], by: str
) -> None:
    asking, context = ask()
    event = {
        "chosen_options": ["Approve"],
        "params_input": note,
        "responded_at": datetime.now(UTC),
        "responded_by_user": {"id": "7", "name": "Ada"},
    }
    assert Approval.from_json(asking.execute_complete(context, event)).by == by


@pytest.mark.parametrize(
    ("name", "kwargs"), [("RefitWinner", {}), ("PromoteChampion", {"model_version": "3"})]
)
def test_a_question_that_was_marked_as_done_is_no_approval(
    calls, name: str, kwargs: dict[str, Any]
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    with pytest.raises(AirflowFailException, match="ask_approval has no answer"):
        run(name, approval=None, **kwargs)
    assert not calls


def test_an_answer_that_was_not_on_offer_is_refused(calls) -> None:
    asking, context = ask()
    event = {
        "chosen_options": ["Perhaps"],
        "params_input": {},
        "responded_at": datetime.now(UTC),
        "responded_by_user": None,
    }
    with pytest.raises(ValueError, match="Perhaps"):
        asking.execute_complete(context, event)


def test_find_week_asks_for_the_runs_week(calls) -> None:
    run_of = SimpleNamespace(
        run_type="scheduled", data_interval_end=datetime(2018, 10, 1, tzinfo=UTC)
    )
    week = WeekRun.from_json(run("FindWeek", {"dag_run": run_of, "params": {}}))
    assert week == WeekRun(WEEK, Run())
    run_of = SimpleNamespace(run_type="manual", data_interval_end=None)
    for as_of in ("2018-09-24", None):
        run("FindWeek", {"dag_run": run_of, "params": {"as_of": as_of}})
    assert [call[2] for call in calls] == [
        {"as_of": date(2018, 10, 1), "required": False},
        {"as_of": date(2018, 9, 24), "required": True},
        {"as_of": None, "required": True},
    ]
    assert {call[0] for call in calls} == {"find_week"}


def test_a_study_that_falls_due_before_there_is_a_week_is_skipped(calls) -> None:
    from airflow.sdk.exceptions import AirflowSkipException

    calls.answers["find_week"] = lambda **_: None
    end = datetime(2018, 10, 1, tzinfo=UTC)
    run_of = SimpleNamespace(run_type="scheduled", data_interval_end=end)
    with pytest.raises(AirflowSkipException, match="no week has its drops in yet"):
        run("FindWeek", {"dag_run": run_of, "params": {}})


def test_airflow_is_given_no_none_to_keep(calls, monkeypatch: pytest.MonkeyPatch) -> None:
    calls.answers["refit_challenger"] = lambda **_: None
    assert run("RefitChallenger") == ""


def test_what_is_mapped_over(calls) -> None:
    assert run("ListTunable", {"params": {"recipes": ["als"]}}) == ["als"]
    assert run("ListTunable", {"params": {"recipes": None}}) == "list_tunable"


SENTENCE = "ratings.csv line 3: rating '55' is not between 0.5 and 5"


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (DriftError(SENTENCE), False),
        (DropError(SENTENCE), False),
        (NothingToRecommend(SENTENCE), False),
        (LedgerError(SENTENCE), False),
        (ModelError("no recipe 'als-00000000' for ratings.csv line 3"), False),
        (PublicationError(SENTENCE), False),
        (RequestError(SENTENCE), False),
        (psycopg.errors.UndefinedTable(SENTENCE), False),
        (psycopg.DataError(SENTENCE), False),
        (FileNotFoundError(2, "No such file or directory", "ratings.csv line 3"), False),
        (UnreachableError(SENTENCE), True),
        (psycopg.OperationalError(SENTENCE), True),
        (ConnectionResetError(104, "Connection reset by peer: ratings.csv line 3"), True),
        (OSError(SENTENCE), True),
    ],
)
def test_what_repeating_cannot_help_is_not_repeated(
    calls, monkeypatch: pytest.MonkeyPatch, error: Exception, again: bool
) -> None:
    from airflow.sdk.exceptions import AirflowException, AirflowFailException

    def fail(**_: Any) -> None:
        raise error

    calls.answers["ingest_drops"] = fail
    with pytest.raises(AirflowException, match=r"ratings\.csv line 3") as raised:
        run("IngestDrops")
    assert isinstance(raised.value, AirflowFailException) == (not again)
    assert "\n" not in str(raised.value)
    assert raised.value.__suppress_context__, (
        "the task's log would show the traceback of what a sentence reports"
    )


def test_a_fault_of_the_code_keeps_its_traceback(calls, monkeypatch: pytest.MonkeyPatch) -> None:
    calls.answers["ingest_drops"] = lambda **_: {}["movie_id"]
    with pytest.raises(KeyError, match="movie_id"):
        run("IngestDrops")


def test_settings_that_do_not_validate_are_not_tried_again(
    calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    monkeypatch.setenv("RECSYS_TOP_N", "many")
    with pytest.raises(AirflowFailException, match="RECSYS_TOP_N: Input should be a valid integer"):
        run("ListShards")


@pytest.fixture
def kept(calls, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, date, str, str, int | None]]:
    """The costs that were kept: run, week, step, part and rows."""
    rows: list[tuple[str, date, str, str, int | None]] = []

    def keep(work: Work, as_of: date, step: str, cost: Cost, *, part: str = "") -> None:
        assert cost.seconds > 0 and cost.peak_bytes > 2**20
        rows.append((work.run.run_id, as_of, step, part, cost.n_rows))

    monkeypatch.setattr("recsys.step_call.keep_cost", keep)
    return rows


def test_what_a_weeks_steps_cost_is_kept(calls, kept, monkeypatch: pytest.MonkeyPatch) -> None:
    calls.answers["ingest_drops"] = lambda **_: worked_on(7)
    run_of = SimpleNamespace(
        run_type="manual", data_interval_end=None, run_id="manual__1", triggering_user_name="Ada"
    )
    run("ResolveWeek", {"dag_run": run_of, "params": PARAMS})
    run("IngestDrops")
    run("TrainModel", recipe=ALS.to_json())
    run("ScoreUsers", **DECIDED, shard=1)
    steps = [
        ("resolve_week", "", None),
        ("ingest_drops", "", 7),
        ("train_model", ALS.key, None),
        ("score_users", "shard 1", None),
    ]
    assert kept == [("manual__1", WEEK.as_of, *step) for step in steps]


def test_what_is_no_step_of_a_week_is_not_kept(calls, kept) -> None:
    run("ListRecipes")
    run("ListShards")
    run("ListTunable", {"params": {"recipes": ["als"]}})
    run("TuneRecipe", recipe="als", n_trials="30")
    run(
        "FindWeek",
        {"dag_run": SimpleNamespace(run_type="manual", data_interval_end=None), "params": {}},
    )
    assert len(calls) == 4 and not kept


def test_a_step_that_fails_keeps_no_cost_and_the_try_that_succeeds_does(
    calls, kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.exceptions import AirflowException

    tries = iter([OSError("gone"), None])

    def ingest_drops(**_: Any) -> None:
        failure = next(tries)
        if failure:
            raise failure

    calls.answers["ingest_drops"] = ingest_drops
    with pytest.raises(AirflowException, match="gone"):
        run("IngestDrops")
    run("IngestDrops")
    assert kept == [("manual__1", WEEK.as_of, "ingest_drops", "", None)]


def test_every_step_of_the_weekly_dag_knows_its_week(weekly) -> None:
    """What it costs could not be kept without."""
    from recsys_airflow.operators import WeekOperator

    tasks = [task for task in weekly.tasks if not task.task_id.startswith("wait_for_")]
    others = {task.task_id for task in tasks if not issubclass(kind_of(task), WeekOperator)}
    assert others == {"collect_feedback", "resolve_week", "ask_approval"}


def kind_of(task: Any) -> Any:
    return getattr(task, "operator_class", type(task))
