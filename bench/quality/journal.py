"""The bench's finished measurements, kept for a call that goes on where an earlier one was cut
off.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bench.journal


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


class Journal(bench.journal.Journal[Measurement]):
    def __init__(self, path: Path) -> None:
        super().__init__(path, Measurement)
