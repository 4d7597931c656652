"""The model, asked in the API's own process: as its route does, and without a key."""

import json
from collections.abc import Mapping
from typing import Any

from recsys.errors import RecsysError
from recsys.serving.fresh import Fresh, ListRequest
from recsys.serving.pages.asks import ApiAway
from recsys.serving.problems import Problem
from recsys.serving.routes.for_ratings import ForRatings, history_of

__all__ = ["LocalAsks"]


class LocalAsks:
    """The champion of this process."""

    def __init__(self, fresh: Fresh) -> None:
        self.fresh = fresh

    async def for_ratings(self, body: Mapping[str, Any], /) -> dict[str, Any]:
        """Return the list for some ratings. Raises ApiAway."""
        request = ForRatings.model_validate(body)
        wish = ListRequest(request, is_explained=True, fold_in=request.fold_in)
        try:
            return json.loads(await self.fresh.answer(history_of(request.ratings), wish))
        except (Problem, RecsysError) as error:
            raise ApiAway(str(getattr(error, "detail", error))) from error
