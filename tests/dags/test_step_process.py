"""Steps in another interpreter: result, log and error come back, and nothing is left running."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from recsys.db.connect import Connection
from recsys.drops.replay import replay
from recsys.request import Run, RunRequest
from recsys.run import run_step
from recsys.settings import Settings
from recsys.week import WeekPlan, WeekRun
from stack.datasets.movielens import generate_movielens
from tests import airflow_home  # noqa: F401 - chooses Airflow's home

RECSYS = f"{sys.executable} -m recsys"
MONDAY = Run(run_id="monday")
#: Starts a child of its own, says so, and waits.
STUBBORN = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def settings(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Steps in a child; what it must know is in the environment, as in an installation."""
    monkeypatch.setenv("RECSYS_DROPS", settings.drops)
    monkeypatch.setenv("RECSYS_MLFLOW_TRACKING_URI", settings.mlflow_tracking_uri)
    monkeypatch.setenv("RECSYS_HOME", str(tmp_path / "no stack"))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    return settings.model_copy(
        update={"step_command": RECSYS, "statement_timeout": timedelta(minutes=1)}
    )


@pytest.fixture
def child_log(logged: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """What the task's log shows of the child."""
    logged.set_level("INFO", "recsys_airflow.step_process")
    return logged


@pytest.fixture
def week(settings: Settings, tmp_path: Path) -> WeekPlan:
    generate_movielens(tmp_path / "published", users=20, movies=50, ratings=400, seed=7)
    as_of = replay(tmp_path / "published", settings.drops, weeks=1)[0]
    return run_step(settings, "resolve_week", RunRequest(as_of=as_of))


def call(settings: Settings, name: str, **inputs: Any) -> Any:
    from recsys_airflow.step_process import StepProcess

    return StepProcess().call(settings, name, inputs)


def test_a_child_returns_the_result_and_its_log(
    settings: Settings, week: WeekPlan, conn: Connection, child_log: pytest.LogCaptureFixture
) -> None:
    lines = call(settings, "ingest_drops", week=WeekRun(week, MONDAY).to_json())
    assert lines == [line for line in lines if line.startswith("movielens ")] != []
    assert lines[0] in child_log.text
    costs = conn.execute("SELECT run_id, step, n_rows, peak_bytes FROM step_times").fetchall()
    assert [(cost.run_id, cost.step) for cost in costs] == [("monday", "ingest_drops")]
    assert costs[0].n_rows > 0
    assert 0 < costs[0].peak_bytes < psutil.Process().memory_info().rss, "the child's own"


def test_an_error_comes_back_as_its_sentence(settings: Settings, week: WeekPlan) -> None:
    from airflow.sdk.exceptions import AirflowException, AirflowFailException

    with pytest.raises(AirflowFailException, match="no decision 9 in the ledger"):
        call(
            settings,
            "publish_recommendations",
            week=WeekRun(week, MONDAY).to_json(),
            promotion_id=9,
            challenger_version=None,
        )
    away = settings.model_copy(
        update={"database_url": type(settings.database_url)("postgresql://x@127.0.0.1:1/none")}
    )
    with pytest.raises(AirflowException, match="Postgres cannot be reached") as unreachable:
        call(away, "find_week", as_of=None)
    assert not isinstance(unreachable.value, AirflowFailException), "a later try may succeed"


def test_a_fault_of_the_code_may_be_tried_again_and_is_in_the_log(
    settings: Settings, child_log: pytest.LogCaptureFixture
) -> None:
    from airflow.sdk.exceptions import AirflowException

    with pytest.raises(AirflowException, match="step no_such_step ended with status 1"):
        call(settings, "no_such_step")
    assert "no step 'no_such_step'; expected one of" in child_log.text


def test_the_command_is_split_and_no_shell_reads_it(settings: Settings, tmp_path: Path) -> None:
    from airflow.sdk.exceptions import AirflowException

    witness = tmp_path / "witness"
    shady = settings.model_copy(update={"step_command": f"false; touch {witness}"})
    with pytest.raises((AirflowException, OSError)):
        call(shady, "find_week", as_of=None)
    assert not witness.exists()


def test_a_stopped_step_leaves_no_process(
    settings: Settings, tmp_path: Path, child_log: pytest.LogCaptureFixture
) -> None:
    from recsys_airflow.step_process import StepProcess

    script = tmp_path / "stubborn.py"
    script.write_text(STUBBORN)
    stubborn = settings.model_copy(update={"step_command": f"{sys.executable} {script}"})
    process = StepProcess()
    with ThreadPoolExecutor() as pool:
        running = pool.submit(process.call, stubborn, "find_week", {})
        wait_for(lambda: any(line.isdigit() for line in child_log.text.split()))
        leader = process._process
        assert leader is not None
        family = [leader.pid, *(child.pid for child in psutil.Process(leader.pid).children())]
        assert len(family) == 2
        process.stop()
        assert running.exception() is not None
    wait_for(lambda: not any(is_running(pid) for pid in family))


def test_a_task_that_is_killed_outright_takes_its_step_with_it(tmp_path: Path) -> None:
    step = "from recsys.step_process import end_with_parent\nend_with_parent()\n" + STUBBORN
    (tmp_path / "step.py").write_text(step)
    task = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, {str(tmp_path / "step.py")!r}], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
child.wait()
"""
    root = str(Path(__file__).parents[2])
    parent = subprocess.Popen(
        [sys.executable, "-c", task],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": root},
        start_new_session=True,
    )
    assert parent.stdout
    with parent.stdout as lines:
        child = int(lines.readline())
    try:
        assert is_running(child)
        parent.send_signal(signal.SIGKILL)
        wait_for(lambda: not is_running(child))
    finally:
        os.killpg(parent.pid, signal.SIGKILL)
        parent.wait()
        parent.stdout.close()


def test_the_command_says_how_a_step_is_called(settings: Settings, week: WeekPlan) -> None:
    environment = os.environ | {"RECSYS_DATABASE_URL": settings.database_url.get_secret_value()}
    done = subprocess.run(
        [*RECSYS.split(), "step", "list_shards"],
        input=json.dumps({"week": WeekRun(week, MONDAY).to_json()}),
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    assert json.loads(done.stdout) == {"result": [0]}


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_for(holds: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)


def test_a_day_in_an_input_is_text(settings: Settings, week: WeekPlan) -> None:
    call(settings, "ingest_drops", week=WeekRun(week, MONDAY).to_json())
    returned = call(settings, "find_week", as_of=week.as_of.isoformat())
    assert WeekRun.from_json(returned).plan.as_of == week.as_of
    assert isinstance(week.as_of, date)
