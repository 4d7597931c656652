"""Observed hits: what became of the lists that people had, by what they then rated and liked.

People rate what they rate, and not because a list showed it to them; where a published data set is
replayed, nobody saw a list at all. So this checks a forecast of the week that followed. It is no
proof that a list moved anyone, and a movie that a user would have liked but did not rate counts as
a miss.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

import numpy as np

from recsys.db.arrays import read_arrays
from recsys.db.connect import Connection, Lock, advisory_lock
from recsys.db.queries import queries
from recsys.evaluation.comparison import (
    Interval,
    paired_bootstrap,
    simultaneous_intervals,
    two_sample_bootstrap,
)
from recsys.evaluation.metrics import DECIDING, RANKING
from recsys.week import WeekPlan

log = logging.getLogger(__name__)

METRICS = (DECIDING, "hit rate@10")
#: Places of a list that are looked at.
PLACES = max(RANKING[metric][1] for metric in METRICS)
#: Fewer users than this are no sample: their mean says nothing of others, and its interval claims
#: what it cannot know.
LEAST_USERS = 30
#: All users, where a row is not of one arm or one source.
ALL = "all"
DIFFERENCE = "challenger - champion"

_USER_SCORES = {
    "user_id": "bigint",
    "n_liked": "integer",
    "hits": "integer",
    "from_model": "integer",
    "arm": "integer",
}
_CHAMPION, _CHALLENGER = 1, 2


@dataclass(frozen=True)
class UserScores:
    """J users who had a list and liked a movie: `user_ids` (J,) ascending, each metric's `values`
    (J,), whether the list was `from_model` (J,) or the fallback, and `arms` (J,): 0 without an
    experiment, 1 the champion's, 2 the challenger's.
    """

    user_ids: np.ndarray
    values: Mapping[str, np.ndarray]
    from_model: np.ndarray
    arms: np.ndarray

    @property
    def split(self) -> bool:
        """Whether both arms are there."""
        return bool((self.arms == _CHAMPION).any() and (self.arms == _CHALLENGER).any())


@dataclass(frozen=True)
class Observed:
    """A figure of a publication, with its interval: a mean over the `n` users of an arm and a
    source, or a difference.
    """

    publication_id: int
    arm: str
    source: str
    recipe_key: str
    metric: str
    value: float
    low: float
    high: float
    n: int


def judge(conn: Connection, week: WeekPlan, *, resamples: int) -> None:
    """Judge what readers had before this week, once, by what they rated until it: first ratings, as
    lists leave out the rest.

    The challengers' own publications of that time are judged too. A publication whose rows are gone
    has no one to be judged by.
    """
    with advisory_lock(conn, Lock.OBSERVED):
        if recorded(conn, week.as_of):
            return
        judged = conn.execute(queries("observed")["judged"], {"as_of": week.as_of}).fetchall()
        scored = [(publication, _user_scores(conn, week, publication)) for publication in judged]
        found = [(publication, scores) for publication, scores in scored if len(scores.user_ids)]
        rows = [
            {"as_of": week.as_of, "since": publication.since, **asdict(row)}
            for publication, row in _figures(found, resamples=resamples, seed=week.seed)
        ]
        with conn.transaction(), conn.cursor() as cursor:
            cursor.executemany(queries("observed")["record"], rows)


def recorded(conn: Connection, as_of: date) -> list[Any]:
    """What a week said of the lists before it: the fields of `Observed`, with `since` and
    `is_shadow`.
    """
    return conn.execute(queries("observed")["recorded"], {"as_of": as_of}).fetchall()


def judged_week(conn: Connection, as_of: date) -> date | None:
    """The week whose lists a week judged; None where it judged none."""
    return next((row.since for row in recorded(conn, as_of)), None)


def unjudged(conn: Connection, week: WeekPlan) -> str:
    """Why a week judged nothing; nothing to say where there was no earlier publication."""
    judged = conn.execute(queries("observed")["judged"], {"as_of": week.as_of}).fetchall()
    return " ".join(_why_not(week, publication) for publication in judged)


def _why_not(week: WeekPlan, publication: Any) -> str:
    which = (
        f"Publication {publication.publication_id}, which stood in week {publication.since}, was "
        "not judged"
    )
    if not publication.has_rows:
        return f"{which}: its rows are gone."
    return (
        f"{which}: until {week.as_of} nobody with a list there liked a movie that was new to them."
    )


def _user_scores(conn: Connection, week: WeekPlan, publication: Any) -> UserScores:
    params = {
        "publication_id": publication.publication_id,
        "since": publication.since,
        "k": PLACES,
        "like_threshold": week.like_threshold,
        **week.snapshot.params,
    }
    found = read_arrays(conn, queries("observed")["user_scores"], params, _USER_SCORES)
    hits = (found["hits"][:, None] >> np.arange(PLACES) & 1).astype(bool)
    values = {}
    for name in METRICS:
        metric, k = RANKING[name]
        values[name] = metric(hits[:, :k], found["n_liked"]) if len(hits) else np.zeros(0)
    return UserScores(found["user_id"], values, found["from_model"] == 1, found["arm"])


def _figures(
    found: list[tuple[Any, UserScores]], *, resamples: int, seed: int
) -> Iterator[tuple[Any, Observed]]:
    """Every figure of every publication. `found` has what readers saw first, if it could be
    judged.
    """
    seen = next((scores for publication, scores in found if not publication.is_shadow), None)
    draw = {"resamples": resamples, "seed": seed}
    for publication, scores in found:
        for arm, source, users in _groups(scores):
            for metric, values in scores.values.items():
                interval = simultaneous_intervals(values[users][:, None], **draw)[0]
                # of a few users it may reach beyond what a share can be
                within = replace(interval, low=max(interval.low, 0.0), high=min(interval.high, 1.0))
                yield publication, _observed(publication, arm, source, metric, within)
        for metric, interval in _differences(publication, scores, seen, draw):
            yield publication, _observed(publication, DIFFERENCE, ALL, metric, interval)


def _groups(scores: UserScores) -> Iterator[tuple[str, str, np.ndarray]]:
    """(arm, source, mask (J,)) of everyone, of each source, and of each arm where there are two;
    none of them empty.
    """
    groups = [
        (ALL, ALL, np.ones(len(scores.user_ids), dtype=bool)),
        (ALL, "model", scores.from_model),
        (ALL, "fallback", ~scores.from_model),
    ]
    if scores.split:
        groups += [
            ("champion", ALL, scores.arms == _CHAMPION),
            ("challenger", ALL, scores.arms == _CHALLENGER),
        ]
    return (group for group in groups if group[2].any())


def _differences(
    publication: Any, scores: UserScores, seen: UserScores | None, draw: Mapping[str, int]
) -> Iterator[tuple[str, Interval]]:
    """The challenger's figures less the champion's, by metric.

    Of a publication in two arms it is between their users; of one in the shadow, between the lists
    of the same users.
    """
    if scores.split:
        for metric, values in scores.values.items():
            challengers, champions = (
                values[scores.arms == _CHALLENGER],
                values[scores.arms == _CHAMPION],
            )
            yield metric, two_sample_bootstrap(challengers, champions, **draw)
    elif publication.is_shadow and seen is not None and not seen.split:
        _, ours, theirs = np.intersect1d(
            scores.user_ids, seen.user_ids, assume_unique=True, return_indices=True
        )
        if len(ours):
            for metric, values in scores.values.items():
                yield metric, paired_bootstrap(values[ours], seen.values[metric][theirs], **draw)


def _observed(publication: Any, arm: str, source: str, metric: str, interval: Interval) -> Observed:
    key = publication.recipe_key if arm in (ALL, "champion") else publication.challenger_key
    figures = (interval.mean, interval.low, interval.high, interval.n)
    return Observed(publication.publication_id, arm, source, key, metric, *figures)
