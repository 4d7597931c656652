"""The champion in memory: loaded by its version in the ledger, and asked one question at a time.

A question about a version that is not loaded waits until it is; the others go on with theirs.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from recsys.settings import Settings

if TYPE_CHECKING:
    from recsys.models.base import Recommender
    from recsys.serving.model_files import ModelFiles

__all__ = ["Champions"]

Answer = TypeVar("Answer")

#: Models in memory: the live one, its challenger, and the one before while others still ask it.
LOADED = 3


class Champions:
    """The models that a process has loaded. Nothing of torch or MLflow is imported before the first
    question.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._computing = ThreadPoolExecutor(1, thread_name_prefix="champion")
        self._loading = ThreadPoolExecutor(1, thread_name_prefix="champion-loading")
        self._models: OrderedDict[str, asyncio.Future[Recommender]] = OrderedDict()
        self._files: ModelFiles | None = None

    async def ask(
        self, number: str, digest: str | None, question: Callable[["Recommender"], Answer]
    ) -> Answer:
        """Return the answer of a model to a question, which is computed in a thread.

        Raises LedgerError or ModelLost where MLflow does not have the model.
        """
        model = await self._model(number, digest)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._computing, question, model)

    async def _model(self, number: str, digest: str | None) -> "Recommender":
        key = digest or number
        future = self._models.get(key)
        if future is None or (future.done() and future.exception() is not None):
            loop = asyncio.get_running_loop()
            future = loop.run_in_executor(self._loading, self._load, number, digest)
            self._models[key] = future
        self._models.move_to_end(key)
        # whoever asked may go away; the model is loaded all the same
        model = await asyncio.shield(future)
        while len(self._models) > LOADED:
            self._models.popitem(last=False)
        return model

    def _load(self, number: str, digest: str | None) -> "Recommender":
        from recsys.serving.model_files import ModelFiles, Version

        if self._files is None:
            self._files = ModelFiles(self.settings)
        return self._files.load(Version(number, digest))

    def close(self) -> None:
        """Take no more questions."""
        self._computing.shutdown(wait=False, cancel_futures=True)
        self._loading.shutdown(wait=False, cancel_futures=True)
