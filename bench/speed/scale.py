"""The scales that are measured: MovieLens 20M, and shares of it."""

from dataclasses import dataclass

#: Weekly drops that are cut from the newest ratings: as many rounds of the delta's measurement as there can be.
DELTAS = 5
#: One rating in so many is a week's: 100,000 of twenty million.
RATINGS_A_DELTA = 200


@dataclass(frozen=True)
class Scale:
    """How many of what are generated. Only at a scale that `decides` is a target missed."""

    name: str
    users: int
    movies: int
    ratings: int
    decides: bool = False

    @property
    def delta(self) -> int:
        """Ratings of one weekly drop."""
        return self.ratings // RATINGS_A_DELTA


def _of_20m(name: str, share: float, *, decides: bool = False) -> Scale:
    """A share of MovieLens 20M's users and ratings, and its square root of movies: smaller releases have more for a rating."""
    users, movies, ratings = round(138_493 * share), round(27_278 * share**0.5), round(20_000_263 * share)
    return Scale(name, users, movies, ratings, decides)


SCALES = {scale.name: scale for scale in (_of_20m("1m", 0.05), _of_20m("5m", 0.25), _of_20m("20m", 1.0, decides=True))}
