"""One picture: what each stage costs, against how many ratings there are, at all scales measured so
far.
"""

from collections.abc import Sequence
from math import ceil
from pathlib import Path
from statistics import median

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.harness.journal import Journal
from bench.harness.pictures import pyplot, save
from bench.speed.measurement import Measurement

COLUMNS = 3
#: Share of a panel's largest cost that is not worth a line.
SMALL = 0.02


def draw(journal: Journal[Measurement], stages: Sequence[str], folder: Path) -> list[Path]:
    """Write the picture as PNG, where anything was measured, and return where."""
    panels = list(filter(None, (newest(journal, stage) for stage in stages)))
    if not panels:
        return []
    return [save(picture_of(panels), folder / "cost_against_scale.png")]


def picture_of(panels: Sequence[Sequence[Measurement]]) -> Figure:
    rows = ceil(len(panels) / COLUMNS)
    size = (5 * COLUMNS, 3.6 * rows)
    figure, axes = pyplot.subplots(rows, COLUMNS, figsize=size, layout="constrained", squeeze=False)
    for place, measurements in zip(axes.flat, panels, strict=False):
        draw_panel(place, measurements)
    for unused in axes.flat[len(panels) :]:
        unused.set_visible(False)
    figure.suptitle("Seconds against ratings: medians, with the range over rounds")
    return figure


def newest(journal: Journal[Measurement], stage: str) -> list[Measurement]:
    """Return the stage's newest measurement at each scale, the smallest scale first."""
    by_ratings = {each.ratings: each for each in journal.all() if each.stage == stage}
    return [by_ratings[ratings] for ratings in sorted(by_ratings)]


def draw_panel(axes: Axes, measurements: Sequence[Measurement]) -> None:
    """Draw a line for each way that is worth one."""
    for label in labels_worth_a_line(measurements):
        draw_way(axes, label, [each for each in measurements if label in each.seconds])
    axes.set(xscale="log", yscale="log", xlabel="ratings", ylabel="seconds")
    axes.set_title(measurements[0].stage)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="x-small")


def labels_worth_a_line(measurements: Sequence[Measurement]) -> list[str]:
    """Return the ways that are measured, less what is next to nothing at the largest scale."""
    largest = measurements[-1].seconds
    least = SMALL * max(median(seconds) for seconds in largest.values())
    labels = dict.fromkeys(label for each in measurements for label in each.seconds)
    return [label for label in labels if median(largest.get(label, [0.0])) >= least]


def draw_way(axes: Axes, label: str, measurements: Sequence[Measurement]) -> None:
    seconds = [each.seconds[label] for each in measurements]
    ratings = [each.ratings for each in measurements]
    middle = [median(rounds) for rounds in seconds]
    below = [median(rounds) - min(rounds) for rounds in seconds]
    above = [max(rounds) - median(rounds) for rounds in seconds]
    style = {"marker": "o", "markersize": 4, "capsize": 2}
    axes.errorbar(ratings, middle, [below, above], label=label, **style)
