"""Two pictures: what a recipe's quality costs in popularity, and the exam over the weeks."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.harness.pictures import pyplot, save
from bench.quality.measuring import Row

LIFT = "popularity lift"
NDCG = "NDCG@10"


def draw(rows: Sequence[Row], folder: Path) -> list[Path]:
    """Write the pictures that the rows suffice for, as PNG, and return which."""
    measured = [row for row in rows if row.measurements]
    temporal = [row for row in measured if row.protocol == "temporal" and lift_of(row)]
    weeks = [row for row in measured if row.protocol == "weeks"]
    folder.mkdir(parents=True, exist_ok=True)
    pictures = []
    if temporal:
        pictures.append(save(lifts_of(temporal), folder / "ndcg_against_popularity.png"))
    if weeks:
        pictures.append(save(weeks_of(weeks), folder / "exam_over_the_weeks.png"))
    return pictures


def lifts_of(rows: Sequence[Row]) -> Figure:
    """Draw a point for each recipe."""
    figure, axes = pyplot.subplots(figsize=(8, 5.5), layout="constrained")
    for row in rows:
        draw_point(axes, row)
    axes.margins(x=0.25, y=0.15)
    axes.set_title(f"ML-1M, newest 10%: {NDCG} against popularity lift")
    axes.set(xlabel=lift_of(rows[0]), ylabel=NDCG)
    axes.grid(alpha=0.3)
    return figure


def draw_point(axes: Axes, row: Row) -> None:
    point = row.mean(lift_of(row)), row.mean(NDCG)
    axes.scatter(*point, s=45, color="0.6" if row.contender.kind == "reference" else "C0")
    axes.annotate(row.contender.label, point, xytext=(6, 4), textcoords="offset points")


def weeks_of(rows: Sequence[Row]) -> Figure:
    """Draw a line for each recipe."""
    figure, axes = pyplot.subplots(figsize=(9, 5), layout="constrained")
    for row in rows:
        draw_line(axes, row)
    axes.set(title="ML-1M: the exam over the weeks", xlabel="as of", ylabel=NDCG)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.autofmt_xdate()
    return figure


def draw_line(axes: Axes, row: Row) -> None:
    prefix = f"{NDCG} "
    names = [metric for metric in row.measurements[0].metrics if metric.startswith(prefix)]
    days = [date.fromisoformat(name.removeprefix(prefix)) for name in names]
    axes.plot(days, [row.mean(name) for name in names], marker="o", label=row.contender.label)  # pyright: ignore[reportArgumentType]


def lift_of(row: Row) -> str:
    """Return the metric's name with its k; "" where it was not measured."""
    return next((metric for metric in row.measurements[0].metrics if metric.startswith(LIFT)), "")
