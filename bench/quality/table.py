"""The one table: ours beside what was published, and each target with its verdict."""

from collections.abc import Mapping, Sequence

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
    "each default": "worst of all defaults",
}


def table_of(
    protocols: Sequence[type[Protocol]],
    rows: Sequence[Row],
    verdicts: Sequence[Verdict],
    absent: Mapping[str, str],
) -> Table:
    """`absent`: protocol → what it lacks."""
    table = Table(*COLUMNS, title="Quality: ours beside the published figures")
    for protocol in protocols:
        table.add_section()
        table.add_row(f"[bold]{protocol.name}", f"[bold]{' / '.join(protocol.metrics)}")
        own = [row for row in rows if row.protocol == protocol.name]
        published = [figure for figure in PUBLISHED if figure.protocol == protocol.name]
        if protocol.name in absent:
            table.add_row(f"[yellow]not measured: lacks {escape(absent[protocol.name])}")
        for row in own:
            table.add_row(*_ours(protocol, row), *_beside(row, published))
        labels = {row.contender.label for row in own}
        for figure in published:
            if figure.label not in labels:
                table.add_row(
                    f"[dim]{figure.model}", "", "", "", "", _joined(figure.values), figure.source
                )
        for verdict in verdicts:
            if verdict.target.protocol == protocol.name:
                table.add_row(*_judged(verdict))
    return table


def number(value: float) -> str:
    """.4516, 1.5731 or 203.4: four digits after the point where they matter."""
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.4f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.4f}"


def asked_of(target: Target) -> str:
    """The bounds in words: `HR@10 ≥ .7280, NDCG@10 ≥ .4520`."""
    return (", ").join(
        f"{bound.metric} {bound.sense} {number(bound.value)}" for bound in target.bounds
    )


def _ours(protocol: type[Protocol], row: Row) -> tuple[str, ...]:
    label = (
        f"[dim]{row.contender.label}" if row.contender.kind == "reference" else row.contender.label
    )
    if not row.measurements:
        return label, f"[red]failed: {escape(row.failed)}", "", "", ""
    spread = (
        _joined([row.spread(metric) for metric in protocol.metrics])
        if len(row.measurements) > 1
        else ""
    )
    ours = _joined([row.mean(metric) for metric in protocol.metrics])
    return label, ours, spread, str(len(row.measurements)), f"{row.seconds:.1f}"


def _beside(row: Row, published: Sequence[Published]) -> tuple[str, str]:
    for figure in published:
        if figure.label == row.contender.label:
            return _joined(figure.values), f"{figure.model}: {figure.source}"
    return "", ""


def _judged(verdict: Verdict) -> tuple[str, ...]:
    target, row = verdict.target, verdict.row
    who = WHO.get(target.who, target.who)
    named = f" ({row.contender.label})" if row and row.contender.label != who else ""
    ours = _joined([decisive(bound, row) for bound in target.bounds]) if row else ""
    said = (
        "[green]met"
        if verdict.met
        else (f"[red]missed{f', {verdict.reason}' if verdict.reason else ''}")
    )
    return f"[bold]→ {who}{named}", ours, "", "", "", asked_of(target), said


def _joined(values: Sequence[float]) -> str:
    return " / ".join(number(value) for value in values)
