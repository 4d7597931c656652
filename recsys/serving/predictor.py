"""The model that predicts stars, in memory: the newest fit, looked for again after a minute."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from recsys.errors import LedgerError, RecsysError
from recsys.serving.problems import Problem
from recsys.settings import Settings

if TYPE_CHECKING:
    from recsys.prediction import StarsModel

__all__ = ["Predictor"]

Answer = TypeVar("Answer")

#: Seconds after which MLflow is asked for a newer fit.
FRESH = 60.0


class Predictor:
    """Answers one question at a time, in a thread. Nothing of torch or MLflow is imported before
    the first.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._computing = ThreadPoolExecutor(1, thread_name_prefix="predictor")
        self._newest: StarsModel | None = None
        self._until = 0.0

    async def ask(self, question: Callable[["StarsModel"], Answer]) -> Answer:
        """Return the answer of the newest model. Raises a 503 where MLflow has none or is away, a
        422 where the model cannot answer: the error says what it expects.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._computing, self._answer, question)

    def _answer(self, question: Callable[["StarsModel"], Answer]) -> Answer:
        model = self.newest()
        try:
            return question(model)
        except RecsysError as error:
            raise Problem(422, str(error)) from error

    def newest(self) -> "StarsModel":
        """Return the newest model; the one in memory for a minute, and while MLflow is away."""
        if self._newest is not None and time.monotonic() < self._until:
            return self._newest
        from mlflow.exceptions import MlflowException

        from recsys.prediction import newest_model
        from recsys.registry.store import Registry

        try:
            self._newest = newest_model(Registry(self.settings), self._newest)
        except (LedgerError, MlflowException, OSError) as error:
            if self._newest is None:
                raise Problem(
                    503, "there is no model that predicts stars, or MLflow is away"
                ) from error
        self._until = time.monotonic() + FRESH
        return self._newest
