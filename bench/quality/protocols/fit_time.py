"""How long one full fit takes, on all of ML-1M. Nothing that is kept is used."""

from bench.quality.files import read_catalogue, read_ratings
from bench.quality.protocols.base import IMDB, ML_1M, Protocol
from recsys.recipe import Recipe


class FitTime(Protocol):
    """Seconds on this machine, with the threads that RECSYS_THREADS gives."""

    name = "fit-time"
    title = "ML-1M, one full fit"
    metrics = ("seconds",)
    needs = (*ML_1M, *IMDB)
    lower_is_better = True

    def measure(self, recipe: Recipe, seed: int) -> dict[str, float]:
        folder = (self.data / ML_1M[0]).parent
        catalogue = read_catalogue(folder, (self.data / IMDB[0]).parent)
        return {
            "seconds": self.fits.now(
                recipe, read_ratings(folder).over(catalogue.movie_ids), catalogue, seed
            ).seconds
        }
