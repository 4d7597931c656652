"""Weeks of history without a scheduler: killed in the middle, taken up again, ending in a page that
a browser draws.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from rich.console import Console

from stack.datasets.movielens import generate_movielens
from stack.errors import StackError
from stack.home import REPOSITORY, Home
from stack.postgres import Postgres
from stack.replay import Replay, replay_weeks

RECIPES = ("popularity", "als")
#: A browser that calls nobody.
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--window-size=1120,1900",
)


class Replayed:
    """A folder for `make replay`, and what its database says."""

    def __init__(self, folder: Path) -> None:
        self.home, self.data = folder / "home", folder / "published"
        self.postgres = Postgres(self.home)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [
            sys.executable,
            "-m",
            "stack",
            "replay",
            "--from",
            str(self.data),
            "--recipes",
            ",".join(RECIPES),
            *arguments,
        ]
        environment = os.environ | {
            "RECSYS_HOME": str(self.home),
            "RECSYS_THREADS": "1",
            "COLUMNS": "200",
        }
        return subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=300)
        return process.returncode, output

    def rows(self, query: str) -> list[tuple]:
        with psycopg.connect(self.postgres.url()) as conn:
            return conn.execute(query.encode()).fetchall()


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replayed]:
    folder = tmp_path_factory.mktemp("replay")
    replayed = Replayed(folder)
    generate_movielens(replayed.data, users=80, movies=150, ratings=4_000, seed=7)
    try:
        yield replayed
    finally:
        if replayed.home.exists():
            replayed.postgres.remove()


@pytest.fixture(scope="module")
def killed(replayed: Replayed) -> list[tuple]:
    """Kill the replay in its second week, as soon as a step of it is done; return the first week's
    steps and their times.
    """
    process = replayed.start("--weeks", "3")
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("week to "):
            break
    while not replayed.rows("SELECT FROM step_times GROUP BY as_of OFFSET 1"):
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    return replayed.rows(
        "SELECT * FROM step_times WHERE as_of = (SELECT min(as_of) FROM "
        "step_times) ORDER BY started_at"
    )


@pytest.fixture(scope="module")
def page(replayed: Replayed, killed: list[tuple]) -> Path:
    """The page, once the same command has gone on to the end."""
    status, output = replayed.run("--weeks", "3")
    assert status == 0, output
    assert output.count("week to ") == 2, output
    assert output.rstrip().endswith(f"the weeks on one page: {replayed.home / 'weeks.html'}")
    return replayed.home / "weeks.html"


@pytest.mark.e2e
def test_what_was_killed_goes_on(replayed: Replayed, killed: list[tuple], page: Path) -> None:
    assert killed[-1][2] == "report_week"
    assert not replayed.postgres.is_running()
    replayed.postgres.start()
    try:
        weeks = replayed.rows("SELECT as_of FROM weeks ORDER BY as_of")
        assert len(weeks) == 3
        first = replayed.rows(
            "SELECT * FROM step_times WHERE as_of = (SELECT min(as_of) FROM "
            "step_times) ORDER BY started_at"
        )
        assert first == killed
        assert replayed.rows("SELECT as_of FROM publications ORDER BY as_of") == weeks
        assert (
            replayed.rows("SELECT as_of FROM step_times WHERE step = 'report_week' ORDER BY as_of")
            == weeks
        )
        assert replayed.rows(
            "SELECT DISTINCT split_part(recipe_key, '-', 1) FROM exam_entries ORDER BY 1"
        ) == [
            ("als",),
            ("popularity",),
        ]
    finally:
        replayed.postgres.stop()
    assert not (REPOSITORY / "mlruns").exists()


@pytest.mark.e2e
def test_what_is_finished_stays(replayed: Replayed, page: Path) -> None:
    drawn = page.read_text()
    status, output = replayed.run("--weeks", "3")
    assert (status, output.count("week to ")) == (0, 0), output
    assert page.read_text() == drawn


@pytest.mark.e2e
def test_another_replay_needs_a_folder_of_its_own(replayed: Replayed, page: Path) -> None:
    status, output = replayed.run("--weeks", "4")
    assert status == 1
    assert "holds another replay" in output
    assert "weeks 3" in output
    assert "choose a folder with RECSYS_HOME" in output


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"movielens": Path("/nowhere")}, "FROM=/nowhere: there is no such folder or file"),
        ({"imdb": Path("/nowhere")}, "IMDB=/nowhere: there is no such folder or file"),
        ({"weeks": 0}, "WEEKS=0: expected at least 1"),
        ({"recipes": ("als", "asl")}, "RECIPES has asl; expected some of "),
    ],
)
def test_what_cannot_be_replayed_is_refused_before_anything_is_made(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    chosen = replace(Replay(tmp_path, None, 1, ()), **change)
    with pytest.raises(StackError, match=re.escape(message)):
        replay_weeks(Home(tmp_path / "home"), Console(), chosen)
    assert not (tmp_path / "home").exists()


def test_a_demos_state_is_no_place_for_a_replay(tmp_path: Path) -> None:
    (tmp_path / "dataset.json").touch()
    with pytest.raises(StackError, match="holds a demo: choose a folder with RECSYS_HOME"):
        replay_weeks(Home(tmp_path), Console(), Replay(tmp_path, None, 1, ()))


@pytest.mark.system
@pytest.mark.e2e
def test_a_browser_draws_the_page(page: Path, tmp_path: Path) -> None:
    chromium = shutil.which("chromium")
    assert chromium, "`chromium` is not on the PATH: make tools"
    picture = tmp_path / "weeks.png"
    subprocess.run(
        [*_browser(chromium, tmp_path), f"--screenshot={picture}", page.as_uri()],
        check=True,
        capture_output=True,
        timeout=120,
    )
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 50_000  # an empty window of this size has a tenth of it
    dumped = subprocess.run(
        [*_browser(chromium, tmp_path), "--dump-dom", page.as_uri()],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    for part in ("exam", "observed", "drift", "times", "weeks"):
        assert f'<section id="{part}">' in dumped.stdout
    assert dumped.stdout.count("<tr>") == 4
    assert dumped.stdout.count("<svg") > 5


def _browser(chromium: str, folder: Path) -> list[str]:
    """Its command, with a profile of its own."""
    return [chromium, *FLAGS, f"--user-data-dir={folder / 'profile'}"]
