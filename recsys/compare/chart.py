"""A comparison as a chart: how far each recipe is ahead of the first, with its interval."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from recsys.compare.standings import Standing
from recsys.evaluation.metrics import DECIDING

__all__ = ["draw"]


def draw(standings: Sequence[Standing], title: str) -> Figure:
    """Return the chart, the first recipe on top."""
    figure = Figure(figsize=(8, 1.6 + 0.4 * len(standings)), layout="constrained")
    axes = figure.subplots()
    axes.axvline(0, color="0.6", linewidth=1)
    for place, each in enumerate(standings):
        lead = each.lead
        if lead is None:
            axes.plot(0, place, "o", color="0.4")
            continue
        below, above = lead.mean - lead.low, lead.high - lead.mean
        axes.errorbar(lead.mean, place, xerr=[[below], [above]], fmt="o", capsize=4, color="C0")
    names = [f"{each.recipe}\n{DECIDING} {each.ndcg:.4f}" for each in standings]
    axes.set_yticks(range(len(standings)), names, fontsize=8)
    axes.invert_yaxis()
    axes.margins(y=0.2)
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(f"{DECIDING} ahead of {standings[0].recipe}, 95% intervals that hold together")
    axes.grid(axis="x", alpha=0.3)
    return figure
