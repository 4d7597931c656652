"""A finished measurement of a recipe, as the journal keeps it."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Measurement:
    """`key` is a digest of all that it depends on; `seconds` is what it took, fitting included if a
    fit was made.
    """

    key: str
    protocol: str
    label: str
    recipe: dict[str, Any]
    seed: int
    metrics: dict[str, float]
    seconds: float
    measured_at: str
