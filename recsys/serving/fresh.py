"""Lists made on request: the champion is asked with a history, and Postgres writes the answer."""

import json
import logging
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from recsys.serving.champion import Champions
from recsys.serving.database import Database
from recsys.serving.filters import ListFilters
from recsys.serving.problems import Problem

if TYPE_CHECKING:
    from recsys.serving.asking import ModelList, Question

__all__ = ["Fresh", "History", "ListRequest"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class History:
    """What a person has rated: movie ids, stars, epoch seconds; of a user, as the publication
    `publication_id` knew it.
    """

    movie_ids: list[int]
    ratings: list[float]
    rated_at: list[int]
    publication_id: int | None = None


@dataclass(frozen=True)
class Champion:
    """The model to ask, and what its list may hold: see the query `champion`."""

    publication_id: int
    as_of: date
    recipe_key: str
    model_version: str
    digest: str | None
    origin_id: int
    min_history: int
    like_threshold: float
    arm: str | None
    left_out: list[int]
    offered: list[int] | None
    unknown: list[int]

    @property
    def params(self) -> dict[str, object]:
        """Return what the query `answer` takes of it."""
        names = (
            "publication_id",
            "as_of",
            "recipe_key",
            "model_version",
            "arm",
            "origin_id",
            "like_threshold",
            "left_out",
        )
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class ListRequest:
    """What a list shall be: filters, reasons, the week, and whether the model answers any
    history, however short.
    """

    filters: ListFilters
    is_explained: bool = True
    as_of: date | None = None
    user_id: int | None = None
    fold_in: bool = False


@dataclass(frozen=True)
class Fresh:
    """Where the answers come from."""

    database: Database
    champions: Champions

    async def warm_up(self) -> None:
        """Load the live champion; without one, or without MLflow, the first question will try."""
        wish = ListRequest(ListFilters())
        try:
            champion = await self.champion(History([], [], []), wish)
            await self.champions.ask(champion.model_version, champion.digest, type)
        except Exception as error:  # noqa: BLE001 - whatever it is, the API goes on
            log.warning("the champion is not loaded yet: %s", error)

    async def history(self, user_id: int, *, is_fresh: bool = True) -> History:
        """Return what a user has rated, through the API too unless the list is a stored one."""
        history = await self.database.row(
            History, "serving_champion", "history", user_id=user_id, is_fresh=is_fresh
        )
        return history or History([], [], [])

    async def complete_reasons(self, body: bytes) -> bytes:
        """Return a stored list with the reasons that the publication does not have: the champion
        is asked for those deeper in the list.
        """
        answer = json.loads(body)
        wish = ListRequest(ListFilters(), user_id=answer["user_id"])
        history = await self.history(answer["user_id"], is_fresh=False)
        champion = await self.champion(history, wish)
        if {history.publication_id, champion.publication_id} != {answer["publication"]}:
            return body  # another is live by now, whose model did not make this list
        bare = [item for item in answer["items"] if item["reasons"] is None]
        question = question_of(champion, history, wish)
        reasons = await self.reasons(champion, question, [item["movie_id"] for item in bare])
        for item in bare:
            item["reasons"] = reasons.get(str(item["movie_id"]))
        return json.dumps(answer).encode()

    async def reasons(
        self, champion: Champion, question: "Question", movie_ids: list[int]
    ) -> dict[str, object]:
        """Return the reasons of movies by their ids as text."""
        from recsys.serving.asking import explain

        best = await self.champions.ask(
            champion.model_version, champion.digest, partial(explain, question, movie_ids)
        )
        reasons = await self.database.value(
            str,
            "serving_champion",
            "reasons",
            like_threshold=champion.like_threshold,
            rated_ids=question.movie_ids,
            ratings=question.ratings,
            **best.reason_params,
        )
        return json.loads(reasons or "{}")

    async def answer(self, history: History, wish: ListRequest) -> bytes:
        """Return a list as JSON. Raises a 404 where the week has no model, a 422 for ratings of
        movies that are not known, a 503 where nothing is live.
        """
        from recsys.serving.asking import ModelList

        champion = await self.champion(history, wish)
        is_current = history.publication_id == champion.publication_id
        if wish.user_id is not None and wish.as_of is None and not is_current:
            # another went live between the two
            return await self.answer(await self.history(wish.user_id), wish)
        is_known = wish.fold_in or len(history.movie_ids) >= champion.min_history
        best = await self.ask(champion, history, wish) if is_known else ModelList.empty()
        filters = wish.filters.params
        left_over = ("excluded_ids", "request")
        body = await self.database.value(
            bytes,
            "serving_champion",
            "answer",
            **champion.params,
            user_id=wish.user_id,
            rated_ids=history.movie_ids,
            ratings=history.ratings,
            is_known=is_known,
            scores=best.scores,
            **best.reason_params,
            explain=wish.is_explained,
            **{name: value for name, value in filters.items() if name not in left_over},
        )
        return body or b""

    async def champion(self, history: History, wish: ListRequest) -> Champion:
        """Return the model to ask, and check that the history is of movies."""
        left_over = ("n", "skip", "fields", "request")
        filters = {
            name: value for name, value in wish.filters.params.items() if name not in left_over
        }
        champion = await self.database.row(
            Champion,
            "serving_champion",
            "champion",
            as_of=wish.as_of,
            user_id=wish.user_id,
            movie_ids=history.movie_ids,
            **filters,
        )
        if champion is None and wish.as_of is not None:
            raise Problem(404, f"no lists were published for {wish.as_of}: expected a week's as_of")
        if champion is None:
            raise Problem(503, "no publication is live yet: a week has to run first")
        if champion.unknown and wish.user_id is None:
            raise Problem(422, "some ratings are of no movie", unknown=champion.unknown[:20])
        return champion

    async def ask(self, champion: Champion, history: History, wish: ListRequest) -> "ModelList":
        """Return the model's part of a list."""
        from recsys.serving.asking import ask

        question = question_of(champion, history, wish)
        return await self.champions.ask(
            champion.model_version, champion.digest, partial(ask, question)
        )


def question_of(champion: Champion, history: History, wish: ListRequest) -> "Question":
    """Return what the model is given."""
    from recsys.serving.asking import Question

    return Question(
        movie_ids=history.movie_ids,
        ratings=history.ratings,
        rated_at=history.rated_at,
        n=wish.filters.n + wish.filters.offset,
        left_out=champion.left_out,
        offered=champion.offered,
        is_explained=wish.is_explained,
    )
