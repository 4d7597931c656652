"""Observed hits: what became of the lists that people had, by what they then rated and liked.

People rate what they rate, and not because a list showed it to them; where a published data set is
replayed, nobody saw a list at all. So this checks a forecast of the week that followed. It is no
proof that a list moved anyone, and a movie that a user would have liked but did not rate counts as
a miss.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date

import numpy as np

from recsys.db.arrays import read_arrays
from recsys.db.connect import Connection, Lock, advisory_lock
from recsys.db.queries import queries
from recsys.db.rows import fetch_rows
from recsys.evaluation.comparison import (
    Interval,
    paired_bootstrap,
    simultaneous_intervals,
    two_sample_bootstrap,
)
from recsys.evaluation.metrics import DECIDING, RANKING
from recsys.week import WeekPlan

__all__ = [
    "ALL",
    "DIFFERENCE",
    "LEAST_USERS",
    "METRICS",
    "ObservedHits",
    "judge",
    "judged_week",
    "recorded",
    "unjudged",
]

METRICS = (DECIDING, "hit rate@10")
#: Places of a list that are looked at.
PLACES = max(RANKING[metric][1] for metric in METRICS)
#: Fewer users than this are no sample: their mean says nothing of others, and its interval claims
#: what it cannot know.
LEAST_USERS = 30
#: All users, where a row is not of one arm or one source.
ALL = "all"
DIFFERENCE = "challenger - champion"

#: Columns of the query `user_scores`.
_COLUMNS = {
    "user_id": "bigint",
    "n_liked": "integer",
    "hits": "integer",
    "from_model": "integer",
    "by_shown": "integer",
    "arm": "integer",
}
_CHAMPION, _CHALLENGER = 1, 2


@dataclass(frozen=True)
class JudgedPublication:
    """What readers had in the week `since`, or a challenger's own publication of that time.

    `has_rows` is False once retention has removed its rows.
    """

    publication_id: int
    since: date
    recipe_key: str
    is_shadow: bool
    challenger_key: str
    has_rows: bool

    def key_of(self, arm: str) -> str:
        """Return the recipe that made an arm's lists; of a difference, the challenger's."""
        return self.recipe_key if arm in (ALL, "champion") else self.challenger_key


@dataclass(frozen=True)
class UserScores:
    """J users who had a list and liked a movie: `user_ids` (J,) ascending, each metric's `values`
    (J,), whether the list was `from_model` (J,) or the fallback, whether only what was shown of it
    counts, `by_shown` (J,), and `arms` (J,): 0 without an experiment, 1 the champion's, 2 the
    challenger's.
    """

    user_ids: np.ndarray
    values: Mapping[str, np.ndarray]
    from_model: np.ndarray
    by_shown: np.ndarray
    arms: np.ndarray

    @property
    def in_champion(self) -> np.ndarray:
        """Whether each user is in the champion's arm (J,)."""
        return self.arms == _CHAMPION

    @property
    def in_challenger(self) -> np.ndarray:
        """Whether each user is in the challenger's arm (J,)."""
        return self.arms == _CHALLENGER

    @property
    def is_split(self) -> bool:
        """Whether both arms are there."""
        return bool(self.in_champion.any() and self.in_challenger.any())

    def groups(self) -> Iterator[tuple[str, str, np.ndarray]]:
        """Yield (arm, source, mask (J,)) of everyone, of each source, and of each arm where there
        are two; none of them empty.
        """
        groups = [
            (ALL, ALL, np.ones(len(self.user_ids), dtype=bool)),
            (ALL, "model", self.from_model),
            (ALL, "fallback", ~self.from_model),
        ]
        if self.is_split:
            groups += [
                ("champion", ALL, self.in_champion),
                ("challenger", ALL, self.in_challenger),
            ]
        return (group for group in groups if group[2].any())


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are drawn."""

    resamples: int
    seed: int

    def of_mean(self, values: np.ndarray) -> Interval:
        """Return the interval of a share's mean (J,): of a few users it may reach beyond 0 or 1,
        and is cut there.
        """
        interval = simultaneous_intervals(values[:, None], **asdict(self))[0]
        return replace(interval, low=max(interval.low, 0.0), high=min(interval.high, 1.0))

    def between_arms(self, scores: UserScores, metric: str) -> Interval:
        """Return the challenger's users' mean less the champion's users'."""
        values = scores.values[metric]
        challengers, champions = values[scores.in_challenger], values[scores.in_champion]
        return two_sample_bootstrap(challengers, champions, **asdict(self))

    def between_lists(self, ours: np.ndarray, theirs: np.ndarray) -> Interval:
        """Return the mean difference of two lists of the same users, (J,) each."""
        return paired_bootstrap(ours, theirs, **asdict(self))


@dataclass(frozen=True)
class ObservedHits:
    """A figure of a publication, with its interval: a mean over the `n` users of an arm and a
    source, or a difference. A row of `observed_hits`.
    """

    publication_id: int
    since: date
    arm: str
    source: str
    recipe_key: str
    metric: str
    value: float
    low: float
    high: float
    n: int
    is_shadow: bool
    n_shown: int = 0
    """Of these users, those of whose lists only what an app showed them counts."""

    @classmethod
    def of(
        cls,
        publication: JudgedPublication,
        group: tuple[str, str],
        metric: str,
        interval: Interval,
        n_shown: int = 0,
    ) -> "ObservedHits":
        """Return the figure of a group (arm, source) of a publication's users."""
        arm, source = group
        return cls(
            publication_id=publication.publication_id,
            since=publication.since,
            arm=arm,
            source=source,
            recipe_key=publication.key_of(arm),
            metric=metric,
            value=interval.mean,
            low=interval.low,
            high=interval.high,
            n=interval.n,
            is_shadow=publication.is_shadow,
            n_shown=n_shown,
        )


Judged = tuple[JudgedPublication, UserScores]


def judge(conn: Connection, week: WeekPlan, *, resamples: int) -> None:
    """Judge what readers had before this week, once, by what they rated until it: first ratings, as
    lists leave out the rest.

    The challengers' own publications of that time are judged too. A publication whose rows are gone
    has no one to be judged by.
    """
    with advisory_lock(conn, Lock.OBSERVED):
        if recorded(conn, week.as_of):
            return
        rows = figures(_judged(conn, week), Bootstrap(resamples, week.seed))
        params = [{"as_of": week.as_of, **asdict(row)} for row in rows]
        with conn.transaction(), conn.cursor() as cursor:
            cursor.executemany(queries("observed")["record"], params)


def recorded(conn: Connection, as_of: date) -> list[ObservedHits]:
    """Return what a week observed of the lists before it."""
    return fetch_rows(conn, ObservedHits, queries("observed")["recorded"], {"as_of": as_of})


def judged_week(conn: Connection, as_of: date) -> date | None:
    """Return the week whose lists a week judged; None where it judged none."""
    return next((row.since for row in recorded(conn, as_of)), None)


def unjudged(conn: Connection, week: WeekPlan) -> str:
    """Return why a week judged nothing; nothing where there was no earlier publication."""
    return " ".join(why_not(week, publication) for publication in _publications(conn, week))


def _publications(conn: Connection, week: WeekPlan) -> list[JudgedPublication]:
    return fetch_rows(conn, JudgedPublication, queries("observed")["judged"], {"as_of": week.as_of})


def _judged(conn: Connection, week: WeekPlan) -> list[Judged]:
    """The publications that someone with a list there can judge, with their users' scores."""
    scored = [(each, user_scores(conn, week, each)) for each in _publications(conn, week)]
    return [(each, scores) for each, scores in scored if len(scores.user_ids)]


def why_not(week: WeekPlan, publication: JudgedPublication) -> str:
    fact = (
        f"Publication {publication.publication_id}, which was live in week {publication.since}, "
        "was not judged"
    )
    if not publication.has_rows:
        return f"{fact}: its rows are gone."
    return (
        f"{fact}: until {week.as_of} nobody with a list there liked a movie that was new to them."
    )


def user_scores(conn: Connection, week: WeekPlan, publication: JudgedPublication) -> UserScores:
    params = {
        "publication_id": publication.publication_id,
        "since": publication.since,
        "k": PLACES,
        "like_threshold": week.like_threshold,
        "is_shadow": publication.is_shadow,
        **week.snapshot.params,
    }
    columns = read_arrays(conn, queries("observed")["user_scores"], params, _COLUMNS)
    hits = (columns["hits"][:, None] >> np.arange(PLACES) & 1).astype(bool)
    values = {name: _values(name, hits, columns["n_liked"]) for name in METRICS}
    return UserScores(
        columns["user_id"],
        values,
        columns["from_model"] == 1,
        columns["by_shown"] == 1,
        columns["arm"],
    )


def _values(name: str, hits: np.ndarray, n_liked: np.ndarray) -> np.ndarray:
    """A metric of each user (J,), by the places that are hits (J, k)."""
    metric, k = RANKING[name]
    return metric(hits[:, :k], n_liked) if len(hits) else np.zeros(0)


def figures(judged: list[Judged], bootstrap: Bootstrap) -> Iterator[ObservedHits]:
    """Yield every figure of every publication. `judged` has what readers had first, if it could be
    judged.
    """
    visible = next((scores for each, scores in judged if not each.is_shadow), None)
    for publication, scores in judged:
        yield from means(publication, scores, bootstrap)
        for metric, interval in differences(publication, scores, visible, bootstrap):
            yield ObservedHits.of(publication, (DIFFERENCE, ALL), metric, interval)


def means(
    publication: JudgedPublication, scores: UserScores, bootstrap: Bootstrap
) -> Iterator[ObservedHits]:
    for arm, source, users in scores.groups():
        for metric, values in scores.values.items():
            interval = bootstrap.of_mean(values[users])
            n_shown = int(scores.by_shown[users].sum())
            yield ObservedHits.of(publication, (arm, source), metric, interval, n_shown)


def differences(
    publication: JudgedPublication,
    scores: UserScores,
    visible: UserScores | None,
    bootstrap: Bootstrap,
) -> Iterator[tuple[str, Interval]]:
    """Yield the challenger's figures less the champion's, by metric.

    Of a publication in two arms it is between their users; of one in the shadow, between the lists
    of the same users, but for those of whose visible list only a part was shown: of the other list
    nobody knows which part would have been.
    """
    if scores.is_split:
        yield from ((metric, bootstrap.between_arms(scores, metric)) for metric in scores.values)
    elif publication.is_shadow and visible is not None and not visible.is_split:
        whole = np.flatnonzero(~visible.by_shown)
        _, ours, places = np.intersect1d(
            scores.user_ids, visible.user_ids[whole], assume_unique=True, return_indices=True
        )
        theirs = whole[places]
        if len(ours):
            for metric, values in scores.values.items():
                yield metric, bootstrap.between_lists(values[ours], visible.values[metric][theirs])
