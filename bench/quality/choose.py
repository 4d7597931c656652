"""`python -m bench.quality.choose DATA PROTOCOL RECIPE name=1,2,4 …`: measure a recipe's settings
on validation data that is cut from the protocol's training part, best first.

What the protocol holds out is not used: settings that are chosen here owe nothing to it.
"""

import argparse
import itertools
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from bench.harness.command import HOME, console_of
from bench.quality.__main__ import settings_in
from bench.quality.fits import Fits
from bench.quality.protocols import PROTOCOLS
from bench.quality.protocols.base import Protocol, Validates
from bench.quality.table import number
from recsys.models import MODELS
from recsys.recipe import Recipe
from recsys.registry.compute import compute_of
from recsys.terminal import show_in_any_encoding

WIDTH = 120  # of the table
SEED = 1
MAX_TRIALS = 24
VALIDATED = [name for name, kind in PROTOCOLS.items() if issubclass(kind, Validates)]


class Trial(NamedTuple):
    """`changed` is what the grid sets, `metrics` what validation gives."""

    changed: dict[str, Any]
    metrics: dict[str, float]


def main(argv: Sequence[str] | None = None, home: Path = HOME) -> int:
    """Print the table of a grid."""
    chosen = parse_arguments(argv)
    settings = settings_in(home)
    fits = Fits(home / "fits", lambda seed: compute_of(settings, seed=seed))
    protocol = PROTOCOLS[chosen.protocol](chosen.data, fits)
    template = Recipe.of(chosen.recipe)
    console = console_of(WIDTH)
    print_table(console, protocol, choose(protocol, template, dict(chosen.grid), console))
    return 0


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.quality.choose", description=__doc__)
    parser.add_argument("data", type=Path, help="the folder that bench-quality takes")
    parser.add_argument("protocol", choices=VALIDATED)
    parser.add_argument("recipe", choices=list(MODELS))
    parser.add_argument("grid", nargs="*", type=values_of, help="e.g. factors=64,128")
    return parser.parse_args(argv)


def values_of(text: str) -> tuple[str, list[Any]]:
    """Return a setting's name and the values that the grid gives it, each as JSON or a word."""
    name, equals, values = text.partition("=")
    if not (name and equals and values):
        raise argparse.ArgumentTypeError(f"{text!r}: expected name=value,value,…")
    return name, [value_of(value) for value in values.split(",")]


def value_of(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def choose(
    protocol: Protocol,
    template: Recipe,
    grid: Mapping[str, Sequence[Any]],
    console: Console | None = None,
) -> list[Trial]:
    """Return a trial for each combination of the grid, best first by the protocol's first metric.

    Raises ValueError for more than MAX_TRIALS.
    """
    combinations = list(combinations_of(grid))
    if len(combinations) > MAX_TRIALS:
        raise ValueError(f"{len(combinations)} combinations; expected at most {MAX_TRIALS}")
    trials = []
    for changed in combinations:
        recipe = Recipe.of(template.name, **(dict(template.settings) | changed))
        trials.append(Trial(changed, validated(protocol, recipe)))
        if console:
            console.print(in_words(protocol, trials[-1]), markup=False, highlight=False)
    first = protocol.metrics[0]
    return sorted(
        trials,
        key=lambda trial: trial.metrics[first],
        reverse=not protocol.lower_is_better,
    )


def combinations_of(grid: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    for values in itertools.product(*grid.values()):
        yield dict(zip(grid, values, strict=True))


def validated(protocol: Protocol, recipe: Recipe) -> dict[str, float]:
    if not isinstance(protocol, Validates):
        raise TypeError(f"{protocol.name} cuts no validation data; expected one of {VALIDATED}")
    return protocol.validate(recipe, SEED)


def in_words(protocol: Protocol, trial: Trial) -> str:
    return f"{json.dumps(trial.changed)}: {figures_of(protocol, trial)}"


def figures_of(protocol: Protocol, trial: Trial) -> str:
    return " / ".join(number(trial.metrics[name]) for name in protocol.metrics)


def print_table(console: Console, protocol: Protocol, trials: Sequence[Trial]) -> None:
    names = list(trials[0].changed)
    table = Table(*names, " / ".join(protocol.metrics), "fit, s", title=f"{protocol.name}: best")
    for trial in trials:
        values = [json.dumps(trial.changed[name]) for name in names]
        seconds = f"{trial.metrics['fit seconds']:.1f}"
        table.add_row(*values, figures_of(protocol, trial), seconds)
    console.print(table)


if __name__ == "__main__":
    show_in_any_encoding()
    sys.exit(main())
