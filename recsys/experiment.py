"""A challenger's share of the users, for some weeks: its lists are seen by real people, and judged
by what they then do.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any, Self

from psycopg.types.json import Jsonb

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.db.rows import find_row
from recsys.errors import LedgerError
from recsys.recipe import Recipe


@dataclass(frozen=True)
class Experiment:
    """Users are in or out by a hash of their id and `name`, so that a user stays in for as long as
    it lasts.

    `share` 0 is a shadow: the challenger's lists are made and judged, and no reader sees them.
    After the week `last_as_of` it is over, without anyone doing anything.
    """

    name: str
    recipe: Recipe
    share: float
    last_as_of: date

    @property
    def params(self) -> dict[str, Any]:
        """Return it by the names of the columns."""
        return {
            "name": self.name,
            "recipe_key": self.recipe.key,
            "recipe": Jsonb(self.recipe.to_json()),
            "share": self.share,
            "last_as_of": self.last_as_of,
        }

    def to_json(self) -> dict[str, Any]:
        """Return a small value that `from_json` reads."""
        return {
            "name": self.name,
            "recipe": self.recipe.to_json(),
            "share": self.share,
            "last_as_of": self.last_as_of.isoformat(),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Read what `to_json` returned."""
        recipe = Recipe.from_json(value["recipe"])
        last = date.fromisoformat(value["last_as_of"])
        return cls(value["name"], recipe, float(value["share"]), last)


@dataclass(frozen=True)
class Terms:
    """What an experiment that runs keeps to."""

    share: float
    last_as_of: date


@dataclass(frozen=True)
class Overlap:
    """An experiment that has a week in common with another."""

    name: str
    first_as_of: date
    last_as_of: date


@dataclass(frozen=True)
class RunningExperiment(Overlap):
    """A row of experiments: the one that a week is part of."""

    recipe: dict[str, Any]
    share: float

    @property
    def experiment(self) -> Experiment:
        """Return the experiment that it holds."""
        return Experiment(self.name, Recipe.from_json(self.recipe), self.share, self.last_as_of)


def experiment_of(conn: Connection, as_of: date) -> Experiment | None:
    """Return the experiment that a week is part of; None where there is none."""
    row = find_row(conn, RunningExperiment, queries("experiment")["running"], {"as_of": as_of})
    return row.experiment if row else None


def begin_experiment(conn: Connection, as_of: date, experiment: Experiment, run_id: str) -> None:
    """Enter an experiment from a week on; the same again changes nothing.

    Raises LedgerError where it runs with another share or until another week, and where another
    runs at that time.
    """
    refuse_other_terms(conn, experiment)
    refuse_second(conn, as_of, experiment)
    entry = {"first_as_of": as_of, "run_id": run_id}
    conn.execute(queries("experiment")["begin"], entry | experiment.params)


def refuse_other_terms(conn: Connection, experiment: Experiment) -> None:
    """Raise LedgerError where the experiment is entered with another share or last week."""
    query = queries("experiment")["by_name"]
    entry = find_row(conn, Terms, query, {"name": experiment.name})
    if entry and entry != Terms(experiment.share, experiment.last_as_of):
        raise LedgerError(
            f"experiment {experiment.name} has {entry.share:g} of the users until "
            f"{entry.last_as_of}; found {experiment.share:g} "
            f"until {experiment.last_as_of}, expected the same"
        )


def refuse_second(conn: Connection, as_of: date, experiment: Experiment) -> None:
    """Raise LedgerError where another experiment runs in one of its weeks."""
    weeks = {"first_as_of": as_of, "last_as_of": experiment.last_as_of}
    running = find_row(conn, Overlap, queries("experiment")["overlapping"], weeks)
    if running and running.name != experiment.name:
        raise LedgerError(
            f"week {as_of}: experiment {running.name} runs from {running.first_as_of} to "
            f"{running.last_as_of}; one at a time, so "
            "expected weeks after it, or before"
        )
