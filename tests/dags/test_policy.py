"""What every DAG of the project keeps to. A failure's message says what to do."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from recsys.db.queries import checks
from recsys.ingest import SOURCES
from recsys.steps import STEPS
from tests import airflow_home
from tests.pages import pages

HEAVY = {
    "torch",
    "implicit",
    "mlflow",
    "pandas",
    "scipy",
    "sklearn",
    "sentence_transformers",
    "pyarrow",
    "optuna",
}
#: What we write ourselves, and wait for no publisher to.
OURS = {"feedback"}
SENSORS = [f"wait_for_{source}" for source in SOURCES if source not in OURS]
#: The order of the week; check_facts is one task a check.
VERBS = SENSORS + [step.name for step in STEPS if step.maps_over != "checks"]


def test_every_file_parses(dagbag) -> None:
    assert not dagbag.import_errors, "mend the file: " + "\n".join(dagbag.import_errors.values())
    assert dagbag.dags, "dags/ holds no DAG: the folder of the checkout is not the one parsed"


def test_every_dag_explains_itself(dagbag) -> None:
    for dag in dagbag.dags.values():
        assert len(dag.doc_md or "") > 500, (
            f"{dag.dag_id}: give the file a docstring and pass doc_md=__doc__, it is the DAG's page"
        )
        assert dag.description, f"{dag.dag_id}: add a description, the list of DAGs shows it"
        assert "recsys" in dag.tags, f"{dag.dag_id}: add the tag 'recsys'"


def test_every_page_keeps_its_line_breaks(dagbag) -> None:
    """Airflow's UI runs the lines of a block together unless it is a fence that names a
    language.
    """
    pages = {dag.dag_id: dag.doc_md for dag in dagbag.dags.values()}
    for task in (task for dag in dagbag.dags.values() for task in dag.tasks):
        pages[f"{task.dag_id}.{task.task_id}"] = task.doc_md
    assert any("```text" in page for page in pages.values())
    for name, page in pages.items():
        assert not run_together(page), (
            f"{name}: put it into a fence that names a language, ```text or ```bash: "
            f"{run_together(page)}"
        )


def run_together(page: str) -> list[str]:
    """The lines of blocks whose line breaks Airflow's UI drops, and fences without a language."""
    lost, in_fence = [], False
    for line in page.splitlines():
        is_fence = line.lstrip().startswith(("```", "~~~"))
        has_language = bool(line.strip().strip("`~"))
        if not in_fence and (not has_language if is_fence else line.startswith(("    ", "\t"))):
            lost.append(line)
        in_fence ^= is_fence
    return lost


@pytest.mark.parametrize(
    ("page", "lost"),
    [
        ("Words.\n\n```text\n    a ► b\n```\n", []),
        ("Words.\n\n    a ► b\n", ["    a ► b"]),
        ("Words.\n\n\ta ► b\n", ["\ta ► b"]),
        ("Words.\n\n```\na ► b\n```\n", ["```"]),
        ("~~~\na\n~~~\n```bash\nb\n```\n    c", ["~~~", "    c"]),
    ],
)
def test_blocks_that_would_be_run_together_are_found(page: str, lost: list[str]) -> None:
    assert run_together(page) == lost


def test_no_page_tests_a_dag_on_a_date(dagbag) -> None:
    """`dags test DAG DATE` deletes the run that has the date as its logical date."""
    texts = [*(dag.doc_md for dag in dagbag.dags.values()), *pages().values()]
    commands = [
        line
        for page in texts
        for line in page.splitlines()
        if "dags test " in line and "airflow" in line
    ]
    assert len(commands) >= 2
    assert all("--conf" in line for line in commands), (
        "a line that runs `dags test` names its week by --conf"
    )


def test_every_task_can_fail_well(dagbag) -> None:
    for task in (task for dag in dagbag.dags.values() for task in dag.tasks):
        name = f"{task.dag_id}.{task.task_id}"
        assert task.owner == "recsys", f"{name}: owner is {task.owner!r}; set it in default_args"
        assert task.retries >= 2, f"{name}: {task.retries} retries; set them in default_args"
        assert task.retry_exponential_backoff and task.max_retry_delay, (
            f"{name}: retries without backoff; set it in default_args"
        )
        assert task.execution_timeout, (
            f"{name}: set execution_timeout, it becomes the limit of the task's SQL statements"
        )
        names = [callback.__qualname__ for callback in task.on_failure_callback]
        assert names == ["on_failure"], (
            f"{name}: nobody hears when it fails; set on_failure_callback in default_args"
        )
        assert not task.depends_on_past, (
            f"{name}: a waiting run would keep later ones from working; drop depends_on_past"
        )


def test_every_source_has_its_sensor(weekly) -> None:
    from recsys_airflow.sensors import DropSensor

    sources = [task.source for task in weekly.tasks if isinstance(task, DropSensor)]
    assert sorted(sources) == sorted(SOURCES.keys() - OURS), (
        "add a DropSensor, or a line in SOURCES"
    )


def test_every_task_turns_errors_into_sentences(dagbag) -> None:
    """And fails at once where no retry can help: StepOperator and DropSensor do, test_operators and
    test_drop_sensor hold it.
    """
    from recsys_airflow.operators import AskApproval, StepOperator
    from recsys_airflow.sensors import DropSensor

    for task in (task for dag in dagbag.dags.values() for task in dag.tasks):
        kind = getattr(task, "operator_class", type(task))
        assert issubclass(kind, StepOperator | DropSensor | AskApproval), (
            f"{task.dag_id}.{task.task_id}: make it a StepOperator"
        )


def test_every_task_has_a_page(dagbag) -> None:
    for task in (task for dag in dagbag.dags.values() for task in dag.tasks):
        assert task.doc_md, (
            f"{task.dag_id}.{task.task_id}: pass doc_md, or give its operator a docstring"
        )


def test_the_weeks_tasks_are_its_steps(weekly) -> None:
    names = {name for name in weekly.task_ids if not name.startswith("list_")} - set(SENSORS)
    checks_of_facts = {f"check_{path.stem}" for path in checks()}
    expected = {step.name for step in STEPS} - {"check_facts"} | checks_of_facts
    assert names == expected, "a step is a Step in recsys.steps and a task of the same name"


def test_a_task_calls_its_step_within_the_steps_limit(weekly) -> None:
    for step in STEPS:
        prefix = "check_" if step.maps_over == "checks" else step.name
        tasks = [task for task in weekly.tasks if task.task_id.startswith(prefix)]
        assert tasks
        for task in tasks:
            mapped = hasattr(task, "partial_kwargs")
            kind = task.operator_class if mapped else type(task)
            limit = task.partial_kwargs["execution_timeout"] if mapped else task.execution_timeout
            assert (kind.step, limit) == (step.name, step.timeout), task.task_id
            assert mapped == (step.maps_over in ("recipes", "shards")), task.task_id


def test_tasks_run_in_the_order_of_the_picture(weekly) -> None:
    from airflow.sdk import TriggerRule

    order = [task.task_id for task in weekly.topological_sort()]
    assert [name for name in order if name in VERBS] == VERBS
    side_by_side = {
        ("refit_winner", "refit_challenger"),
        ("score_users", "find_similar_movies"),
    }
    for earlier, later in set(pairwise(VERBS[len(SENSORS) - 1 :])) - side_by_side:
        assert earlier in weekly.get_task(later).get_flat_relative_ids(upstream=True), (
            f"{later} does not wait for {earlier}"
        )
    assert {"ask_approval"} < set(
        weekly.get_task("refit_challenger").get_flat_relative_ids(upstream=True)
    )
    assert {"refit_winner", "refit_challenger"} < set(
        weekly.get_task("promote_champion").upstream_task_ids
    )
    assert {"score_users", "find_similar_movies"} <= set(
        weekly.get_task("publish_recommendations").upstream_task_ids
    )
    assert all(task.trigger_rule == TriggerRule.ALL_SUCCESS for task in weekly.tasks)


def test_every_check_of_the_facts_stands_between_views_and_models(weekly) -> None:
    files = sorted((airflow_home.ROOT / "sql" / "checks").glob("*.sql"))
    assert files, "sql/checks is empty"
    for path in files:
        check = weekly.get_task(f"check_{path.stem}")
        assert (check.sql, check.conn_id) == (path.read_text(), "recsys_db"), (
            f"{check.task_id} is of another file or database"
        )
        assert (
            "refresh_views" in check.upstream_task_ids
            and "train_model" in check.get_flat_relative_ids(upstream=False)
        )


def test_groups_read_like_the_picture(weekly) -> None:
    groups = {
        name: set(group.children)
        for name, group in weekly.task_group.get_task_group_dict().items()
        if name
    }
    assert set(groups) == {"drops", "facts", "models", "publication"}
    assert groups["drops"] == {*SENSORS, "collect_feedback", "resolve_week"}


def test_runs_stand_side_by_side_and_start_by_the_clock_alone(weekly) -> None:
    assert weekly.max_active_runs >= 16, (
        "a run that waits for its drop must leave room for manual runs and backfills"
    )
    assert weekly.catchup is False
    assert weekly.start_date <= datetime(1995, 1, 9, tzinfo=UTC), (
        "MovieLens' first ratings are of 1995-01-09"
    )


def test_the_data_interval_is_the_week_that_a_drop_closes(weekly) -> None:
    from airflow.serialization.encoders import coerce_to_core_timetable
    from pendulum import datetime as moment

    timetable = coerce_to_core_timetable(weekly.timetable)
    # what `dags test DATE` asks
    interval = timetable.infer_manual_data_interval(run_after=moment(2018, 9, 24))
    assert (interval.start, interval.end) == (moment(2018, 9, 17), moment(2018, 9, 24))


def test_a_backfill_names_the_starts_of_its_weeks(weekly) -> None:
    from airflow.serialization.serialized_objects import DagSerialization
    from pendulum import datetime as moment

    serialized = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(weekly))
    infos = serialized.iter_dagrun_infos_between(moment(2018, 9, 3), moment(2018, 9, 17))
    assert [info.data_interval.end for info in infos if info.data_interval] == [
        moment(2018, 9, 10),
        moment(2018, 9, 17),
        moment(2018, 9, 24),
    ]
    assert (
        "this runs as_of 2018-09-10, -17 and -24" in weekly.doc_md
        and "--from-date 2018-09-03 --to-date 2018-09-17" in weekly.doc_md
    )


def test_execution_timeouts_reach_the_checks_statements(weekly) -> None:
    from recsys_airflow.operators import CheckFacts

    for task in weekly.tasks:
        if task.task_id.startswith("check_"):
            assert task.execution_timeout == timedelta(minutes=10)
            assert isinstance(task, CheckFacts), (
                "an operator of ours settles its session and limits its statements"
            )


def test_tuning_runs_by_the_month_one_at_a_time(tuning) -> None:
    from airflow.sdk import TriggerRule

    assert [task.task_id for task in tuning.topological_sort()] == [
        "find_week",
        "list_tunable",
        "tune_recipe",
    ]
    assert tuning.get_task("tune_recipe").is_mapped, (
        "one task a recipe: one that fails keeps no other from being tuned"
    )
    assert all(task.trigger_rule == TriggerRule.ALL_SUCCESS for task in tuning.tasks)
    assert (tuning.catchup, tuning.max_active_runs) == (False, 1), (
        "a study is one after the other: the next starts from its ledger"
    )


@pytest.mark.parametrize(
    ("now", "last", "expected"),
    [
        ("2026-11-30T12:00", None, "2026-12-01"),
        # unpaused on the 2nd: November's study is not started
        ("2026-11-02T12:00", None, "2026-12-01"),
        # due, and the DAG file happens to be parsed before the scheduler looks
        ("2026-12-01T00:00:20", None, "2026-12-01"),
        ("2026-12-01T00:00:20", "2026-11-01", "2026-12-01"),
        ("2026-12-03T12:00", "2026-12-01", "2027-01-01"),
    ],
)
def test_tuning_starts_no_study_because_it_is_unpaused(
    tuning, monkeypatch: pytest.MonkeyPatch, now: str, last: str | None, expected: str
) -> None:
    from airflow.serialization.serialized_objects import DagSerialization
    from airflow.timetables.base import DagRunInfo
    from pendulum import instance

    def moment(text: str) -> Any:
        return instance(datetime.fromisoformat(text).replace(tzinfo=UTC))

    assert tuning.start_date is None, (
        "with a start date, Airflow starts the last month's study at once"
    )
    monkeypatch.setattr("airflow.timetables.trigger.utcnow", lambda: moment(now))
    dag = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(tuning))
    before = DagRunInfo.interval(moment(last).subtract(months=1), moment(last)) if last else None
    upcoming: Any = dag.next_dagrun_info(last_automated_run_info=before)
    assert upcoming.run_after == moment(expected)
    assert upcoming.data_interval.start == moment(expected).subtract(months=1)


def test_what_is_started_by_hand_is_on_from_the_start(dagbag) -> None:
    scheduled_only = {"weekly_recommendations"}
    by_hand = {name: dag for name, dag in dagbag.dags.items() if name not in scheduled_only}
    assert {"rollback_publication", "retire_week", "tune_recipes"} <= by_hand.keys()
    for name, dag in by_hand.items():
        assert dag.is_paused_upon_creation is False, (
            f"{name}: pass is_paused_upon_creation=False: a run by hand of a paused DAG is queued "
            "and never starts"
        )


PARSE = """
import sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
assert bag.dags and not bag.import_errors, bag.import_errors
print("loaded:", *sorted({name.split(".")[0] for name in sys.modules}))
"""


@pytest.fixture(scope="session")
def parsed() -> str:
    """What a fresh process that parses the DAGs prints."""
    environment = os.environ | {"PYTHONPATH": str(airflow_home.ROOT)}
    command = [sys.executable, "-c", PARSE, str(airflow_home.ROOT / "dags")]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True
    ).stdout


def test_parsing_loads_nothing_heavy(parsed: str) -> None:
    loaded = HEAVY & set(parsed.rsplit("loaded:", 1)[1].split())
    assert not loaded, f"parsing a DAG loads {sorted(loaded)}: import them inside execute"


def test_the_plugin_loader_leaves_the_package_alone() -> None:
    from airflow.plugins_manager import _get_plugins

    _, errors = _get_plugins()
    assert not errors
    registered = {
        name
        for name in sys.modules
        if name in ("as_of", "hook", "operators", "params", "sensors", "triggers")
    }
    assert not registered, (
        f"{registered} were registered by bare name: name their folder in plugins/.airflowignore"
    )
