"""A blend: other recipes' lists made one, with weights that were learned on ratings which none of
them had seen.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any, Literal, Self

import numpy as np
from pydantic import BaseModel, Field, ValidationInfo, field_validator

from recsys.errors import ModelError
from recsys.features.catalogue import Catalogue
from recsys.features.interactions import Interactions, index_of
from recsys.models import model_class
from recsys.models.base import Compute, Config, PredictsRatings, Recommender, Report, silent
from recsys.models.blend_validation import Kind, Validation
from recsys.models.fusion import FUSIONS, weighted_sum
from recsys.models.fusion_weights import (
    Candidates,
    cross_validated_ndcg,
    learn_star_weights,
    learn_weights,
    plain_average,
)

log = logging.getLogger(__name__)

#: Fits a member: by name, settings, what it may see, the catalogue, and where that is cut (None:
#: where the blend's own data is).
FitMember = Callable[[str, BaseModel, Interactions, Catalogue, str | None], Recommender]


class Member(Config):
    """A recipe in a blend, by its name and settings: all of them, once validated, so that the
    blend's key covers them.
    """

    name: str
    settings: dict[str, Any] = Field(default_factory=dict, validate_default=True)

    @field_validator("name")
    @classmethod
    def is_no_blend(cls, name: str) -> str:
        if name == Blend.name:
            raise ValueError("a blend's members are single recipes, found a blend")
        model_class(name)
        return name

    @field_validator("settings")
    @classmethod
    def in_full(cls, settings: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        if "name" not in info.data:
            return settings
        return model_class(info.data["name"]).Config(**settings).model_dump(mode="json")

    @property
    def config(self) -> Config:
        return model_class(self.name).Config(**self.settings)


#: What is popular now, and what besides is new: see Popularity.
NOW = {"half_life_days": 10.0}
NEW = NOW | {"freshness": 6.0, "new_releases": 5.0}


def default_members() -> tuple[Member, ...]:
    """Those that go wrong in different ways: three of likes, one of which knows content, and two of
    what everybody turns to.
    """
    personal = (Member(name=name) for name in ("als", "ease", "hybrid"))
    return (*personal, *(Member(name="popularity", settings=settings) for settings in (NOW, NEW)))


class BlendConfig(Config):
    """Who is blended, and how the weights are learned."""

    members: tuple[Member, ...] = Field(
        default_factory=default_members, min_length=1, description="names and settings of recipes"
    )
    fusion: Literal["scores", "ranks", "best"] = Field(
        default="best",
        description="what is added: standardised scores, reciprocal ranks, or what "
        "does better in validation",
    )
    like_threshold: float = Field(
        default=4.0, description="a rating from here on is a like, in validation"
    )
    validation: Kind = Field(
        default="exam",
        description="which ratings the weights are learned on: like what the blend is for",
    )
    validation_min_users: int = Field(
        default=1_000,
        ge=1,
        description="users that a dated validation needs; as the exam, so that members' fits are "
        "shared with it",
    )


class Blend(Recommender, PredictsRatings):
    """A weighted sum of its members' standardised scores, or of their reciprocal ranks (Cormack,
    Clarke & Büttcher, "Reciprocal Rank Fusion Outperforms Condorcet and Individual Rank Learning
    Methods", SIGIR 2009).

    The members are fitted up to the validation's start, and weights ≥ 0 learned from what users
    liked after it, apart for those with little history and those with much: at least the median of
    the users asked. Then the members are fitted on everything. Without anybody to ask, all weigh
    the same. Stars are a linear function of the stars of the members that rate, by ridge regression
    on the validation's ratings; a blend without such a member does not rate. A user of whom no
    member with a weight knows anything is served by the others, alike.

    Cost, n members: two fits of each, of which a pipeline finds again what it has. To learn, O(V n
    M) scores of V ≤ 5,000 users, up to 100 n candidates a user of 8 n bytes each (4 members: 60
    MB), and up to a minute. A block of B users takes the members' scores and O(n B M) to add them,
    O(n B M log M) with ranks (0.4 and 1 ms per user and member at 27,000 movies), in 16 B M bytes.
    Kept are the members, and a count a user.
    """

    name = "blend"
    Config = BlendConfig

    fit_member: FitMember  # set by who keeps fits, so that none is made twice
    members_: tuple[Recommender, ...]
    fusion_: str
    # (2, n) float64 ≥ 0, adding up to 1: for users with little and with much history
    weights_: np.ndarray
    # (2, n_raters + 1) float64: an intercept, and the weights of the members that rate
    star_weights_: np.ndarray
    rating_range_: np.ndarray  # (2,) float32, the lowest and the highest rating seen
    n_known_: np.ndarray  # (U,) int32, known ratings of each user
    heavy_from_: int  # known ratings from which a user is one with much history

    def __init__(self, config: BlendConfig | None = None, compute: Compute | None = None) -> None:
        super().__init__(config, compute)
        self.fit_member = self._fit_here

    def fit(self, train: Interactions, catalogue: Catalogue, *, report: Report = silent) -> Self:
        self._learn(train, catalogue, report)
        self.members_ = self._fitted(train, catalogue, None)
        self.user_ids_, self.movie_ids_ = train.user_ids, train.movie_ids
        self.n_known_ = train.n_rated.astype(np.int32)
        self.rating_range_ = np.array([train.ratings.min(), train.ratings.max()], dtype=np.float32)
        log.info(
            "blend: %s", "; ".join(f"{name} {value}" for name, value in self._in_words().items())
        )
        return self

    def _fit_here(
        self,
        name: str,
        config: BaseModel,
        train: Interactions,
        catalogue: Catalogue,
        cut: str | None,
    ) -> Recommender:
        return model_class(name)(config, self.compute).fit(train, catalogue)

    def _fitted(
        self, train: Interactions, catalogue: Catalogue, cut: str | None
    ) -> tuple[Recommender, ...]:
        return tuple(
            self.fit_member(member.name, member.config, train, catalogue, cut)
            for member in self.config.members
        )

    def _learn(self, train: Interactions, catalogue: Catalogue, report: Report) -> None:
        validation = Validation.of(
            train,
            self.config.validation,
            min_users=self.config.validation_min_users,
            like_threshold=self.config.like_threshold,
            seed=self.compute.seed,
        )
        if not len(validation.users):
            log.warning(
                "blend: nobody to learn weights from in %s ratings; all members weigh the same",
                f"{len(train):,}",
            )
            self._weigh_alike()
            return
        members = self._fitted(validation.known, catalogue, validation.cut)
        n_known = validation.n_known(validation.users)
        self.heavy_from_ = int(np.ceil(np.median(n_known)))
        self._learn_ranking(validation.candidates(members), n_known >= self.heavy_from_, report)
        self._learn_stars(validation, members)

    def _weigh_alike(self) -> None:
        n_members = len(self.config.members)
        self.fusion_, self.heavy_from_ = self._fusions()[0], 0
        self.weights_ = np.full((2, n_members), 1 / n_members)
        self.star_weights_ = np.tile(plain_average(len(self._raters())), (2, 1))

    def _learn_ranking(
        self, candidates: dict[str, Candidates], heavy: np.ndarray, report: Report
    ) -> None:
        values = {
            name: cross_validated_ndcg(candidates[name], heavy, self.compute.seed)
            for name in self._fusions()
        }
        self.fusion_ = max(values, key=lambda name: values[name])
        chosen = candidates[self.fusion_]
        self.weights_ = learn_weights(chosen, heavy)
        for name, value in values.items():
            report(f"validation_ndcg_at_10 by {name}", value, 0)
        for label, alone in zip(self._labels(), np.eye(len(self.config.members)), strict=True):
            report(f"validation_ndcg_at_10 {label}", float(chosen.ndcg(alone).mean()), 0)

    def _learn_stars(self, validation: Validation, members: Sequence[Recommender]) -> None:
        held_out = validation.held_out
        users, movies = held_out.user_ids[held_out.users], held_out.movie_ids[held_out.movies]
        heavy = validation.n_known(users) >= self.heavy_from_
        self.star_weights_ = learn_star_weights(
            self._stars(members, users, movies), held_out.ratings, heavy
        )

    def _fusions(self) -> tuple[str, ...]:
        return tuple(FUSIONS) if self.config.fusion == "best" else (self.config.fusion,)

    def _labels(self) -> list[str]:
        """The members' names, numbered where a recipe is in it more than once."""
        names = [member.name for member in self.config.members]
        number = [names[:place].count(name) + 1 for place, name in enumerate(names)]
        return [
            f"{name} {n}" if names.count(name) > 1 else name
            for name, n in zip(names, number, strict=True)
        ]

    def tags(self) -> dict[str, str]:
        of_members = {
            name: value for member in self.members_ for name, value in member.tags().items()
        }
        return of_members | self._in_words()

    def _in_words(self) -> dict[str, str]:
        few, many = (_table(self._labels(), weights) for weights in self.weights_)
        words = {
            "fusion": self.fusion_,
            f"weights below {self.heavy_from_} ratings": few,
            f"weights from {self.heavy_from_} ratings": many,
        }
        if not self.rates:
            return words
        few, many = (
            _table(["intercept", *self._raters()], weights) for weights in self.star_weights_
        )
        return words | {"stars below": few, "stars from": many}

    def knows(self, users: np.ndarray) -> np.ndarray:
        return np.logical_or.reduce([member.knows(users) for member in self.members_])

    def score_block(self, users: np.ndarray) -> np.ndarray:
        scores = self._sum(users, self.weights_[self._is_heavy(users).astype(int)])
        silent = ~np.isfinite(scores).any(axis=1)
        if silent.any():
            scores[silent] = self._sum(
                users[silent], np.ones((int(silent.sum()), len(self.members_)))
            )
        return scores

    def _sum(self, users: np.ndarray, weights: np.ndarray) -> np.ndarray:
        asked = [place for place in range(len(self.members_)) if weights[:, place].any()]
        blocks = (self.members_[place].score_block(users) for place in asked)
        return weighted_sum(blocks, weights.T[asked], FUSIONS[self.fusion_])

    def _is_heavy(self, users: np.ndarray) -> np.ndarray:
        return np.append(self.n_known_, 0)[index_of(self.user_ids_, users)] >= self.heavy_from_

    @property
    def rates(self) -> bool:
        return bool(self._raters())

    def predict(self, users: np.ndarray, movies: np.ndarray) -> np.ndarray:
        if not self.rates:
            raise ModelError(
                f"blend: none of {', '.join(self._labels())} predicts stars; expected "
                "a member that does"
            )
        weights = self.star_weights_[self._is_heavy(users).astype(int)]
        stars = weights[:, 0] + np.einsum(
            "ij,ij->i", weights[:, 1:], self._stars(self.members_, users, movies)
        )
        return stars.clip(*self.rating_range_).astype(np.float32)

    def _stars(
        self, members: Sequence[Recommender], users: np.ndarray, movies: np.ndarray
    ) -> np.ndarray:
        """(K, n_raters) stars of K (user id, movie id) pairs by each of the members that rate."""
        columns = [
            member.predict(users, movies)
            for member in members
            if isinstance(member, PredictsRatings)
        ]
        return np.stack(columns, axis=1) if columns else np.empty((len(users), 0), dtype=np.float32)

    def _raters(self) -> list[str]:
        kinds = [model_class(member.name) for member in self.config.members]
        return [
            label
            for label, kind in zip(self._labels(), kinds, strict=True)
            if issubclass(kind, PredictsRatings)
        ]

    def state(self) -> dict[str, np.ndarray]:
        arrays = {
            "fusion_": np.array(self.fusion_),
            "weights_": self.weights_,
            "star_weights_": self.star_weights_,
            "rating_range_": self.rating_range_,
            "n_known_": self.n_known_,
            "heavy_from_": np.array(self.heavy_from_),
        }
        for place, member in enumerate(self.members_):
            arrays |= {
                f"{place}.{name}": array
                for name, array in {"user_ids_": member.user_ids_, **member.state()}.items()
            }
        return arrays

    def restore(self, state: dict[str, np.ndarray]) -> None:
        self.fusion_, self.heavy_from_ = str(state["fusion_"]), int(state["heavy_from_"])
        self.weights_, self.star_weights_ = state["weights_"], state["star_weights_"]
        self.rating_range_, self.n_known_ = state["rating_range_"], state["n_known_"]
        self.members_ = tuple(
            self._restored(place, member, state) for place, member in enumerate(self.config.members)
        )

    def _restored(self, place: int, member: Member, state: dict[str, np.ndarray]) -> Recommender:
        model = model_class(member.name)(member.config, self.compute)
        prefix = f"{place}."
        own = {
            name.removeprefix(prefix): array
            for name, array in state.items()
            if name.startswith(prefix)
        }
        model.user_ids_, model.movie_ids_ = own.pop("user_ids_"), self.movie_ids_
        model.restore(own)
        return model


def _table(names: Sequence[str], values: np.ndarray) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in zip(names, values, strict=True))
