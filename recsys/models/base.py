"""The contract of every recipe, and what they share: lists from scores, saving without pickle."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import BaseModel, ConfigDict

from recsys.errors import ModelError
from recsys.features.catalogue import Catalogue
from recsys.features.histories import Histories
from recsys.features.interactions import Interactions
from recsys.features.train import Train
from recsys.models import BASELINE
from recsys.models.explanation import Explanation, Kind
from recsys.models.saved_arrays import saved_arrays
from recsys.models.top_n import (
    Eligibility,
    best_products,
    dot_scores,
    empty_lists,
    mask_seen,
    top_n,
)

#: Users scored at once. As many as keep a block of a large catalogue's scores small.
BLOCK = 1024

#: Called with a metric name, its value and a step: what MLflow and the terminal show of a long fit.
Report = Callable[[str, float, int], None]


def silent(_name: str, _value: float, _step: int) -> None:
    """Report nothing."""


class Config(BaseModel):
    """Hyperparameters of a recipe: validated, frozen, and nothing but hyperparameters."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class Search:
    """Where tuning looks for a hyperparameter: metadata of its field, as in `Annotated[float,
    Search(0.001, 1, log=True)]`.

    Both ends are inside. A `doubled` one, at most one a recipe, is no dimension of the search: all
    others are searched with it at `low`, and then it is doubled, up to `high`, for as long as
    validation improves.
    """

    low: float
    high: float
    log: bool = False
    doubled: bool = False


#: The name that a recipe's own attribute `Config` leaves free.
AnyConfig = type[Config]


@dataclass(frozen=True)
class Compute:
    """How to compute, not what: must not change which movies win, so it is no part of a recipe."""

    seed: int = 0
    threads: int = 2
    device: str = "auto"
    title_model: str = ""  # a folder or a hub name; "" for none
    title_model_revision: str = ""
    checkpoints: Path | None = None  # a folder of this one fit's; None: it keeps none


@dataclass(frozen=True)
class TopN:
    """Lists of U users, best first: `ids` (U, n) int64, −1 where a list ends early; `scores` (U, n)
    float32, −inf there.
    """

    ids: np.ndarray
    scores: np.ndarray


class Recommender(ABC):
    """A recipe: build with a Config, fit, ask. Fitted attributes end in `_`.

    A user is what the user has rated: histories are given with every question, and none are kept.
    A fitted model knows `movie_ids_` (M,), int64 ascending, and from how many stars on a rating is
    a like.
    """

    name: ClassVar[str]
    Config: ClassVar[AnyConfig]
    has_members: ClassVar[bool] = False  # whether it is made of fits of other recipes
    explains: ClassVar[Kind] = "exact"  # of what kind `explain` is; of members, as theirs are
    # users a time: their scores of 27,000 movies take 28 MB, and are held up to three times
    lists_at_once: ClassVar[int] = 256
    array_names: ClassVar[tuple[str, ...]] = ()  # the fitted attributes that are arrays

    movie_ids_: np.ndarray
    like_threshold_: float

    def __init__(self, config: BaseModel | None = None, compute: Compute | None = None) -> None:
        self.config: Any = config if config is not None else self.Config()
        self.compute = compute or Compute()

    @abstractmethod
    def fit(self, train: Train, catalogue: Catalogue, *, report: Report = silent) -> Self:
        """Learn from `train`, whose movies are those of `catalogue`. Returns self."""

    def read(self, train: Train) -> Interactions:
        """Read all ratings into this process, and remember which movies they are of and what a
        like is: how a fit begins.
        """
        ratings = train.interactions()
        self.movie_ids_ = ratings.movie_ids
        self.like_threshold_ = train.like_threshold
        return ratings

    @abstractmethod
    def score_block(self, histories: Histories) -> np.ndarray:
        """(B, M) float32 scores by movie position, for the users of B ≤ BLOCK histories.

        A user's scores depend on the user's own history alone, to the last bit. The row of a user
        whose history tells the model nothing is all −inf, unless it serves strangers too.
        """

    @abstractmethod
    def knows(self, histories: Histories) -> np.ndarray:
        """Return (B,) bool: whose history tells the model something."""

    def state(self) -> dict[str, np.ndarray]:
        """Return the fitted attributes as arrays, for `save`. Ids are saved by the base."""
        return {name: getattr(self, name) for name in self.array_names}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Set the fitted attributes from what `state` returned."""
        for name in self.array_names:
            setattr(self, name, state[name])

    @property
    def is_baseline(self) -> bool:
        """Whether this is the recipe that every champion must beat."""
        return self.name == BASELINE

    def encoders(self) -> str:
        """Name the title encoders of a fit, which its fit key has; "" where no title is read."""
        return ""

    def fit_members_by(self, fit_member: "FitMember") -> None:  # noqa: B027 - few have any
        """Have `fit` call `fit_member` for every other recipe that this one is made of, so that
        their fits can be shared. A recipe that has no members leaves it as it is.
        """

    def tags(self) -> dict[str, str]:
        """Return what a run of this model is tagged with besides its recipe, e.g. the title encoder
        in use.
        """
        return {}

    def likes_in(self, histories: Histories) -> Histories:
        """Return the likes among the ratings."""
        return histories.where(histories.ratings >= self.like_threshold_)

    def blocks(
        self, users: np.ndarray, histories: Interactions, size: int
    ) -> Iterator[tuple[slice, Histories]]:
        """Yield blocks of (`size` rows of `users`, the histories of these). Raises ModelError for
        histories over other movies than the model's.
        """
        if not np.array_equal(histories.movie_ids, self.movie_ids_):
            raise ModelError(
                f"{self.name} knows {len(self.movie_ids_):,} movies and the histories are over "
                f"{len(histories.movie_ids):,}: expected the same ones"
            )
        for start in range(0, len(users), size):
            rows = slice(start, min(start + size, len(users)))
            yield rows, histories.histories_of(users[rows])

    def scores(
        self, users: np.ndarray, histories: Interactions
    ) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield blocks of (rows of `users`, their (rows, M) scores). `histories`: what the users
        have rated, by user id, over the model's movies; a user without is a stranger.
        """
        for rows, block in self.blocks(users, histories, BLOCK):
            yield rows, self.score_block(block)

    def recommend(
        self,
        users: np.ndarray,
        *,
        n: int,
        histories: Interactions,
        offered: np.ndarray | None = None,
    ) -> TopN:
        """The n best movies for each user id, exactly, ties by movie id, of those `offered` (M,)
        bool, or of all; what a user's history has is left out.
        """
        positions, best = empty_lists(len(users), n)
        for rows, block in self.blocks(users, histories, self.lists_at_once):
            positions[rows], best[rows] = self.top_n(block, n, offered)
        return self.list_ids(positions, best)

    def top_n(
        self, histories: Histories, n: int, offered: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return positions and scores (B, n) of the best, for the users of B histories."""
        return self.best_of(self.score_block(histories), histories, n, offered)

    def best_of(
        self, scores: np.ndarray, histories: Histories, n: int, offered: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the same of all scores (B, M), which it changes."""
        if offered is not None:
            scores[:, ~offered] = -np.inf
        return top_n(mask_seen(scores, histories.seen(), slice(0, len(scores))), n)

    def explain(self, histories: Histories, movies: np.ndarray) -> Explanation:
        """Return what each rating of B histories adds to the scores of the user's `movies` (B, n),
        positions, −1 for none.

        A user's explanation depends on the user's own history alone, to the last bit. A recipe
        whose scores are no sums over ratings leaves it as it is: it names its rule.
        """
        return Explanation.by_rule(histories, movies.shape[1])

    def explained_top_n(
        self, histories: Histories, n: int, k: int, offered: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray, Explanation]:
        """Return what `top_n` does, and what explains the first k of each list."""
        positions, scores = self.top_n(histories, n, offered)
        return positions, scores, self.explain(histories, positions[:, :k])

    def similar(self, n: int) -> TopN | None:
        """Return for each of the M movies the n nearest others, exactly, ties by movie id; an empty
        list for a movie of which the model has learned nothing. None: it compares no movies.
        """
        return None

    def list_ids(self, positions: np.ndarray, scores: np.ndarray) -> TopN:
        """Return lists of movie ids, from lists (U, n) of positions and their scores."""
        return TopN(np.where(positions >= 0, self.movie_ids_[positions], -1), scores)

    def save(self, directory: Path) -> None:
        """Write `config.json` and `arrays.npz`: readable without pickle."""
        directory.mkdir(parents=True, exist_ok=True)
        header = {"name": self.name, "config": self.config.model_dump(mode="json")}
        (directory / "config.json").write_text(json.dumps(header, indent=2, sort_keys=True))
        like_threshold = np.array(self.like_threshold_)
        arrays = {"movie_ids_": self.movie_ids_, "like_threshold_": like_threshold, **self.state()}
        np.savez(directory / "arrays.npz", allow_pickle=False, **arrays)

    @classmethod
    def load(cls, directory: Path, compute: Compute | None = None) -> Self:
        """Read what `save` wrote. Raises ModelError where the folder holds another recipe."""
        header = json.loads((directory / "config.json").read_text())
        if header["name"] != cls.name:
            raise ModelError(
                f"{directory} holds a model of recipe {header['name']!r}, expected {cls.name!r}"
            )
        model = cls(cls.Config(**header["config"]), compute)
        state = saved_arrays(directory)
        model.movie_ids_ = state.pop("movie_ids_")
        model.like_threshold_ = float(state.pop("like_threshold_"))
        model.restore(state)
        return model


@dataclass(frozen=True)
class MemberFit:
    """The fit of a recipe that is part of another one, on the data that it may see.

    `cut` names where that data ends; None: where the data of the whole ends.
    """

    name: str
    config: BaseModel
    train: Train
    catalogue: Catalogue
    cut: str | None


FitMember = Callable[[MemberFit], Recommender]


class DotProduct(Recommender):
    """A recipe whose scores are products of a user's vector with each movie's, so that the best are
    found without making all.
    """

    lists_at_once = 8 * BLOCK  # no matrix of scores is made, and the movies are sorted for each

    @abstractmethod
    def vectors(self, histories: Histories) -> tuple[np.ndarray, np.ndarray]:
        """(B, d) of the users and (M, d) of all movies, float32, d ≤ EXACT_WIDTH; any numbers for
        a user not known. A user's depends on the user's own history alone, to the last bit.
        """

    def ranked(self) -> np.ndarray:
        """(M,) bool: the movies that have a score, all unless a recipe says otherwise."""
        return np.ones(len(self.movie_ids_), dtype=bool)

    def score_block(self, histories: Histories) -> np.ndarray:
        scores = dot_scores(*self.vectors(histories), self.compute.threads)
        scores[:, ~self.ranked()] = -np.inf
        scores[~self.knows(histories)] = -np.inf
        return scores

    def top_n(
        self, histories: Histories, n: int, offered: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        return self.best_by(self.vectors(histories), histories, n, offered)

    def best_by(
        self,
        vectors: tuple[np.ndarray, np.ndarray],
        histories: Histories,
        n: int,
        offered: np.ndarray | None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return positions and scores (B, n) of the best by the vectors of these users."""
        users, movies = vectors
        positions, best = empty_lists(len(histories), n)
        rows = self.knows(histories)
        ranked = self.ranked() if offered is None else self.ranked() & offered
        eligible = Eligibility(ranked, histories.rows(rows).seen())
        lists = best_products(users[rows], movies, n, eligible, self.compute.threads)
        positions[rows], best[rows] = lists
        return positions, best


class PredictsRatings(ABC):
    """The contract of a recipe that predicts ratings besides."""

    @property
    def rates(self) -> bool:
        """Whether it does: a blend without a member that does can't."""
        return True

    @abstractmethod
    def predict(self, users: np.ndarray, movies: np.ndarray, histories: Interactions) -> np.ndarray:
        """Return (K,) float32 expected ratings in stars of K (user id, movie id) pairs; a
        bias-based guess for strangers. `histories` as in `recommend`.
        """
