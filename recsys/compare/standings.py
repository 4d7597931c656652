"""How the recipes of a comparison did, each against the first."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev

import numpy as np

from recsys.compare.comparing import Entry
from recsys.errors import ModelError
from recsys.evaluation.comparison import Interval, simultaneous_intervals
from recsys.evaluation.metrics import DECIDING
from recsys.overrides import written

__all__ = ["COLUMNS", "Standing", "figures_of", "row_of", "standings_of"]

LIFT, COVERAGE = "popularity lift@10", "coverage@10"
COLUMNS = ("recipe", DECIDING, "difference", "fit s", "coverage", "lift")


@dataclass(frozen=True)
class Standing:
    """A recipe's figures, means over its seeds. `spread` is the standard deviation of the deciding
    one over them, None of a single seed; `lead` the interval of what the recipe is ahead of the
    first, None of the first itself.
    """

    recipe: str
    key: str
    ndcg: float
    spread: float | None
    seconds: float
    coverage: float | None
    lift: float | None
    lead: Interval | None


def standings_of(entries: Sequence[Entry], *, resamples: int, seed: int) -> list[Standing]:
    """Return the standings of the entries that have results, in order.

    A user's score is the mean over the seeds; differences are paired by user, and their intervals
    hold together. Raises ModelError where the first has none, which the others are held against.
    """
    if entries[0].failure:
        raise ModelError(
            f"{written(entries[0].recipe)} cannot be fitted, and the others are held against it: "
            f"{entries[0].failure}; name another one first"
        )
    fitted = [entry for entry in entries if entry.results]
    scores = [user_scores(entry) for entry in fitted]
    leads: list[Interval | None] = [None]
    if len(fitted) > 1:
        differences = np.stack([each - scores[0] for each in scores[1:]], axis=1)
        leads += simultaneous_intervals(differences, resamples=resamples, seed=seed)
    return [standing_of(entry, lead) for entry, lead in zip(fitted, leads, strict=True)]


def user_scores(entry: Entry) -> np.ndarray:
    """Return (D,) float64, the mean over seeds of each user's deciding figure."""
    return np.stack([result.ndcg for result in entry.results]).astype(np.float64).mean(axis=0)


def standing_of(entry: Entry, lead: Interval | None) -> Standing:
    """Return a recipe's standing."""
    results = entry.results
    of_seeds = [result.metrics[DECIDING] for result in results]
    return Standing(
        recipe=written(entry.recipe),
        key=entry.recipe.key,
        ndcg=mean(of_seeds),
        spread=stdev(of_seeds) if len(of_seeds) > 1 else None,
        seconds=mean(result.seconds for result in results),
        coverage=mean_of(entry, COVERAGE),
        lift=mean_of(entry, LIFT),
        lead=lead,
    )


def mean_of(entry: Entry, metric: str) -> float | None:
    """Return the mean of a figure over the seeds; None where the exam could not measure it."""
    values = [result.metrics[metric] for result in entry.results if metric in result.metrics]
    return mean(values) if values else None


def row_of(standing: Standing) -> tuple[str, ...]:
    """Return a standing as the table's cells, by COLUMNS."""
    spread = "" if standing.spread is None else f"\n±{standing.spread:.4f}"
    lead = standing.lead
    bounds = "" if lead is None else f"[{signed(lead.low)}, {signed(lead.high)}]"
    difference = "" if lead is None else f"{signed(lead.mean)} {bounds}"
    return (
        standing.recipe,
        f"{standing.ndcg:.4f}{spread}",
        difference,
        f"{standing.seconds:.1f}",
        "" if standing.coverage is None else f"{standing.coverage:.3f}",
        "" if standing.lift is None else f"{standing.lift:.2f}",
    )


def signed(value: float) -> str:
    """Return a difference between two figures of at most 1, without the 0 before its point."""
    return f"{value:+.4f}".replace("0.", ".", 1)


def figures_of(standings: Sequence[Standing]) -> dict[str, float]:
    """Return what MLflow keeps of a comparison: figures by recipe."""
    figures: dict[str, float] = {}
    for each in standings:
        figures[f"{DECIDING} of {each.key}"] = each.ndcg
        figures[f"fit seconds of {each.key}"] = each.seconds
        if each.lead:
            figures[f"lead of {each.key}"] = each.lead.mean
            figures[f"lead of {each.key} at least"] = each.lead.low
            figures[f"lead of {each.key} at most"] = each.lead.high
    return figures
