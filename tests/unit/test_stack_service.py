"""Processes that are started detached are found again, and stopped with all that they started."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from stack.errors import StackError
from stack.home import Home
from stack.service import Service, marked_processes, stop_services
from stack.waiting import wait_until

SLEEP = "import time; time.sleep(60)"
#: Ignores the polite request, and has a child of a process group of its own, as Airflow's tasks
#: are.
STUBBORN = f"""
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "{SLEEP}"], start_new_session=True)
print("ready", flush=True)
time.sleep(60)
"""


@pytest.fixture
def home(tmp_path: Path):
    home = Home(tmp_path / "home")
    home.create()
    yield home
    for process in marked_processes(home):
        process.kill()


def service(home: Home, code: str, *, healthy: bool = True) -> Service:
    return Service(
        "sleeper", [sys.executable, "-c", code], {"COLOUR": "red"}, home.root, lambda: healthy
    )


def test_started_once_found_again_by_another_command(home: Home) -> None:
    service(home, SLEEP).start(home)
    first = service(home, SLEEP).main_process(home)
    service(home, SLEEP).start(home)
    again = service(home, SLEEP).main_process(home)
    assert first is not None
    assert again is not None
    assert first.pid == again.pid
    # for an instant, a process that was just started shows no environment
    wait_until(lambda: first.environ().get("COLOUR") == "red", 5, "its environment is not there")
    assert os.getsid(first.pid) == first.pid, (
        "a signal to the terminal's processes must not reach it"
    )


def test_stopped_with_children_that_left_its_group(home: Home) -> None:
    stubborn = service(home, STUBBORN)
    stubborn.start(home)
    give_up = time.monotonic() + 10
    while "ready" not in home.log("sleeper").read_text() and time.monotonic() < give_up:
        time.sleep(0.05)
    assert len(list(marked_processes(home))) == 2
    stop_services(home, [stubborn], patience=0.3)
    assert list(marked_processes(home)) == []
    assert not home.pid_file("sleeper").exists()


def test_orphans_of_a_service_that_died_are_stopped(home: Home) -> None:
    sleeper = service(
        home,
        f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', '{SLEEP}'], "
        "start_new_session=True)",
    )
    sleeper.start(home)
    give_up = time.monotonic() + 10
    while sleeper.main_process(home) is not None and time.monotonic() < give_up:
        time.sleep(0.05)
    assert len(list(marked_processes(home))) == 1
    stop_services(home, [sleeper], patience=0.3)
    assert list(marked_processes(home)) == []


def test_another_process_with_the_recorded_number_is_left_alone(home: Home) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", SLEEP])
    try:
        home.pid_file("sleeper").write_text(f'{{"pid": {stranger.pid}, "started": 1.0}}')
        stop_services(home, [service(home, SLEEP)], patience=0.3)
        assert psutil.Process(stranger.pid).status() != psutil.STATUS_ZOMBIE
    finally:
        stranger.kill()
        stranger.wait()


def test_a_service_that_ends_while_it_starts_shows_its_log(home: Home) -> None:
    broken = service(home, "print('the port is taken'); raise SystemExit(3)", healthy=False)
    broken.start(home)
    with pytest.raises(StackError, match=r"ended while it started(.|\n)*the port is taken"):
        broken.wait_healthy(home, timeout=10)


def test_a_dead_service_is_not_healthy_whatever_it_last_reported(home: Home) -> None:
    broken = service(home, "raise SystemExit(3)", healthy=True)
    broken.start(home)
    give_up = time.monotonic() + 10
    while broken.main_process(home) is not None and time.monotonic() < give_up:
        time.sleep(0.05)
    with pytest.raises(StackError, match="ended"):
        broken.wait_healthy(home, timeout=1)


def test_a_service_that_never_gets_healthy_is_given_up(home: Home) -> None:
    slow = service(home, "print('still thinking', flush=True)\n" + SLEEP, healthy=False)
    slow.start(home)
    with pytest.raises(StackError, match=r"not healthy after 1 seconds(.|\n)*still thinking"):
        slow.wait_healthy(home, timeout=1)
