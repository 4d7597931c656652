"""The one table: ours beside what was published, and each target with its verdict."""

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from bench.quality.measuring import Row
from bench.quality.protocols.base import Protocol
from bench.quality.published import PUBLISHED, Published, Target
from bench.quality.verdict import Verdict, decisive

COLUMNS = (
    "recipe",
    "ours, mean",
    "± over seeds",
    "runs",
    "seconds",
    "published / target",
    "by / verdict",
)
WHO = {
    "any": "best of all",
    "single": "best single recipe",
    "each default": "worst of those that compete",
}


def table_of(
    protocols: Sequence[Protocol], rows: Sequence[Row], verdicts: Sequence[Verdict]
) -> Table:
    """Return the table, a section for each protocol, and what a protocol lacks."""
    table = Table(*COLUMNS, title="Quality: ours beside the published figures")
    for protocol in protocols:
        table.add_section()
        table.add_row(f"[bold]{protocol.name}", f"[bold]{' / '.join(protocol.metrics)}")
        if protocol.missing():
            lacking = escape(", ".join(protocol.missing_folders()))
            table.add_row(f"[yellow]not measured: lacks {lacking}")
        add_rows(table, protocol, [row for row in rows if row.protocol == protocol.name])
        for verdict in verdicts:
            if verdict.target.protocol == protocol.name:
                table.add_row(*cells_of_verdict(verdict))
    return table


def add_rows(table: Table, protocol: Protocol, rows: Sequence[Row]) -> None:
    """Add our rows, each beside the figure published of the same recipe, then the other figures."""
    published = [figure for figure in PUBLISHED if figure.protocol == protocol.name]
    beside = {figure.label: figure for figure in reversed(published)}
    for row in rows:
        table.add_row(*cells_of_row(protocol, row), *cells_beside(beside.get(row.contender.label)))
    labels = {row.contender.label for row in rows}
    for figure in published:
        if figure.label not in labels:
            table.add_row(*cells_of_figure(figure))


def cells_of_figure(figure: Published) -> tuple[str, ...]:
    return f"[dim]{figure.model}", "", "", "", "", joined(figure.values), figure.source


def number(value: float) -> str:
    """Return .4516, 1.5731 or 203.4: four digits after the point where they matter."""
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.4f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.4f}"


def in_words(target: Target) -> str:
    """Return the bounds in words: `HR@10 ≥ .7280, NDCG@10 ≥ .4520`."""
    return ", ".join(
        f"{bound.metric} {bound.sense} {number(bound.value)}" for bound in target.bounds
    )


def cells_of_row(protocol: Protocol, row: Row) -> tuple[str, ...]:
    dim = "[dim]" if row.contender.kind == "reference" else ""
    label = f"{dim}{row.contender.label}"
    n_runs = len(row.measurements)
    if not n_runs:
        return label, f"[red]failed: {escape(row.failed)}", "", "", ""
    ours = joined([row.mean(metric) for metric in protocol.metrics])
    spreads = joined([row.spread(metric) for metric in protocol.metrics]) if n_runs > 1 else ""
    return label, ours, spreads, str(n_runs), f"{row.seconds:.1f}"


def cells_beside(figure: Published | None) -> tuple[str, str]:
    return (joined(figure.values), f"{figure.model}: {figure.source}") if figure else ("", "")


def cells_of_verdict(verdict: Verdict) -> tuple[str, ...]:
    missed = ", ".join(filter(None, ("[red]missed", verdict.reason)))
    outcome = "[green]met" if verdict.met else missed
    return (*cells_of_decisive_row(verdict), "", "", "", in_words(verdict.target), outcome)


def cells_of_decisive_row(verdict: Verdict) -> tuple[str, str]:
    """Return whom the target is about, with the row that decided, and its figures."""
    target, row = verdict.target, verdict.row
    who = WHO.get(target.who, target.who)
    if row is None:
        return f"[bold]→ {who}", ""
    label = row.contender.label
    ours = joined([decisive(bound, row) for bound in target.bounds])
    return f"[bold]→ {who}{'' if label == who else f' ({label})'}", ours


def joined(values: Sequence[float]) -> str:
    return " / ".join(number(value) for value in values)
