"""The demo's own decisions: which data, which weeks, what the terminal shows."""

import io
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console

from stack import demo_dataset, environment
from stack.airflow_api import AirflowApi
from stack.demo import backfill_command
from stack.demo_dataset import choose_dataset, remember_dataset
from stack.downloads import EXPECTED, check_zip
from stack.errors import StackError
from stack.home import Home, wanted_port
from stack.services import Stack
from stack.watch import Watch, cell, in_order, state_of

DATES = [date(2018, 9, 17), date(2018, 9, 24), date(2018, 10, 1)]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.create()
    return home


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise httpx.ConnectError("no network")

    monkeypatch.setattr(httpx, "stream", refuse)
    monkeypatch.setattr(
        demo_dataset, "GENERATED", {"users": 20, "movies": 40, "ratings": 200, "seed": 1}
    )


def zip_of(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(f"ml-latest-small/{name}", "a,b\r\n")
    return path


def test_without_network_it_says_so_and_generates(home: Home, no_network: None) -> None:
    lines: list[str] = []
    chosen = choose_dataset(home, None, None, lines.append)
    assert "the connection to files.grouplens.org failed: no network" in lines[-2]
    assert "MOVIELENS=folder-or-zip" in lines[-2]
    assert lines[-1].startswith("going on with a generated data set")
    assert (chosen.movielens / "ratings.csv").exists()
    assert chosen.imdb is not None
    assert (chosen.imdb / "title.basics.tsv.gz").exists()


def test_the_second_demo_takes_the_data_of_the_first(home: Home, no_network: None) -> None:
    first = choose_dataset(home, None, None, lambda _: None)
    remember_dataset(home, first)
    lines: list[str] = []
    assert choose_dataset(home, None, None, lines.append) == first
    assert lines == []


def test_paths_that_do_not_exist_are_named(home: Home, tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"MOVIELENS=.*nowhere.*or one of ml-latest-small"):
        choose_dataset(home, tmp_path / "nowhere", None, print)
    with pytest.raises(StackError, match="IMDB is given without MOVIELENS"):
        choose_dataset(home, None, tmp_path, print)


def test_what_was_downloaded_is_checked(tmp_path: Path) -> None:
    check_zip(zip_of(tmp_path / "good.zip", *EXPECTED))
    with pytest.raises(StackError, match=r"lacks \['links.csv'\]"):
        check_zip(zip_of(tmp_path / "short.zip", "ratings.csv", "movies.csv", "tags.csv"))
    (tmp_path / "page.zip").write_text("<html>sign in to this network</html>")
    with pytest.raises(StackError, match="no zip"):
        check_zip(tmp_path / "page.zip")


def test_backfill_names_weeks_by_their_starts(tmp_path: Path) -> None:
    command = backfill_command(Stack(Home(tmp_path)), DATES)
    assert command.startswith(f"{tmp_path}/airflow backfill create --dag-id ")
    assert "--from-date 2018-09-10 --to-date 2018-09-24" in command
    assert "--max-active-runs 1 --reprocess-behavior completed" in command


def instance(
    state: str | None, task: str = "train", start: str | None = None, end: str | None = None
) -> dict[str, Any]:
    return {"state": state, "task_id": task, "start_date": start, "end_date": end, "map_index": -1}


def test_a_mapped_tasks_worst_state_shows_and_its_whole_time() -> None:
    good = instance("success", start="2026-01-05T00:00:00Z", end="2026-01-05T00:00:02Z")
    late = instance("success", start="2026-01-05T00:00:01Z", end="2026-01-05T00:00:05Z")
    assert state_of([good, instance("failed")]) == "failed"
    assert state_of([]) is None
    assert cell([good, late]).markup == "[green]✔[/green] 2/2 5.0 s"
    assert cell([good]).markup == "[green]✔[/green] 2.0 s"


def test_the_times_of_an_earlier_run_are_not_shown() -> None:
    assert (
        cell([instance("queued", start="2020-01-05T00:00:00Z", end="2020-01-05T00:00:02Z")]).markup
        == "[dim]queued[/dim]"
    )


def test_tasks_are_shown_in_the_order_of_their_dependencies() -> None:
    assert in_order({"score": ["publish"], "publish": [], "train": ["score"]}) == [
        "train",
        "score",
        "publish",
    ]


class FakeAirflow:
    """Answers as Airflow's API does; each look finds the next state."""

    def __init__(self, *states: str) -> None:
        self.states = list(states)

    def tasks(self, _: str) -> dict[str, list[str]]:
        return {"train": []}

    def runs(self, _: str, dates: list[date]) -> dict[date, Any]:
        self.now = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return {day: {"dag_run_id": f"run {day}", "state": self.now} for day in dates}

    def task_instances(self, _: str, run_id: str) -> list[Any]:
        return [instance(self.now, end="2026-01-05T00:00:02Z") | {"dag_run_id": run_id}]

    def log(self, _: object) -> str:
        return "line one\nValueError: what went wrong"


def watch(api: FakeAirflow, monkeypatch: pytest.MonkeyPatch) -> tuple[Watch, io.StringIO]:
    monkeypatch.setattr("stack.watch.POLL_SECONDS", 0)
    out = io.StringIO()
    return Watch(api, "weekly", DATES[:2], Console(file=out)), out  # type: ignore[arg-type]


def test_without_a_terminal_each_change_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    watched, out = watch(FakeAirflow("queued", "running", "running", "success"), monkeypatch)
    watched.follow(timeout=10)
    lines = out.getvalue().splitlines()
    assert [line for line in lines if line] == [
        "week to 2018-09-17: train: ▶ runs",
        "week to 2018-09-24: train: ▶ runs",
        "week to 2018-09-17: train: ✔",
        "week to 2018-09-24: train: ✔",
    ]


def test_every_mapped_instance_that_is_done_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    watched, out = watch(FakeAirflow("running"), monkeypatch)
    for states in (
        ("running", "queued"),
        ("success", "running"),
        ("success", "running"),
        ("success", "success"),
    ):
        watched.instances = {DATES[0]: [instance(state) for state in states]}
        watched.print_changes(["train"])
    assert [line.split(": ")[2] for line in out.getvalue().splitlines()] == [
        "▶ runs 0/2",
        "▶ runs 1/2",
        "✔ 2/2",
    ]


class FakeBackfills(AirflowApi):
    """Airflow's API also lists backfills that are done."""

    def __init__(self, *completed_at: str | None) -> None:
        self.completed_at = completed_at

    def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        return {"backfills": [{"completed_at": moment} for moment in self.completed_at]}


def test_a_backfill_that_is_done_is_not_waited_for() -> None:
    assert FakeBackfills("2026-01-05T00:00:00Z").active_backfills("weekly") == 0
    assert FakeBackfills("2026-01-05T00:00:00Z", None).active_backfills("weekly") == 1


def test_a_failed_task_ends_the_watch_with_the_end_of_its_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watched, _ = watch(FakeAirflow("running", "failed"), monkeypatch)
    with pytest.raises(
        StackError, match=r"train of run run 2018-09-17 failed(.|\n)*what went wrong"
    ):
        watched.follow(timeout=10)


def test_runs_that_never_end_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    watched, _ = watch(FakeAirflow("running"), monkeypatch)
    with pytest.raises(StackError, match="not done after"):
        watched.follow(timeout=0.01)


def test_a_failed_demo_does_not_settle_the_data(home: Home, tmp_path: Path) -> None:
    """What is remembered is what the drops were cut from; a wrong path leaves the next try free."""
    wrong, right = tmp_path / "wrong", tmp_path / "right"
    wrong.mkdir()
    right.mkdir()
    choose_dataset(home, wrong, None, print)
    remember_dataset(home, choose_dataset(home, right, None, print))
    with pytest.raises(
        StackError,
        match=r"holds a demo on .*right; for .*wrong run `make clean` "
        r"first",
    ):
        choose_dataset(home, wrong, None, print)


def test_services_talk_to_one_another_past_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "intranet.example")
    assert environment.hosts_without_proxy()["NO_PROXY"] == "intranet.example,127.0.0.1,localhost"


def test_a_port_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_PORT", "abc")
    with pytest.raises(StackError, match="MLFLOW_PORT=abc: expected the number of a port"):
        wanted_port("mlflow")
