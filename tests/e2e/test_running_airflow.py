"""A real Airflow, four services, asked by its REST API and command line: approval, lateness, and
failed runs run again.
"""

import subprocess
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from stack.errors import StackError
from stack.present_week import last_monday, unfinished
from tests.e2e.running_airflow import (
    WEEKLY,
    Installation,
    not_arrived,
    running_installation,
    spoilt,
    until,
)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One for all tests of this module: it takes two gigabytes, and a minute to start."""
    with running_installation(tmp_path_factory.mktemp("stack")) as running:
        yield running


def test_an_airflow_that_is_just_up_shows_no_run_that_failed_or_goes_on(
    installation: Installation,
) -> None:
    """What `make demo` does with the present week, for which it has no drop, and DAGs for use by
    hand that are on.
    """
    api = installation.api
    # in the first hour of a month a study is due, with nothing to tune on: it is skipped
    until(lambda: not unfinished(api), patience=60)
    monday = last_monday(datetime.now(UTC).date())
    (run,) = api.runs(WEEKLY, [monday]).values()
    assert (run["run_type"], run["state"]) == ("scheduled", "success")
    assert f"no MovieLens drop of {monday}" in run["note"]
    assert {task["state"] for task in api.task_instances(WEEKLY, run["dag_run_id"])} == {"skipped"}
    assert not installation.mail, "no mail reported it"

    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    for dag_id in ("rollback_publication", "tune_recipes"):
        assert api.details(dag_id)["is_paused"] is False
        assert [
            run
            for run in api.runs_of(dag_id)
            if datetime.fromisoformat(run["run_after"]) < hour_ago
        ] == []


def test_a_champion_is_approved_by_the_rest_api(installation: Installation) -> None:
    run_id, question = installation.run_until_asked()
    assert question["subject"].startswith(f"Week {installation.week}: first, als-")
    assert " NDCG@10 |" in question["body"] and "- beats popularity: " in question["body"]
    assert (question["options"], question["defaults"]) == (["Approve", "Reject"], ["Reject"])
    assert not installation.ask("SELECT * FROM promotions WHERE run_id = %s", run_id), (
        "nothing is decided before the answer"
    )
    (message,) = installation.mail_about("first, als-")
    assert f"/runs/{run_id}/tasks/ask_approval/required_actions" in message.replace(
        "%3A", ":"
    ).replace("%2B", "+")

    installation.api.answer(run_id, "Approve")
    installation.wait_for_success(run_id)
    champion = (
        "SELECT decision, recipe_key, approval, approved_by FROM promotions WHERE run_id = %s"
    )
    first, recipe_key, *say = installation.ask(champion, run_id)
    assert (first, recipe_key.split("-")[0], say) == ("first", "als", ["approved", "admin"])
    live = installation.ask(
        "SELECT publication_id, as_of FROM publications WHERE is_live AND run_id = %s", run_id
    )
    assert live.as_of == installation.week

    form = until(
        lambda: offers(installation.api.form("rollback_publication"), live.publication_id),
        patience=60,
    )
    assert f"week {installation.week}, als-" in form["values_display"][str(live.publication_id)]
    with pytest.raises(StackError, match=r"400.*reason"):
        installation.api.trigger("rollback_publication", publication_id=live.publication_id)
    rollback = installation.api.trigger(
        "rollback_publication", publication_id=live.publication_id, reason="is it on?"
    )
    assert (
        installation.meddle(
            "DELETE FROM deadline d USING dag_run r WHERE r.id = d.dagrun_id AND r.run_id = %s",
            rollback,
        )
        == 1
    )
    until(lambda: installation.api.state(rollback, "rollback_publication") == "success")


def offers(form: dict[str, Any], publication_id: int) -> dict[str, Any] | None:
    """The schema of the form's dropdown once it has the publication."""
    schema = form["publication_id"]["schema"]
    return schema if publication_id in schema.get("enum", ()) else None


@pytest.mark.e2e
def test_without_an_answer_in_time_no_champion_is_crowned_and_the_week_goes_on(
    installation: Installation,
) -> None:
    run_id, _ = installation.run_until_asked(force_decision=True)
    assert installation.miss_deadline(run_id) == 1
    (late,) = until(lambda: installation.mail_about("a run is late", run_id))
    assert f"Run {run_id} is running and should have been done by" in late

    expired = (
        "UPDATE task_instance SET trigger_timeout = now() - interval '1 minute' WHERE run_id = %s "
        "AND task_id = 'ask_approval'"
    )
    assert installation.meddle(expired, run_id) == 1
    installation.wait_for_success(run_id)
    champion = (
        "SELECT decision, recipe_key, approval, approved_by FROM promotions WHERE run_id = %s"
    )
    decision, recipe_key, *say = installation.ask(champion, run_id)
    assert (decision, recipe_key.split("-")[0], say) == (
        "popularity",
        "popularity",
        ["timed out", None],
    )


@pytest.mark.e2e
def test_a_failed_task_is_cleared_by_the_rest_api_and_its_run_succeeds(
    installation: Installation,
) -> None:
    week = installation.weeks[1]
    drop = installation.drop(week)
    with not_arrived(drop):
        run_id = installation.api.trigger(WEEKLY, as_of=str(week), recipes=["popularity"])
        installation.wait_for_failure(run_id, "wait_for_movielens")
    with spoilt(drop):
        assert {"wait_for_movielens", "report_week"} <= set(installation.api.clear_failed(run_id))
        installation.wait_for_failure(run_id, "ingest_drops")
    assert {"resolve_week", "ingest_drops", "report_week"} <= set(
        installation.api.clear_from(run_id, "resolve_week")
    )
    assert installation.miss_deadline(run_id) == 1, "a run that was cleared keeps its deadline"
    until(lambda: installation.mail_about("a run is late", run_id))
    installation.wait_for_success(run_id)


@pytest.mark.e2e
def test_a_failed_week_is_run_again_by_a_backfill(installation: Installation) -> None:
    week = installation.weeks[1]
    with not_arrived(installation.drop(week)):
        installation.airflow(*backfill_of(week))
        run_id = until(lambda: installation.api.runs(WEEKLY, [week]))[week]["dag_run_id"]
        installation.wait_for_failure(run_id, "wait_for_movielens")
    until(lambda: not installation.api.active_backfills(WEEKLY))
    installation.airflow(*backfill_of(week, "--reprocess-behavior", "failed"))
    installation.wait_for_success(run_id)


@pytest.mark.e2e
def test_dags_test_leaves_every_other_run_alone(installation: Installation) -> None:
    """As the pages run it: the week by --conf. Of a week without a drop it is quick, and fails."""
    before = {run["dag_run_id"]: run["state"] for run in installation.api.runs_of(WEEKLY)}
    command = [
        str(installation.stack.home.airflow_command),
        "dags",
        "test",
        WEEKLY,
        "--conf",
        '{"as_of": "1996-01-01"}',
    ]
    subprocess.run(command, capture_output=True, text=True, check=False)
    after = {run["dag_run_id"]: run["state"] for run in installation.api.runs_of(WEEKLY)}
    assert before and before.items() < after.items()
    (run_id,) = after.keys() - before.keys()
    installation.wait_for_failure(run_id, "wait_for_movielens")


def backfill_of(week: date, *more: str) -> list[str]:
    """The arguments of `airflow` that run the week by a backfill, which names it by its start."""
    start = str(week - timedelta(days=7))
    conf = '{"recipes": ["popularity"]}'
    return [
        "backfill",
        "create",
        "--dag-id",
        WEEKLY,
        "--from-date",
        start,
        "--to-date",
        start,
        "--dag-run-conf",
        conf,
        *more,
    ]
