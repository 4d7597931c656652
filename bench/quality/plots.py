"""Three pictures: what a recipe's quality costs in popularity, what it costs in time, and the exam
over the weeks.
"""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.harness.pictures import pyplot, save
from bench.quality.measuring import Row

LIFT = "popularity lift"
NDCG = "NDCG@10"
FIT_SECONDS = "fit seconds"


def draw(rows: Sequence[Row], folder: Path) -> list[Path]:
    """Write the pictures that the rows suffice for, as PNG, and return which."""
    measured = [row for row in rows if row.measurements]
    temporal = [row for row in measured if row.protocol == "temporal" and lift_of(row)]
    weeks = [row for row in measured if row.protocol == "weeks"]
    folder.mkdir(parents=True, exist_ok=True)
    pictures = []
    if temporal:
        pictures.append(save(lifts_of(temporal), folder / "ndcg_against_popularity.png"))
    timed = [row for row in temporal if is_timed(row)]
    if timed:
        picture = folder / "quality_against_fit_time.png"
        pictures.append(save(quality_against_fit_time(timed), picture))
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


def quality_against_fit_time(rows: Sequence[Row]) -> Figure:
    """Draw a point for each recipe: up is better, left is faster."""
    figure, axes = pyplot.subplots(figsize=(9, 6), layout="constrained")
    for row in rows:
        draw_labelled(axes, row, (row.mean(FIT_SECONDS), row.mean(NDCG)))
    axes.set_xscale("log")
    axes.margins(x=0.2, y=0.1)
    axes.set_title(f"ML-1M, newest 10%: {NDCG} against the seconds of a fit")
    axes.set(xlabel="seconds of one fit (of a blend: less its members' that are kept)", ylabel=NDCG)
    axes.grid(alpha=0.3, which="both")
    return figure


def is_timed(row: Row) -> bool:
    """Whether the row is of a recipe, and its fit took time."""
    is_recipe = row.contender.kind != "reference"
    return is_recipe and FIT_SECONDS in row.measurements[0].metrics and row.mean(FIT_SECONDS) > 0


def draw_point(axes: Axes, row: Row) -> None:
    draw_labelled(axes, row, (row.mean(lift_of(row)), row.mean(NDCG)))


def draw_labelled(axes: Axes, row: Row, point: tuple[float, float]) -> None:
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
