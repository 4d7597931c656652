"""A full fit of one recipe with its default settings: one figure for each recipe of the library."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar

from bench.speed.stages.base import Seconds, Stage, Way
from recsys.costs import measured
from recsys.models import model_class
from recsys.registry.compute import compute_of

OURS = "the recipe"


class FullFit(Stage):
    """On all ratings of the first week, which are read beforehand."""

    recipe: ClassVar[str]
    ours = OURS

    @contextmanager
    def ways(self) -> Iterator[Sequence[Way]]:
        yield ()

    def measure(self, rounds: int) -> Seconds:
        """Once, whatever the rounds: nothing stands beside it, and some take half an hour."""
        data = self.ground.data
        compute = compute_of(self.ground.in_use, seed=data.week.seed)
        model = model_class(self.recipe)(compute=compute)
        with measured() as cost:
            model.fit(data.train, data.catalogue)
        self.peaks = {OURS: cost.peak_bytes}
        return {OURS: [cost.seconds]}


def fit_of(recipe: str) -> type[FullFit]:
    """Return the stage of a recipe."""
    about = {
        "recipe": recipe,
        "name": f"fit-{recipe}",
        "title": f"a full fit of {recipe}, its defaults",
    }
    return type("FullFit", (FullFit,), about)
