"""The one table: seconds of each way, and each ratio beside its target."""

from collections.abc import Sequence
from statistics import median

from rich.markup import escape
from rich.table import Table

from bench.speed.measuring import Row
from bench.speed.scale import Scale
from bench.speed.verdict import Verdict, verdicts_of

COLUMNS = ("stage and ways", "median", "spread", "rounds", "target at 20m", "verdict")


def table_of(scale: Scale, rows: Sequence[Row]) -> Table:
    """Seconds with three digits; of a whole week's steps each one's share of it, and the most that
    was resident.
    """
    sizes = (
        f"{scale.ratings:,} ratings, {scale.release.users:,} users, {scale.release.movies:,} movies"
    )
    table = Table(*COLUMNS, title=f"Speed at {scale.name}: {sizes}")
    for column in table.columns[1:4]:
        column.justify = "right"
    for row in rows:
        table.add_section()
        table.add_row(f"[bold]{row.stage.name}[/]: {row.stage.title}")
        if row.failed:
            table.add_row(f"[red]not measured: {escape(row.failed)}")
        for cells in _ways(row):
            table.add_row(*cells)
        for verdict in verdicts_of(row):
            table.add_row(*_judged(verdict, scale))
    return table


def digits(value: float) -> str:
    """0.0123, 1.23, 12.3, 123: three digits that count, and none beyond the fourth after the
    point.
    """
    return f"{value:.{min(max(0, 2 - _magnitude(value)), 4)}f}"


def _magnitude(value: float) -> int:
    return int(f"{value:.2e}".partition("e")[2]) if value else 0


def _ways(row: Row) -> list[tuple[str, ...]]:
    if row.measurement is None:
        return []
    seconds = row.measurement.seconds
    whole = median(seconds[row.stage.ours])
    compared = {label for bound in row.stage.bounds for label in (bound.over, bound.under)}
    cells = []
    for label, found in seconds.items():
        part = not row.stage.bounds and label != row.stage.ours
        share = f" {median(found) / whole:.1%}" if part else ""
        peak = (
            f", {row.measurement.peaks[label] / 2**20:,.0f} MiB"
            if label in row.measurement.peaks
            else ""
        )
        dim = "" if label == row.stage.ours or label in compared else "[dim]"
        cells.append(
            (
                f"{dim}  {label}{share}{peak}",
                f"{digits(median(found))} s",
                _spread(found, " s"),
                str(len(found)),
            )
        )
    return cells


def _judged(verdict: Verdict, scale: Scale) -> tuple[str, ...]:
    bound = verdict.bound
    asked = f"{bound.sense} {bound.value:g} ×"
    label = f"→ {bound.over} / {bound.under}"
    if not verdict.ratios:
        return (
            label,
            (""),
            "",
            "",
            asked,
            "[red]missed: not measured" if scale.decides else "[yellow]not measured",
        )
    said = (
        "[green]met"
        if verdict.met
        else "[red]missed"
        if scale.decides
        else ("[yellow]not met at this scale")
    )
    ratio = f"[bold]{digits(median(verdict.ratios))} ×"
    return label, ratio, _spread(verdict.ratios, " ×"), str(len(verdict.ratios)), asked, said


def _spread(values: Sequence[float], unit: str) -> str:
    return f"{digits(min(values))} – {digits(max(values))}{unit}" if len(values) > 1 else ""
