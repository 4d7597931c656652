"""One exam's outcome, as the gates look at it: the evaluated recipes, their per-user scores,
and what the ledger has of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

import numpy as np

from recsys.bounds import Bounds
from recsys.evaluation.comparison import Interval, simultaneous_intervals


@dataclass(frozen=True)
class UserScores:
    """`ndcg` (D,) is the NDCG@10 of one model for each of the users `user_ids` (D,) that decide."""

    user_ids: np.ndarray
    ndcg: np.ndarray

    @property
    def mean(self) -> float:
        """Return their mean, 0 where nobody decides."""
        return float(self.ndcg.mean(dtype=np.float64)) if len(self.ndcg) else 0.0


@dataclass(frozen=True)
class Figure:
    """A value of the exam's table, and how many users, movies or ratings it is the mean of."""

    value: float
    n: int


@dataclass(frozen=True)
class Lost:
    """An earlier exam that a recipe lost, and the share of the present one's ratings that it asked
    too.
    """

    as_of: date
    share: float


@dataclass(frozen=True)
class Contest:
    """`user_scores` by recipe key, all of the same users. `figures` are the exam's table: (recipe
    key, slice, metric) → value.

    `incumbent` is None until there is a champion. `others` were evaluated too, and may not win in
    this run: who picks the best must count everyone who was looked at. `lost` names, of the exams
    that a recipe lost, the one that shares most with this. `unfitted` says why a recipe is not
    among those with scores; where it is the incumbent, nobody defends.
    """

    user_scores: Mapping[str, UserScores]
    incumbent: str | None
    popularity: str
    bounds: Bounds
    resamples: int
    seed: int
    figures: Mapping[tuple[str, str, str], Figure] = field(default_factory=dict)
    others: Mapping[str, UserScores] = field(default_factory=dict)
    lost: Mapping[str, Lost] = field(default_factory=dict)
    unfitted: Mapping[str, str] = field(default_factory=dict)

    @property
    def defender(self) -> str | None:
        """Return the incumbent, if it was fitted: whom a challenger must beat."""
        return None if self.incumbent in self.unfitted else self.incumbent

    @property
    def n_compared(self) -> int:
        """Return how many recipes' leads are looked at at once."""
        return len(self.challengers) + len(self.others)

    @property
    def challengers(self) -> list[str]:
        """Return who may become champion, best mean first, ties by key.

        Popularity may depose a champion; it need not be crowned.
        """
        no_challenger = self.defender if self.defender is not None else self.popularity
        return sorted(
            (key for key in self.user_scores if key != no_challenger),
            key=lambda key: (-self.user_scores[key].mean, key),
        )

    @cached_property
    def against_incumbent(self) -> Mapping[str, Interval]:
        """Return each challenger's lead over the champion; none without a champion.

        The intervals hold for all of them at once.
        """
        return self._leads(self.defender) if self.defender is not None else {}

    @cached_property
    def against_popularity(self) -> Mapping[str, Interval]:
        """Return each challenger's lead over popularity, likewise; popularity's own apart."""
        return self._leads(self.popularity)

    @property
    def decisive(self) -> Mapping[str, Interval]:
        """Return the leads that decide: over the champion, or popularity until there is one."""
        return self.against_incumbent if self.defender is not None else self.against_popularity

    def _leads(self, opponent: str) -> Mapping[str, Interval]:
        keys = [key for key in self.challengers if key != opponent]
        if not keys or not len(self.user_scores[opponent].ndcg):
            return {}
        differences = self.differences_from(opponent, keys)
        leads = simultaneous_intervals(differences, resamples=self.resamples, seed=self.seed)
        return dict(zip(keys, leads, strict=False))  # the others' leads only widen the intervals

    def differences_from(self, opponent: str, keys: Sequence[str]) -> np.ndarray:
        """Return each user's scores less the opponent's (D, R): of `keys`, then of all others."""
        theirs = self.user_scores[opponent].ndcg
        others = [own.ndcg for key, own in self.others.items() if key != opponent]
        scores = [*(self.user_scores[key].ndcg for key in keys), *others]
        return np.stack([own.astype(np.float64) - theirs for own in scores], axis=1)
