"""What a figure must be."""

import operator
from typing import Literal

Sense = Literal["≥", ">", "≤"]

HOLDS = {"≥": operator.ge, ">": operator.gt, "≤": operator.le}


class Bounded:
    """A dataclass with a `sense` and a `value` that a figure is compared with."""

    sense: Sense
    value: float

    def holds(self, figure: float) -> bool:
        return HOLDS[self.sense](figure, self.value)
