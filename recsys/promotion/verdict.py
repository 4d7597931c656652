"""What a gate says."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Answer:
    """`figure` is what was measured, None where there was nothing to measure; `bound` what it was
    held against.
    """

    passed: bool
    figure: float | None
    bound: float | None
    sentence: str


@dataclass(frozen=True)
class Verdict(Answer):
    """A gate's answer on one recipe."""

    recipe_key: str
    gate: str

    @classmethod
    def of(cls, recipe_key: str, gate: str, answer: Answer) -> Self:
        """Return the answer of that gate on that recipe."""
        return cls(answer.passed, answer.figure, answer.bound, answer.sentence, recipe_key, gate)

    def to_json(self) -> dict[str, Any]:
        """Return a value that `from_json` reads; JSON has no number that is infinite or none."""
        numbers = {"figure": _to_json(self.figure), "bound": _to_json(self.bound)}
        return asdict(self) | numbers

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what `to_json` returned."""
        numbers = {
            name: None if value[name] is None else float(value[name])
            for name in ("figure", "bound")
        }
        return cls(**{**value, **numbers})


def _to_json(number: float | None) -> float | str | None:
    return str(number) if number is not None and not math.isfinite(number) else number
