"""What an operator does, by the same functions as the command line, as recsys_operator.

They wait for locks and write, so that each runs in a thread. MLflow's alias follows with the next
run, as where MLflow is away: the pages may only read there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, TypeVar

from starlette.concurrency import run_in_threadpool

from recsys.db.connect import Connection, connect
from recsys.errors import RequestError
from recsys.experiment import Experiment, begin_experiment
from recsys.limits import LIMITS, check_reason
from recsys.promotion.live import roll_back
from recsys.recipe import Recipe
from recsys.removal.requester import Requester
from recsys.removal.withdrawal import undo_withdrawal, withdraw_movie
from recsys.settings import Settings

__all__ = ["Act", "NewExperiment", "Operator"]

Done = TypeVar("Done")


@dataclass(frozen=True)
class Act:
    """Who wants something done, and why."""

    reason: str
    requested_by: str

    @property
    def requester(self) -> Requester:
        """Return the person, with an id for this one act."""
        moment = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}"
        return Requester(self.requested_by, f"{self.requested_by} on the pages, {moment}")


@dataclass(frozen=True)
class NewExperiment:
    """An experiment as the form names it."""

    name: str
    recipe: dict[str, Any]
    share: float
    last_as_of: date


class Operator:
    """Operations on the database of some settings."""

    def __init__(self, settings: Settings) -> None:
        url = settings.operator_database_url
        if url is None:
            raise RequestError(
                "operations have no database: RECSYS_OPERATOR_DATABASE_URL is empty; expected "
                "postgresql://recsys_operator:password@host:port/database"
            )
        self.settings = settings.model_copy(update={"database_url": url})

    async def roll_back(self, publication_id: int, act: Act) -> str:
        """Make another publication live; return what was done."""
        named = {"reason": act.reason, **vars(act.requester)}
        return await self._with_connection(
            lambda conn: str(roll_back(conn, publication_id, **named))
        )

    async def withdraw(self, movie_id: int, act: Act, *, now: bool) -> str:
        """Keep a movie out of the lists; return what was done."""
        return await run_in_threadpool(
            withdraw_movie,
            self.settings,
            movie_id,
            act.reason,
            now=now,
            requester=act.requester,
        )

    async def undo_withdrawal(self, movie_id: int, act: Act) -> str:
        """Let a movie be recommended again; return what was done."""
        return await run_in_threadpool(
            undo_withdrawal, self.settings, movie_id, act.reason, requester=act.requester
        )

    async def begin_experiment(self, as_of: date, wish: NewExperiment, act: Act) -> str:
        """Begin an experiment with a week; return what was done. Raises RequestError where its
        share or weeks are none.
        """
        check_reason(act.reason)
        check_experiment(as_of, wish)
        experiment = Experiment(
            wish.name, Recipe.from_json(wish.recipe), wish.share, wish.last_as_of
        )
        run_id = f"{act.requester.run_id}: {act.reason}"
        await self._with_connection(lambda conn: begin_experiment(conn, as_of, experiment, run_id))
        return (
            f"experiment {wish.name} runs from week {as_of} to {wish.last_as_of}: the next week "
            f"makes lists of {experiment.recipe.key} too"
        )

    async def _with_connection(self, work: Callable[[Connection], Done]) -> Done:
        def done() -> Done:
            with connect(self.settings) as conn:
                return work(conn)

        return await run_in_threadpool(done)


def check_experiment(as_of: date, wish: NewExperiment) -> None:
    """Raise RequestError where a form names no experiment that can be."""
    limit = LIMITS["challenger_share"]
    if not limit.admits(wish.share):
        raise RequestError(f"the share is {wish.share:g}; expected {limit}")
    if not wish.name.strip() or len(wish.name) > 60:
        raise RequestError("the experiment has no name; expected one of 1 to 60 letters")
    weeks = (wish.last_as_of - as_of).days / 7
    if not 0 <= weeks <= LIMITS["challenger_weeks"].most:
        raise RequestError(
            f"the last week is {wish.last_as_of}; expected one from {as_of} on, and at most "
            f"{LIMITS['challenger_weeks'].most:g} weeks later"
        )
