"""What the demo says of where its time went."""

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from stack.spent import Part, Spent, minutes_of


def ran(task: str, start: str, end: str | None) -> dict[str, str | None]:
    day = "2026-11-30T10:"
    return {
        "task_id": task,
        "start_date": f"{day}{start}+00:00",
        "end_date": f"{day}{end}+00:00" if end else None,
    }


def test_a_week_names_its_longest_tasks_mapped_ones_as_one() -> None:
    spent = Spent()
    instances = [
        ran("train_model", "01:00", "01:30"),
        ran("train_model", "01:10", "01:40.500"),
        ran("resolve_week", "00:01", "00:05"),
        ran("score_users", "02:00", "02:09"),
        ran("ask_approval", "01:59", None),
        ran("report_week", "02:10", "02:11"),
    ]
    spent.add_week(date(2018, 9, 17), ran("the run", "00:00", "02:12"), instances)
    note = "train_model 40.5 s, score_users 9.0 s, resolve_week 4.0 s"
    assert spent.parts == [Part("week to 2018-09-17", 132.0, note)]


def test_an_install_counts_once(tmp_path: Path) -> None:
    record = tmp_path / "install-seconds"
    record.write_text("100.5\n")
    spent = Spent.with_install(record)
    assert spent.parts == [Part("install", 100.5)]
    assert 100.5 <= spent.total < 110
    assert Spent.with_install(record).parts == []


def test_minutes_are_whole() -> None:
    assert [minutes_of(seconds) for seconds in (59.6, 119.4, 239.9)] == [
        "1 min 0 s",
        "1 min 59 s",
        "4 min 0 s",
    ]


@pytest.mark.slow
def test_tasks_find_their_imports_made_and_read_the_projects_code_anew() -> None:
    code = """
import sys, stack.task_imports, mlflow.utils.requirements_utils as requirements
print(*sorted(name for name in sys.modules if name.split(".")[0] == "recsys"))
print({"torch", "implicit", "mlflow.pyfunc", "sklearn"} <= set(sys.modules))
print(bool(requirements._MODULES_TO_PACKAGES))
"""
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-3:] == ["recsys", "True", "True"]
