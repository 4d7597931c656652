"""Waiting for a service, a DAG or a run."""

import time
from collections.abc import Callable

from stack.errors import StackError


def wait_until(holds: Callable[[], bool], timeout: float, late: str, *, pause: float = 0.5) -> None:
    """Look again and again until it holds.

    Raises StackError with the sentence `late` after `timeout` seconds.
    """
    give_up = time.monotonic() + timeout
    while not holds():
        if time.monotonic() > give_up:
            raise StackError(late)
        time.sleep(pause)
