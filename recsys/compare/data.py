"""What recipes are compared on: the exam of a week, or one that is cut from a MovieLens release."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from recsys.dataset import read_catalogue, read_ratings
from recsys.db.connect import Connection
from recsys.errors import NothingToRecommend, RequestError
from recsys.evaluation.split import Exam, split_exam, split_newest
from recsys.exam_data import exam_of
from recsys.features.catalogue import Catalogue
from recsys.features.interactions import Interactions
from recsys.settings import Settings
from recsys.week import WeekPlan

__all__ = ["PROTOCOLS", "ComparedData", "data_of_release", "data_of_week"]

#: Of all ratings, in the protocol "temporal".
HELD_OUT_SHARE = 0.1


@dataclass(frozen=True)
class ComparedData:
    """An exam and its movies. `title` says which; `min_history` are the training ratings below
    which a user is cold.
    """

    title: str
    exam: Exam
    catalogue: Catalogue
    seed: int
    min_history: int

    @cached_property
    def fingerprint(self) -> str:
        """Return a hex digest of all that a result depends on here."""
        parts = (
            self.exam.train.fingerprint(),
            self.catalogue.fingerprint(),
            self.exam.held_out.fingerprint(),
            str(self.min_history),
        )
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()


def data_of_week(conn: Connection, week: WeekPlan) -> ComparedData:
    """Return the exam of a week, as the week's own recipes have it."""
    exam, catalogue = exam_of(conn, week)
    span = f"exam of {exam.weeks} weeks" if exam.weeks else "exam leave-newest-out"
    title = f"week {week.as_of}, {span}"
    return ComparedData(title, exam, catalogue, week.seed, week.min_history)


def data_of_release(
    folder: Path, imdb: Path | None, protocol: str, settings: Settings
) -> ComparedData:
    """Return the exam that a protocol cuts from a MovieLens release; `imdb`: a folder of IMDb's
    files, which tell of its movies.

    Raises RequestError without the folder, DropError where it holds no release, ModelError where
    no rating would be held out, and NothingToRecommend where no user would decide.
    """
    for path in filter(None, (folder, imdb)):
        if not path.is_dir():
            raise RequestError(f"no folder {path}; expected one with the files of a release")
    catalogue = read_catalogue(folder, imdb)
    ratings = read_ratings(folder).over(catalogue.movie_ids)
    exam = PROTOCOLS[protocol](ratings, settings)
    if not len(exam.users):
        raise NothingToRecommend(
            f"{folder}, protocol {protocol}: no user has a training rating and a held-out like; "
            f"found {len(ratings):,} ratings, expected more"
        )
    title = f"{folder.resolve().name}, protocol {protocol}"
    return ComparedData(title, exam, catalogue, settings.seed, settings.min_history)


def _temporal(ratings: Interactions, settings: Settings) -> Exam:
    return split_newest(ratings, HELD_OUT_SHARE, settings.like_threshold)


def _weekly(ratings: Interactions, settings: Settings) -> Exam:
    return split_exam(
        ratings, min_users=settings.exam_min_users, like_threshold=settings.like_threshold
    )


#: Name → how a release is cut. "temporal": the newest tenth of all ratings is held out. "weekly":
#: the newest weeks, by the rule of the weekly exam.
PROTOCOLS: dict[str, Callable[[Interactions, Settings], Exam]] = {
    "temporal": _temporal,
    "weekly": _weekly,
}
