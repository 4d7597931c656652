"""The one table: seconds of each way, and each ratio beside its target."""

from collections.abc import Sequence
from statistics import median

from rich.markup import escape
from rich.table import Table

from bench.speed.measurement import Measurement
from bench.speed.measuring import Row
from bench.speed.scale import Scale
from bench.speed.stages.base import Stage
from bench.speed.verdict import Verdict, verdicts_of

COLUMNS = ("stage and ways", "median", "spread", "rounds", "target at 20m", "verdict")


def table_of(scale: Scale, rows: Sequence[Row]) -> Table:
    """Return seconds with three digits; of a whole week's steps each one's share of it, and the
    most that was resident.
    """
    release = scale.release
    sizes = f"{scale.ratings:,} ratings, {release.users:,} users, {release.movies:,} movies"
    table = Table(*COLUMNS, title=f"Speed at {scale.name}: {sizes}")
    for column in table.columns[1:4]:
        column.justify = "right"
    for row in rows:
        add_stage(table, row, scale)
    return table


def add_stage(table: Table, row: Row, scale: Scale) -> None:
    table.add_section()
    table.add_row(f"[bold]{row.stage.name}[/]: {row.stage.title}")
    if row.failed:
        table.add_row(f"[red]not measured: {escape(row.failed)}")
    if row.measurement:
        for label in row.measurement.seconds:
            table.add_row(*cells_of_way(row.stage, row.measurement, label))
    for verdict in verdicts_of(row):
        table.add_row(*cells_of_verdict(verdict, scale))


def digits(value: float) -> str:
    """Return 0.0123, 1.23, 12.3, 123: three digits that count, none beyond the fourth after the
    point.
    """
    magnitude = int(f"{value:.2e}".partition("e")[2]) if value else 0
    return f"{value:.{min(max(0, 2 - magnitude), 4)}f}"


def cells_of_way(stage: Stage, measurement: Measurement, label: str) -> tuple[str, ...]:
    seconds = measurement.seconds[label]
    compared = {stage.ours, *(way for bound in stage.bounds for way in (bound.over, bound.under))}
    dim = "" if label in compared else "[dim]"
    return (
        f"{dim}  {label}{notes_of(stage, measurement, label)}",
        f"{digits(median(seconds))} s",
        spread(seconds, " s"),
        str(len(seconds)),
    )


def notes_of(stage: Stage, measurement: Measurement, label: str) -> str:
    """Return what is to be read beside a way's name."""
    parts = (share_of(stage, measurement, label), peak_of(measurement, label))
    return "".join((*parts, recall_of(measurement, label)))


def share_of(stage: Stage, measurement: Measurement, label: str) -> str:
    """Return a part's share of the whole stage, "" for what is no part."""
    if not stage.has_parts or label == stage.ours:
        return ""
    seconds = measurement.seconds
    return f" {median(seconds[label]) / median(seconds[stage.ours]):.1%}"


def peak_of(measurement: Measurement, label: str) -> str:
    peak = measurement.peaks.get(label)
    return "" if peak is None else f", {peak / 2**20:,.0f} MiB"


def recall_of(measurement: Measurement, label: str) -> str:
    share = measurement.recalls.get(label)
    return "" if share is None else f", recall {share:.3f}"


def cells_of_verdict(verdict: Verdict, scale: Scale) -> tuple[str, ...]:
    bound, ratios = verdict.bound, verdict.ratios
    label = f"→ {bound.over} / {bound.under}"
    target = f"{bound.sense} {bound.value:g} ×"
    if not ratios:
        missing = "[red]missed: not measured" if scale.decides else "[yellow]not measured"
        return label, "", "", "", target, missing
    missed = "[red]missed" if scale.decides else "[yellow]not met at this scale"
    outcome = "[green]met" if verdict.met else missed
    ratio = f"[bold]{digits(median(ratios))} ×"
    return label, ratio, spread(ratios, " ×"), str(len(ratios)), target, outcome


def spread(values: Sequence[float], unit: str) -> str:
    return f"{digits(min(values))} – {digits(max(values))}{unit}" if len(values) > 1 else ""
