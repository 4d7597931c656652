"""How much work something takes, counted in lines of our code that run: seconds would depend on the
machine.
"""

import sys
from collections.abc import Callable
from types import FrameType


def n_steps(action: Callable[[], object]) -> int:
    """How many lines of recsys' Python an action runs through."""
    steps = 0

    def trace(frame: FrameType, event: str, argument: object) -> Callable | None:
        nonlocal steps
        if "/recsys/" not in frame.f_code.co_filename:
            return None
        steps += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        action()
    finally:
        sys.settrace(before)
    return steps
