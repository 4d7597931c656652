"""Candidates, the lists that readers see, and the report."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from recsys_airflow.operators.step import WeekOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from recsys.settings import Settings


class ListShards(WeekOperator):
    """Lists the shards that share the scoring, one mapped score_users each."""

    step = "list_shards"


class DecidedOperator(WeekOperator):
    """A step that takes the week's decision, and the version of an experiment's challenger."""

    template_fields: Collection[str] = ("week", "promotion_id", "challenger_version")

    def __init__(self, *, promotion_id: Any, challenger_version: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.promotion_id = promotion_id
        self.challenger_version = challenger_version


class ScoreUsers(DecidedOperator):
    """Stores the candidates of a shard's users, an experiment's too; returns of how many users."""

    step = "score_users"
    template_fields: Collection[str] = ("week", "promotion_id", "challenger_version", "shard")

    def __init__(self, *, shard: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shard = shard


class FindSimilarMovies(DecidedOperator):
    """Stores the movies that are nearest to each movie, by the champion or by content.

    Returns how many pairs.
    """

    step = "find_similar_movies"


class PublishRecommendations(DecidedOperator):
    """Makes and checks every user's list in SQL, then makes it live in one transaction.

    Returns the publication's id.
    """

    step = "publish_recommendations"


class ReportWeek(WeekOperator):
    """Reports the run on one page, as Markdown. `notes` are the sensors'."""

    step = "report_week"
    template_fields: Collection[str] = ("week", "promotion_id", "publication_id", "notes")

    def __init__(
        self, *, promotion_id: Any, publication_id: Any, notes: Any = (), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.promotion_id = promotion_id
        self.publication_id = publication_id
        self.notes = notes

    def inputs(self, settings: "Settings", context: "Context") -> dict[str, Any]:
        notes = [note for note in self.notes if note]
        return super().inputs(settings, context) | {"notes": notes}
