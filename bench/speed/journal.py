"""Finished measurements of stages, kept for a call that goes on where an earlier one was cut off,
and for the picture.
"""

from dataclasses import dataclass, field
from pathlib import Path

import bench.journal


@dataclass(frozen=True)
class Measurement:
    """`key` is a digest of all that it depends on; `seconds`: way, or part of one → its seconds,
    one a round. `peaks`: the same → the most bytes that the bench had resident meanwhile, where
    that was measured.

    `ratings` is how many the scale has, `cpus` how many the machine let this process have.
    """

    key: str
    stage: str
    scale: str
    ratings: int
    cpus: int
    seconds: dict[str, list[float]]
    measured_at: str
    peaks: dict[str, int] = field(default_factory=dict)


class Journal(bench.journal.Journal[Measurement]):
    def __init__(self, path: Path) -> None:
        super().__init__(path, Measurement)

    def newest(self, stage: str) -> list[Measurement]:
        """The newest measurement of the stage at each scale, the smallest scale first."""
        by_ratings = {found.ratings: found for found in self.all() if found.stage == stage}
        return [by_ratings[ratings] for ratings in sorted(by_ratings)]
