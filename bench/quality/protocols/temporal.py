"""ML-1M cut once by time: the oldest 90% of the ratings are known, the newest 10% are the exam."""

from datetime import UTC, datetime
from functools import cached_property
from typing import NamedTuple

from bench.quality.files import read_catalogue, read_ratings
from bench.quality.protocols.base import IMDB, LIKE_THRESHOLD, ML_1M, Protocol
from recsys.evaluation.holdout import newest_by_time
from recsys.evaluation.split import Exam, deciding_users
from recsys.exam import examine
from recsys.features.catalogue import Catalogue
from recsys.features.interactions import Interactions
from recsys.models.base import Recommender
from recsys.recipe import Recipe

HELD_OUT_SHARE = 0.1
#: Known ratings below which a user is cold, as in the weekly exam.
MIN_HISTORY = 5


class Split(NamedTuple):
    exam: Exam
    catalogue: Catalogue


class Temporal(Protocol):
    """The weekly exam's arithmetic: whole catalogue less what the user rated; relevant is what the
    user then liked.
    """

    name = "temporal"
    title = "ML-1M, global temporal split: newest 10% of all ratings, whole catalogue"
    metrics = ("NDCG@10",)
    needs = (*ML_1M, *IMDB)

    def measure(self, recipe: Recipe, seed: int) -> dict[str, float]:
        fitted = self.fits.fitted(recipe, self.split.exam.known, self.split.catalogue, seed)
        return {
            **examined(fitted.model, self.split.exam, self.split.catalogue),
            "fit seconds": fitted.seconds,
        }

    @cached_property
    def split(self) -> Split:
        catalogue = read_catalogue((self.data / ML_1M[0]).parent, (self.data / IMDB[0]).parent)
        interactions = read_ratings((self.data / ML_1M[0]).parent).over(catalogue.movie_ids)
        return Split(exam_of(interactions), catalogue)


def exam_of(interactions: Interactions) -> Exam:
    """The newest tenth of all ratings is held out."""
    held_out = newest_by_time(interactions, HELD_OUT_SHARE)
    users = deciding_users(interactions, held_out, interactions.ratings >= LIKE_THRESHOLD)
    known, asked = interactions.where(~held_out), interactions.where(held_out)
    cut = datetime.fromtimestamp(int(asked.rated_at.min()), UTC)
    return Exam(kind="dated", weeks=None, cut=cut, known=known, held_out=asked, users=users)


def examined(model: Recommender, exam: Exam, catalogue: Catalogue) -> dict[str, float]:
    """The exam's table, over the users that decide."""
    result = examine(
        model, exam, like_threshold=LIKE_THRESHOLD, min_history=MIN_HISTORY, catalogue=catalogue
    )
    return {metric: value for part, metric, value, _ in result.values if part == "all"}
