"""The contract of every recipe, and what they share: lists from scores, saving without pickle."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import BaseModel, ConfigDict
from scipy import sparse

from recsys.errors import ModelError
from recsys.features.catalogue import Catalogue
from recsys.features.interactions import Interactions, index_of
from recsys.models import BASELINE
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


@dataclass(frozen=True)
class TopN:
    """Lists of U users, best first: `ids` (U, n) int64, −1 where a list ends early; `scores` (U, n)
    float32, −inf there.
    """

    ids: np.ndarray
    scores: np.ndarray


class Recommender(ABC):
    """A recipe: build with a Config, fit, ask. Fitted attributes end in `_`. Training data is not
    kept, except each user's own history where that is what represents a user (ease, item_knn).

    A fitted model knows `user_ids_` (U,) and `movie_ids_` (M,), int64 ascending.
    """

    name: ClassVar[str]
    Config: ClassVar[AnyConfig]
    has_members: ClassVar[bool] = False  # whether it is made of fits of other recipes
    array_names: ClassVar[tuple[str, ...]] = ()  # the fitted attributes that are arrays

    user_ids_: np.ndarray
    movie_ids_: np.ndarray

    def __init__(self, config: BaseModel | None = None, compute: Compute | None = None) -> None:
        self.config: Any = config if config is not None else self.Config()
        self.compute = compute or Compute()

    @abstractmethod
    def fit(self, train: Interactions, catalogue: Catalogue, *, report: Report = silent) -> Self:
        """Learn from `train`; `catalogue.movie_ids` equals `train.movie_ids`. Returns self."""

    @abstractmethod
    def score_block(self, users: np.ndarray) -> np.ndarray:
        """(len(users), M) float32 scores by movie position, for user ids of which at most BLOCK are
        given.

        The row of a user that the model does not know is all −inf, unless it serves strangers too.
        """

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
        """Name the title encoders that a fit would use, which are part of its fit key; "" for a
        recipe that reads no titles.
        """
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

    def knows(self, users: np.ndarray) -> np.ndarray:
        """Return (len(users),) bool: which user ids the model has learned something about."""
        return index_of(self.user_ids_, users) >= 0

    def scores(self, users: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield blocks of (rows of `users`, their (rows, M) scores)."""
        for start in range(0, len(users), BLOCK):
            rows = slice(start, min(start + BLOCK, len(users)))
            yield rows, self.score_block(users[rows])

    def recommend(
        self, users: np.ndarray, *, n: int, seen: sparse.csr_matrix | None = None
    ) -> TopN:
        """The n best movies for each user id, ties by movie id, leaving out `seen` (len(users), M),
        exactly.
        """
        positions, best = empty_lists(len(users), n)
        for rows, block in self.scores(users):
            positions[rows], best[rows] = top_n(mask_seen(block, seen, rows), n)
        return self.list_ids(positions, best)

    def list_ids(self, positions: np.ndarray, scores: np.ndarray) -> TopN:
        """Return lists of movie ids, from lists (U, n) of positions and their scores."""
        return TopN(np.where(positions >= 0, self.movie_ids_[positions], -1), scores)

    def save(self, directory: Path) -> None:
        """Write `config.json` and `arrays.npz`: readable without pickle."""
        directory.mkdir(parents=True, exist_ok=True)
        header = {"name": self.name, "config": self.config.model_dump(mode="json")}
        (directory / "config.json").write_text(json.dumps(header, indent=2, sort_keys=True))
        arrays = {"user_ids_": self.user_ids_, "movie_ids_": self.movie_ids_, **self.state()}
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
        model.user_ids_ = state.pop("user_ids_")
        model.movie_ids_ = state.pop("movie_ids_")
        model.restore(state)
        return model


def saved_arrays(directory: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a saved model by name."""
    # opened here: numpy leaves a damaged file open
    with (directory / "arrays.npz").open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def rating_range(train: Interactions) -> np.ndarray:
    """Return (2,) float32, the lowest and the highest rating."""
    return np.array([train.ratings.min(), train.ratings.max()], dtype=np.float32)


@dataclass(frozen=True)
class MemberFit:
    """The fit of a recipe that is part of another one, on the data that it may see.

    `cut` names where that data ends; None: where the data of the whole ends.
    """

    name: str
    config: BaseModel
    train: Interactions
    catalogue: Catalogue
    cut: str | None


FitMember = Callable[[MemberFit], Recommender]


class DotProduct(Recommender):
    """A recipe whose scores are products of a user's vector with each movie's, so that the best are
    found without making all.
    """

    @abstractmethod
    def vectors(self, users: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(len(users), d) of user ids and (M, d) of all movies, float32, d ≤ EXACT_WIDTH; any
        numbers for a user not known.
        """

    def ranked(self) -> np.ndarray:
        """(M,) bool: the movies that have a score, all unless a recipe says otherwise."""
        return np.ones(len(self.movie_ids_), dtype=bool)

    def score_block(self, users: np.ndarray) -> np.ndarray:
        scores = dot_scores(*self.vectors(users), self.compute.threads)
        scores[:, ~self.ranked()] = -np.inf
        scores[~self.knows(users)] = -np.inf
        return scores

    def recommend(
        self, users: np.ndarray, *, n: int, seen: sparse.csr_matrix | None = None
    ) -> TopN:
        positions, best = empty_lists(len(users), n)
        rows = self.knows(users)
        left_out = seen if seen is None or rows.all() else seen[rows]
        eligible = Eligibility(self.ranked(), left_out)
        vectors = self.vectors(users[rows])
        positions[rows], best[rows] = best_products(*vectors, n, eligible, self.compute.threads)
        return self.list_ids(positions, best)


class PredictsRatings(ABC):
    """The contract of a recipe that predicts ratings besides."""

    @property
    def rates(self) -> bool:
        """Whether it does: a blend without a member that does can't."""
        return True

    @abstractmethod
    def predict(self, users: np.ndarray, movies: np.ndarray) -> np.ndarray:
        """Return (K,) float32 expected ratings in stars of K (user id, movie id) pairs; a
        bias-based guess for strangers.
        """


class PredictsDescribed(ABC):
    """The contract of a recipe that predicts ratings of movies out of the catalogue, by their
    descriptions.
    """

    user_ids_: np.ndarray

    @property
    @abstractmethod
    def genres(self) -> list[str]:
        """The genres that a description may name."""

    @abstractmethod
    def predict_described(self, users: np.ndarray, movies: Catalogue) -> np.ndarray:
        """Return (len(users), len(movies)) float32 expected ratings in stars."""
