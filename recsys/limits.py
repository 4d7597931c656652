"""What a run may name and a setting may give, each with its limits: one place for form, terminal,
settings and ledger.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recsys.errors import RequestError


@dataclass(frozen=True)
class Limit:
    """The least and the most that a number may be; `whole` admits no fraction."""

    least: float
    most: float
    whole: bool = True

    def admits(self, value: object) -> bool:
        """Return whether a value is such a number. Neither true nor NaN is one."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if self.whole and not isinstance(value, int):
            return False
        return math.isfinite(value) and self.least <= value <= self.most

    def __str__(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        return f"{kind} from {self.least:,} to {self.most:,}"


#: By the name that the form, the command line, the settings and the ledger know them by.
LIMITS = {
    # a list nobody reads to its end; a million times the users would fill any disk
    "top_n": Limit(1, 1_000),
    # beyond a half, the challenger would be the champion
    "challenger_share": Limit(0, 0.5, whole=False),
    "challenger_weeks": Limit(1, 52),
    "trials": Limit(2, 1_000),  # the first is the default, so one finds nothing
    "seed": Limit(0, 2**32 - 1),  # what every generator of random numbers in use takes
    "like_threshold": Limit(0.0, 5.0, whole=False),
    "exam_min_users": Limit(1, 1_000_000_000),
    "min_history": Limit(1, 1_000_000),
    "drift_weeks": Limit(6, 520),  # see recsys.drift.measures: fewer give false warnings
    "depth": Limit(0, 1_000),  # as of top_n, and 0 is no deeper than that
    "half_life_days": Limit(0.001, 1_000_000.0, whole=False),
}


def beyond_limits(values: Mapping[str, Any]) -> dict[str, str]:
    """Return a sentence for each value that is out of its limits, by name. None, and what has no
    limits, passes.
    """
    return {
        name: f"{name} is {value!r}; expected {LIMITS[name]}"
        for name, value in values.items()
        if name in LIMITS and value is not None and not LIMITS[name].admits(value)
    }


def check_limits(values: Mapping[str, Any]) -> None:
    """Raise RequestError naming every value that is out of its limits."""
    wrong = beyond_limits(values)
    if wrong:
        raise RequestError(f"{'; '.join(wrong.values())}. Nothing was changed")


def check_reason(reason: str | None) -> str:
    """Return a reason without the blanks around it. Raises RequestError where nothing is left."""
    text = (reason or "").strip()
    if not text:
        raise RequestError(
            "the reason is empty; expected a few words, which the ledger keeps. Nothing was changed"
        )
    return text
