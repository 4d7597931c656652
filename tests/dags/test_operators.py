"""The hook and the operators: what reaches recsys.pipeline, what a person is asked, and what is not
tried again.
"""

import sys
from datetime import UTC, date, datetime, timedelta
from types import ModuleType, SimpleNamespace
from typing import Any

import psycopg
import pytest

import recsys
from recsys.costs import Cost, worked_on
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
from recsys.week import Week
from tests import airflow_home  # noqa: F401 - chooses Airflow's home

ALS = Recipe("als", (("factors", 64),))
WEEK = Week(date(2018, 9, 24), 7, (ALS,), 10, 1, 4.0, 1_000, 5, 180.0)
APPROVED = Approval("approved", "Ada")
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


@pytest.fixture
def calls(
    monkeypatch: pytest.MonkeyPatch,
) -> list[tuple[str, Any, tuple[Any, ...], dict[str, Any]]]:
    """What was asked of recsys.pipeline, which answers with the function's name, or with the
    week.
    """
    asked: list[tuple[str, Any, tuple[Any, ...], dict[str, Any]]] = []

    class Pipeline(ModuleType):
        Approval, UNASKED = Approval, UNASKED

        def __getattr__(self, name: str) -> Any:
            def step(settings: Any = None, *args: Any, **kwargs: Any) -> Any:
                asked.append((name, settings, args, kwargs))
                return WEEK if name in ("resolve_week", "find_week") else name

            return step

    fake = Pipeline("recsys.pipeline")
    monkeypatch.setitem(sys.modules, "recsys.pipeline", fake)
    monkeypatch.setattr(recsys, "pipeline", fake, raising=False)
    monkeypatch.setattr("recsys.costs.keep_cost", lambda *_, **__: None)
    monkeypatch.setenv(
        "AIRFLOW_CONN_RECSYS_DB",
        "postgres://pipeline:p%40ss%2Fword@db.example:5433/recsys?sslmode=require",
    )
    monkeypatch.setenv("RECSYS_SCORE_SHARDS", "3")
    return asked


def run(name: str, context: Any = None, **kwargs: Any) -> Any:
    from recsys_airflow import operators

    operator = getattr(operators, name)(
        task_id=name, week=WEEK.to_json(), execution_timeout=timedelta(minutes=7), **kwargs
    )
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


@pytest.mark.parametrize(
    ("name", "kwargs", "function", "arguments"),
    [
        ("IngestDrops", {}, "ingest_drops", (WEEK,)),
        ("RefreshViews", {}, "refresh_views", ()),
        ("TrainModel", {"recipe": ALS.to_json()}, "train_model", (WEEK, ALS)),
        ("JudgePublication", {}, "judge_publication", (WEEK,)),
        ("ExamineModels", {}, "examine_models", (WEEK,)),
        ("WatchDrift", {}, "watch_drift", (WEEK,)),
        ("RefitWinner", {"approval": APPROVED.to_json()}, "refit_winner", (WEEK, APPROVED)),
        ("RefitWinner", {"approval": UNASKED.to_json()}, "refit_winner", (WEEK, UNASKED)),
        ("RefitChallenger", {}, "refit_challenger", (WEEK,)),
        (
            "PromoteChampion",
            {"approval": APPROVED.to_json(), "model_version": "3"},
            "promote_champion",
            (WEEK, "3", APPROVED),
        ),
        ("ScoreUsers", DECIDED | {"shard": 1}, "score_users", (WEEK, 12, 1, "5")),
        (
            "ScoreUsers",
            DECIDED | {"challenger_version": "", "shard": 1},
            "score_users",
            (WEEK, 12, 1, None),
        ),
        (
            "PublishRecommendations",
            DECIDED | {"challenger_version": ""},
            "publish_recommendations",
            (WEEK, 12, None),
        ),
        ("PublishRecommendations", DECIDED, "publish_recommendations", (WEEK, 12, "5")),
        ("TuneRecipe", {"recipe": "als", "n_trials": "30"}, "tune_recipe", (WEEK, "als")),
        (
            "ReportWeek",
            REPORTED | {"notes": ["", "no imdb"]},
            "report_week",
            (WEEK, 12, 9, ["no imdb"]),
        ),
    ],
)
def test_an_operator_is_one_call(
    calls, name: str, kwargs: dict[str, Any], function: str, arguments: tuple[Any, ...]
) -> None:
    returned = run(name, **kwargs)
    assert [(call[0], call[2]) for call in calls] == [(function, arguments)]
    assert returned == (None if name == "RefreshViews" else function)


def test_resolve_week_passes_on_what_was_asked(calls) -> None:
    by_hand = {"run_id": "manual__1", "run_kind": "manual", "started_by": "Ada"}
    run_of = SimpleNamespace(
        run_type="manual", data_interval_end=None, run_id="manual__1", triggering_user_name="Ada"
    )
    asked = {
        "recipes": ["als"],
        "top_n": 20,
        "challenger": "ease",
        "challenger_share": 0.1,
        "challenger_weeks": 2,
        "require_approval": True,
    }
    # a run's conf may name more than the form does; it is not passed on
    params = {**asked, "as_of": "2018-09-24", "force_decision": True, "note": "a person's own"}
    assert Week.from_json(run("ResolveWeek", {"dag_run": run_of, "params": params})) == WEEK
    run("ResolveWeek", {"dag_run": run_of, "params": PARAMS})
    week_end = datetime(2018, 9, 17, tzinfo=UTC)
    run_of = SimpleNamespace(
        run_type="scheduled",
        data_interval_end=week_end,
        run_id="scheduled__1",
        triggering_user_name=None,
    )
    run("ResolveWeek", {"dag_run": run_of, "params": PARAMS})
    usual = {name: PARAMS[name] for name in asked} | {"force": False}
    assert [call[3] for call in calls] == [
        asked | {"as_of": date(2018, 9, 24), "force": True} | by_hand,
        usual | {"as_of": None} | by_hand,
        usual
        | {
            "as_of": date(2018, 9, 17),
            "run_id": "scheduled__1",
            "run_kind": "scheduled",
            "started_by": None,
        },
    ]


def test_a_rollback_passes_on_who_asked_for_what_and_why(calls) -> None:
    for user, known_as in (("Ada", "Ada"), (None, "somebody unnamed")):
        run_of = SimpleNamespace(run_id="manual__2", triggering_user_name=user)
        context = {
            "dag_run": run_of,
            "params": {"publication_id": None, "reason": "too much horror"},
        }
        assert run("RollbackPublication", context) == "rollback_publication"
        asked = {
            "publication_id": None,
            "reason": "too much horror",
            "requested_by": known_as,
            "run_id": "manual__2",
        }
        assert (calls[-1][0], calls[-1][2], calls[-1][3]) == ("rollback_publication", (), asked)


def test_a_rollback_to_what_is_not_there_is_not_tried_again(
    calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    def fail(*_: Any, **__: Any) -> None:
        raise PublicationError("no publication 7 with its rows in place: found 1 (week 2018-09-17)")

    monkeypatch.setattr(sys.modules["recsys.pipeline"], "rollback_publication", fail, raising=False)
    run_of = SimpleNamespace(run_id="manual__2", triggering_user_name="Ada")
    with pytest.raises(AirflowFailException, match="no publication 7"):
        run(
            "RollbackPublication",
            {"dag_run": run_of, "params": {"publication_id": 7, "reason": "too much horror"}},
        )


def proposal(monkeypatch: pytest.MonkeyPatch, *, needs_approval: bool) -> list[dict[str, Any]]:
    """What the pipeline proposes; returns what Airflow is then asked to show to people."""
    made, shown = (
        Proposal(needs_approval, "Week 2018-09-24: promoted, als", "| recipe | NDCG@10 |"),
        [],
    )
    monkeypatch.setattr(
        sys.modules["recsys.pipeline"], "propose_champion", lambda *_: made, raising=False
    )
    monkeypatch.setattr(
        "airflow.providers.standard.operators.hitl.upsert_hitl_detail",
        lambda **asked: shown.append(asked),
    )
    return shown


def ask() -> tuple[Any, Any]:
    """The operator, and the context of its task instance."""
    from recsys_airflow.operators import AskApproval

    asking = AskApproval(
        task_id="ask_approval", week=WEEK.to_json(), execution_timeout=timedelta(minutes=7)
    )
    task = SimpleNamespace(
        id="0199",
        dag_id="weekly_recommendations",
        run_id="manual__1",
        task_id="ask_approval",
        map_index=-1,
    )
    return asking, {"task": asking, "task_instance": task, "ti": task}


def test_nobody_is_asked_where_nobody_need_be(calls, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = proposal(monkeypatch, needs_approval=False)
    asking, context = ask()
    assert Approval.from_json(asking.execute(context)) == UNASKED
    assert not shown


def test_a_question_shows_the_proposal_tells_of_itself_and_waits(
    calls, monkeypatch: pytest.MonkeyPatch, logged
) -> None:
    from airflow.sdk.exceptions import TaskAwaitingInput

    monkeypatch.setenv("RECSYS_APPROVAL_HOURS", "1.5")
    shown = proposal(monkeypatch, needs_approval=True)
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
    assert Week.from_json(run("FindWeek", {"dag_run": run_of, "params": {}})) == WEEK
    run_of = SimpleNamespace(run_type="manual", data_interval_end=None)
    for asked in ("2018-09-24", None):
        run("FindWeek", {"dag_run": run_of, "params": {"as_of": asked}})
    assert [(call[0], call[2]) for call in calls] == [
        ("find_week", (date(2018, 10, 1),)),
        ("find_week", (date(2018, 9, 24),)),
        ("find_week", (None,)),
    ]


def test_airflow_is_given_no_none_to_keep(calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        sys.modules["recsys.pipeline"], "refit_challenger", lambda *_: None, raising=False
    )
    assert run("RefitChallenger") == ""


def test_trials_come_as_text_and_go_as_a_number(calls) -> None:
    run("TuneRecipe", recipe="als", n_trials="30")
    assert calls[0][3] == {"n_trials": 30}


def test_what_is_mapped_over(calls) -> None:
    assert run("ListTunable", {"params": {"recipes": ["als"]}}) == ["als"]
    assert run("ListTunable", {"params": {"recipes": None}}) == "list_tunable"
    assert run("ListRecipes") == [ALS.to_json()]
    assert run("ListShards") == [0, 1, 2]


SAID = "ratings.csv line 3: rating '55' is not between 0.5 and 5"


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (DriftError(SAID), False),
        (DropError(SAID), False),
        (NothingToRecommend(SAID), False),
        (LedgerError(SAID), False),
        (ModelError("no recipe 'als-00000000' for ratings.csv line 3"), False),
        (PublicationError(SAID), False),
        (RequestError(SAID), False),
        (psycopg.errors.UndefinedTable(SAID), False),
        (psycopg.DataError(SAID), False),
        (FileNotFoundError(2, "No such file or directory", "ratings.csv line 3"), False),
        (UnreachableError(SAID), True),
        (psycopg.OperationalError(SAID), True),
        (ConnectionResetError(104, "Connection reset by peer: ratings.csv line 3"), True),
        (OSError(SAID), True),
    ],
)
def test_what_repeating_cannot_help_is_not_repeated(
    calls, monkeypatch: pytest.MonkeyPatch, error: Exception, again: bool
) -> None:
    from airflow.sdk.exceptions import AirflowException, AirflowFailException

    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(sys.modules["recsys.pipeline"], "ingest_drops", fail, raising=False)
    with pytest.raises(AirflowException, match=r"ratings\.csv line 3") as raised:
        run("IngestDrops")
    assert isinstance(raised.value, AirflowFailException) == (not again)
    assert "\n" not in str(raised.value)
    assert raised.value.__suppress_context__, (
        "the task's log would show the traceback of what was told in a sentence"
    )


def test_a_fault_of_the_code_keeps_its_traceback(calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        sys.modules["recsys.pipeline"], "ingest_drops", lambda *_: {}["movie_id"], raising=False
    )
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
def kept(calls, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Week, str, str, int | None]]:
    """The costs that were kept: week, step, part and rows."""
    found: list[tuple[Week, str, str, int | None]] = []

    def keep(settings: Any, week: Week, step: str, cost: Cost, *, part: str = "") -> None:
        assert cost.seconds > 0 and cost.peak_bytes > 2**20
        found.append((week, step, part, cost.n_rows))

    monkeypatch.setattr("recsys.costs.keep_cost", keep)
    return found


def test_what_a_weeks_steps_cost_is_kept(calls, kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        sys.modules["recsys.pipeline"], "ingest_drops", lambda *_: worked_on(7), raising=False
    )
    run_of = SimpleNamespace(
        run_type="manual", data_interval_end=None, run_id="manual__1", triggering_user_name="Ada"
    )
    run("ResolveWeek", {"dag_run": run_of, "params": PARAMS})
    run("IngestDrops")
    run("TrainModel", recipe=ALS.to_json())
    run("ScoreUsers", **DECIDED, shard=1)
    steps = [
        ("ResolveWeek", "", None),
        ("IngestDrops", "", 7),
        ("TrainModel", ALS.key, None),
        ("ScoreUsers", "shard 1", None),
    ]
    assert kept == [(WEEK, *step) for step in steps]


def test_what_is_no_step_of_a_week_is_not_kept(calls, kept) -> None:
    run("ListRecipes")
    run("ListShards")
    run("ListTunable", {"params": {"recipes": ["als"]}})
    run("TuneRecipe", recipe="als", n_trials="30")
    run(
        "FindWeek",
        {"dag_run": SimpleNamespace(run_type="manual", data_interval_end=None), "params": {}},
    )
    assert len(calls) == 2 and not kept


def test_a_step_that_fails_keeps_no_cost_and_the_try_that_succeeds_does(
    calls, kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.exceptions import AirflowException

    tries = iter([OSError("gone"), None])

    def ingest_drops(*_: Any) -> None:
        failure = next(tries)
        if failure:
            raise failure

    monkeypatch.setattr(sys.modules["recsys.pipeline"], "ingest_drops", ingest_drops, raising=False)
    with pytest.raises(AirflowException, match="gone"):
        run("IngestDrops")
    run("IngestDrops")
    assert kept == [(WEEK, "IngestDrops", "", None)]


def test_every_step_of_the_weekly_dag_knows_its_week(weekly) -> None:
    """What it costs could not be kept without."""
    from recsys_airflow.operators import WeekStep

    def step_type(task: Any) -> Any:
        return getattr(task, "operator_class", type(task))

    def given(task: Any) -> Any:
        return task.partial_kwargs.get("week") if hasattr(task, "partial_kwargs") else task.week

    steps = [task for task in weekly.tasks if issubclass(step_type(task), WeekStep)]
    assert len(steps) == 14
    assert [task.task_id for task in steps if given(task) is None] == ["resolve_week"]
