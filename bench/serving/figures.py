"""A figure beside what it must be."""

from dataclasses import dataclass

from rich.table import Table

from bench.harness.bounds import Bounded, Sense


@dataclass(frozen=True)
class Target(Bounded):
    """What a figure must be, at least or at most."""

    sense: Sense
    value: float

    def __str__(self) -> str:
        return f"{self.sense} {self.value:g}"


@dataclass(frozen=True)
class Figure:
    """What was measured, in words and as the number that a target is for; None: only shown."""

    name: str
    shown: str
    number: float = 0.0
    target: Target | None = None

    @property
    def met(self) -> bool | None:
        """Return whether the target is met, None where there is none."""
        return None if self.target is None else self.target.holds(self.number)


def ratio(name: str, over: float, under: float, target: Target, unit: str = "") -> Figure:
    """Return one number by another, beside both."""
    shown = f"{over:,.3g}{unit} / {under:,.3g}{unit} = {over / under:.2f} ×"
    return Figure(name, shown, over / under, target)


def table_of(title: str, figures: list[Figure]) -> Table:
    """Return all figures, one a line."""
    table = Table("what", "measured", "target", "verdict", title=title)
    for figure in figures:
        target = "" if figure.target is None else str(figure.target)
        verdict = {None: "", True: "[green]met", False: "[red]missed"}[figure.met]
        table.add_row(figure.name, figure.shown, target, verdict)
    return table
