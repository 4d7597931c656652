"""How long one full fit takes, on all of ML-1M. Nothing that is kept is used."""

from bench.quality.protocols.base import LIKE_THRESHOLD, ML1MProtocol
from recsys.features.train import Loaded
from recsys.recipe import Recipe


class FitTime(ML1MProtocol):
    """Seconds on this machine, with the threads that RECSYS_THREADS gives."""

    name = "fit-time"
    title = "ML-1M, one full fit"
    metrics = ("seconds",)
    lower_is_better = True

    def measure(self, recipe: Recipe, seed: int) -> dict[str, float]:
        train = Loaded(self.interactions, LIKE_THRESHOLD)
        fitted = self.fits.now(recipe, train, self.catalogue, seed)
        return {"seconds": fitted.seconds}
