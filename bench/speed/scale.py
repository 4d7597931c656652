"""The scales that are measured: MovieLens 20M, and shares of it."""

from dataclasses import dataclass

from stack.datasets.release import RELEASES, Release

#: Weekly drops that are cut from the newest ratings: as many rounds of the delta's measurement as
#: there can be.
DELTAS = 5
#: One rating in so many is a week's: 100,000 of twenty million.
RATINGS_A_DELTA = 200


@dataclass(frozen=True)
class Scale:
    """How many of what are generated. Only at a scale that `decides` is a target missed."""

    name: str
    release: Release
    decides: bool = False

    @property
    def ratings(self) -> int:
        return self.release.ratings

    @property
    def delta(self) -> int:
        """Ratings of one weekly drop."""
        return self.ratings // RATINGS_A_DELTA


WHOLE = RELEASES["ml-20m"]
SCALES = {
    scale.name: scale
    for scale in (
        Scale("1m", WHOLE.share(0.05)),
        Scale("5m", WHOLE.share(0.25)),
        Scale("20m", WHOLE, decides=True),
    )
}
