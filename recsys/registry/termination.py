"""Runs of processes that end before their fit does."""

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

__all__ = ["PROCESS", "ending_by_exception", "is_dead", "this_process"]

#: The tag that names the process of a run: host, process id, and when that process began.
PROCESS = "process"


def this_process() -> str:
    """Return this process as a run's tag names it."""
    return f"{socket.gethostname()} {os.getpid()} {start_of(os.getpid())}"


def is_dead(process: str) -> bool:
    """Return whether a process is known to have ended: one of this host whose id nobody has, or
    another process by now. Of another host nothing is known.
    """
    host, _, rest = process.partition(" ")
    number, _, start = rest.partition(" ")
    return host == socket.gethostname() and start_of(int(number)) != start


def start_of(number: int) -> str:
    """Return when a process began, in clock ticks since the machine's start; "" where there is none
    with that id.
    """
    try:
        text = Path(f"/proc/{number}/stat").read_text()
    except OSError:
        return ""
    # the program's name, in brackets, may hold blanks
    return text.rpartition(")")[2].split()[19]


@contextmanager
def ending_by_exception() -> Iterator[None]:
    """Have SIGTERM raise SystemExit in the block, so that what it has open is closed as failed.

    Nothing changes where the signal has a handler already, as in a task of Airflow, or outside of
    the main thread, which alone may set one.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def end(number: int, _frame: FrameType | None) -> None:
    """End the process as a shell reports a signal's end."""
    raise SystemExit(128 + number)
