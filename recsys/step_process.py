"""`recsys step NAME`: one step in a process of its own, for an Airflow without the models'
libraries.

Inputs come as JSON by stdin, secrets and settings by the environment. The result goes as JSON to a
file descriptor of its own, so that whatever a library prints is log and not result.
"""

import ctypes
import json
import logging
import os
import signal
import sys
from contextlib import suppress

from recsys.sentences import explain
from recsys.settings import Settings

__all__ = ["GIVE_UP", "RETRY", "answer"]

#: Exit statuses, as sysexits.h names them: EX_TEMPFAIL, a later try may succeed; EX_DATAERR, none.
RETRY = 75
GIVE_UP = 65
PR_SET_PDEATHSIG = 1  # of Linux's prctl

log = logging.getLogger(__name__)


def answer(name: str, result_fd: int) -> int:
    """Call the step, write `{"result": …}` or `{"error": a sentence}`; return the exit status.

    Raises what is a fault of the code.
    """
    end_with_parent()
    try:
        from recsys.step_call import call_step

        result = call_step(Settings.from_environment(), name, json.load(sys.stdin))
    except Exception as error:
        explanation = explain(error)
        if not explanation.is_known:
            raise
        log.debug("the traceback of the error", exc_info=error)
        _write(result_fd, {"error": explanation.sentence})
        return RETRY if explanation.retry else GIVE_UP
    _write(result_fd, {"result": result})
    return 0


def end_with_parent() -> None:
    """Be killed when the calling task is, however that ends; on Linux alone."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _write(result_fd: int, result: dict[str, object]) -> None:
    with os.fdopen(result_fd, "w") as file:
        json.dump(result, file)
