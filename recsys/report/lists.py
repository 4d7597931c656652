"""How the last lists did, as people and MLflow's charts read it."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from recsys import observed
from recsys.db.connect import Connection
from recsys.observed import ObservedHits
from recsys.report.grid import Grid
from recsys.week import WeekPlan

__all__ = ["ListedMovie", "observed_metrics", "observed_table"]


@dataclass(frozen=True)
class ListedMovie:
    """A movie in a user's list."""

    rank: int
    movie_id: int
    title: str
    genres: list[str]
    score: float
    source: str


def observed_table(conn: Connection, week: WeekPlan) -> str:
    """Return how the lists of the week before did, in Markdown; why they were not judged, or
    nothing where there were none.
    """
    rows = observed.recorded(conn, week.as_of)
    if not rows:
        return observed.unjudged(conn, week)
    parts = [
        f"By what users rated from {rows[0].since} until {week.as_of} for the first time, and "
        "liked; with 95% intervals."
    ]
    for _, figures in groupby(rows, key=lambda row: row.publication_id):
        parts += publication(list(figures))
    return "\n\n".join(parts)


def publication(rows: list[ObservedHits]) -> list[str]:
    """A sentence on whose lists they are, and a line for each group of users."""
    shadow = ", in the shadow" if rows[0].is_shadow else ""
    recipes = " and ".join(dict.fromkeys(row.recipe_key for row in rows))
    groups = groupby(rows, key=lambda row: (row.arm, row.source))
    lines = [_line(figures) for _, figures in groups]
    grid = Grid(["lists", "users", *observed.METRICS], lines)
    text = f"Publication {rows[0].publication_id}{shadow}, by {recipes}{shown(rows[0])}:"
    return [text, grid.markdown()]


def shown(row: ObservedHits) -> str:
    """Return of how many users only what was shown counts, as the end of a phrase."""
    if not row.n_shown:
        return ""
    return f"; of {row.n_shown:,} of {row.n:,} users only what their app showed them counts"


def _line(figures: Iterable[ObservedHits]) -> list[str]:
    by_metric = {row.metric: row for row in figures}
    row = by_metric[observed.METRICS[0]]
    return [whose(row), f"{row.n:,}", *(between(by_metric[name]) for name in observed.METRICS)]


def whose(row: ObservedHits) -> str:
    """Which lists of a publication a line is about."""
    if row.arm == observed.DIFFERENCE:
        return "difference"
    return row.source if row.arm == observed.ALL else f"{row.arm}'s arm"


def between(row: ObservedHits) -> str:
    if row.n < observed.LEAST_USERS:
        return f"{row.value:.4f} (too few users)"
    return f"{row.value:.4f} ({row.low:.4f} to {row.high:.4f})"


def observed_metrics(conn: Connection, week: WeekPlan) -> dict[str, float]:
    """Return what was observed of the lists before a week, for MLflow's charts: of what readers
    had, and by source, recipe and arm.
    """
    metrics: dict[str, float] = {}
    for row in observed.recorded(conn, week.as_of):
        metrics |= dict.fromkeys(_names(row), row.value)
    return metrics


def _names(row: ObservedHits) -> list[str]:
    """Under which names a figure is logged; none for those of a shadow's arms and sources."""
    name = f"observed {row.metric}"
    parts = [part for part in (row.arm, row.source) if part != observed.ALL]
    names = [] if parts else [f"{name} {row.recipe_key}"]
    if not row.is_shadow:
        names.append(" ".join([name, *parts]))
    elif row.arm == observed.DIFFERENCE:
        names.append(f"{name} {row.arm}")
    return names
