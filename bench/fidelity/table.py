"""The table of fidelity, and its targets."""

from collections.abc import Mapping

from rich.table import Table

from bench.fidelity.measuring import Fidelity

#: Shares of pairs, and of rows; times; a relative error.
WINS, RATIO, WITH_REASON, ERROR = 0.9, 3.0, 0.99, 1e-5

COLUMNS = (
    "recipe",
    "kind",
    "pairs",
    f"cited one takes more away (≥ {WINS:.0%})",
    "mean fall: cited, random",
    f"times a random like (≥ {RATIO:g})",
    f"rows with a reason (≥ {WITH_REASON:.0%})",
    f"sum against score (≤ {ERROR:g})",
    "lists, reasons: seconds",
)


def misses(fidelity: Fidelity) -> list[str]:
    """Return what a recipe misses, in words."""
    missed = []
    if fidelity.wins < WINS:
        missed.append(f"the cited movie takes more away in {fidelity.wins:.1%} of pairs")
    if fidelity.ratio < RATIO:
        missed.append(f"its fall is {fidelity.ratio:.2f} times that of a random like")
    if fidelity.share_with_reason < WITH_REASON:
        missed.append(f"{fidelity.share_with_reason:.1%} of rows have a reason")
    if fidelity.error is not None and fidelity.error > ERROR:
        missed.append(f"a sum of contributions differs from its score by {fidelity.error:.1g}")
    return missed


def table_of(measured: Mapping[str, Fidelity]) -> Table:
    """Return the table, a row a recipe."""
    table = Table(*COLUMNS, title="Fidelity: what is cited is what the score rests on")
    for label, fidelity in measured.items():
        table.add_row(
            label,
            fidelity.kind,
            f"{len(fidelity.cited):,}",
            f"{fidelity.wins:.1%}",
            f"{fidelity.cited.mean():.4f}, {fidelity.random.mean():.4f}",
            f"{fidelity.ratio:.2f}",
            f"{fidelity.share_with_reason:.2%}",
            "not a sum" if fidelity.error is None else f"{fidelity.error:.1g}",
            f"{fidelity.listing_seconds:.2f}, {fidelity.explaining_seconds:.2f}",
        )
    return table
