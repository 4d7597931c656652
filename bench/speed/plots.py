"""One picture: what each stage costs, against how many ratings there are, at all scales measured so
far.
"""

from collections.abc import Sequence
from math import ceil
from pathlib import Path
from statistics import median

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

from bench.speed.journal import Journal, Measurement

COLUMNS = 3
#: Share of a panel's largest cost that is not worth a line.
SMALL = 0.02


def draw(journal: Journal, stages: Sequence[str], folder: Path) -> list[Path]:
    """Write the picture as PNG, where anything was measured, and say where."""
    panels = [found for stage in stages if (found := journal.newest(stage))]
    if not panels:
        return []
    rows = ceil(len(panels) / COLUMNS)
    figure, axes = pyplot.subplots(
        rows, COLUMNS, figsize=(5 * COLUMNS, 3.6 * rows), layout="constrained", squeeze=False
    )
    for place, found in zip(axes.flat, panels, strict=False):
        _panel(place, found)
    for unused in axes.flat[len(panels) :]:
        unused.set_visible(False)
    figure.suptitle("Seconds against ratings: medians, with the range over rounds")
    path = folder / "cost_against_scale.png"
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
    return [path]


def _panel(axes, found: Sequence[Measurement]) -> None:
    """A line for each way that the newest measurements know of, less what is next to nothing at the
    largest scale.
    """
    largest = max(median(seconds) for seconds in found[-1].seconds.values())
    for label in dict.fromkeys(label for measurement in found for label in measurement.seconds):
        if median(found[-1].seconds.get(label, [0.0])) < SMALL * largest:
            continue
        points = [(at.ratings, at.seconds[label]) for at in found if label in at.seconds]
        middle = [median(seconds) for _, seconds in points]
        below = [value - min(seconds) for value, (_, seconds) in zip(middle, points, strict=True)]
        above = [max(seconds) - value for value, (_, seconds) in zip(middle, points, strict=True)]
        axes.errorbar(
            [ratings for ratings, _ in points],
            middle,
            [below, above],
            marker="o",
            markersize=4,
            capsize=2,
            label=label,
        )
    axes.set(title=found[0].stage, xscale="log", yscale="log", xlabel="ratings", ylabel="seconds")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="x-small")
