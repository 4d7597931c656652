"""How long one full fit takes, on all of ML-1M. Nothing that is kept is used."""

from bench.quality.protocols.base import ML1MProtocol
from recsys.recipe import Recipe


class FitTime(ML1MProtocol):
    """Seconds on this machine, with the threads that RECSYS_THREADS gives."""

    name = "fit-time"
    title = "ML-1M, one full fit"
    metrics = ("seconds",)
    lower_is_better = True

    def measure(self, recipe: Recipe, seed: int) -> dict[str, float]:
        fitted = self.fits.now(recipe, self.interactions, self.catalogue, seed)
        return {"seconds": fitted.seconds}
