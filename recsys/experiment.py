"""A challenger's share of the users, for some weeks: its lists are seen by real people, and judged
by what they then do.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any, Self

from psycopg.types.json import Jsonb

from recsys.db.connect import Connection
from recsys.db.queries import queries
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

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "recipe": self.recipe.to_json(),
            "share": self.share,
            "last_as_of": self.last_as_of.isoformat(),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        recipe, last = Recipe.from_json(value["recipe"]), date.fromisoformat(value["last_as_of"])
        return cls(value["name"], recipe, float(value["share"]), last)


def experiment_of(conn: Connection, as_of: date) -> Experiment | None:
    """The experiment that a week is part of."""
    row = conn.execute(queries("experiment")["running"], {"as_of": as_of}).fetchone()
    return (
        Experiment(row.name, Recipe.from_json(row.recipe), row.share, row.last_as_of)
        if row
        else None
    )


def begin_experiment(conn: Connection, as_of: date, experiment: Experiment, run_id: str) -> None:
    """Enter an experiment from a week on; the same again changes nothing.

    Raises LedgerError where it runs with another share or until another week, and where another
    runs at that time.
    """
    entry = conn.execute(queries("experiment")["by_name"], {"name": experiment.name}).fetchone()
    if entry and (entry.share, entry.last_as_of) != (experiment.share, experiment.last_as_of):
        raise LedgerError(
            f"experiment {experiment.name} has {entry.share:g} of the users until "
            f"{entry.last_as_of}; found {experiment.share:g} "
            f"until {experiment.last_as_of}, expected the same"
        )
    running = conn.execute(
        queries("experiment")["overlapping"],
        {"first_as_of": as_of, "last_as_of": experiment.last_as_of},
    ).fetchone()
    if running and running.name != experiment.name:
        raise LedgerError(
            f"week {as_of}: experiment {running.name} runs from {running.first_as_of} to "
            f"{running.last_as_of}; one at a time, so "
            "expected weeks after it, or before"
        )
    params = {
        "name": experiment.name,
        "recipe_key": experiment.recipe.key,
        "recipe": Jsonb(experiment.recipe.to_json()),
        "share": experiment.share,
        "first_as_of": as_of,
        "last_as_of": experiment.last_as_of,
        "run_id": run_id,
    }
    conn.execute(queries("experiment")["begin"], params)
