"""A blend: other recipes' lists combined to one, with weights that were learned on ratings which no
member was fitted to.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Self

import numpy as np

from recsys.errors import ModelError
from recsys.features.catalogue import Catalogue
from recsys.features.histories import Histories
from recsys.features.interactions import Interactions
from recsys.features.train import Loaded, Train
from recsys.models import model_class
from recsys.models.base import (
    Compute,
    FitMember,
    MemberFit,
    PredictsRatings,
    Recommender,
    Report,
    TopN,
    silent,
)
from recsys.models.blend.config import BLEND, BlendConfig, Member
from recsys.models.blend.explaining import Scales, explain_sum
from recsys.models.blend.fusion import FUSIONS, SCORES, Points, weighted_sum
from recsys.models.blend.validation import Validation
from recsys.models.blend.weights import (
    Candidates,
    cross_validated_ndcg,
    learn_star_weights,
    learn_weights,
    plain_average,
)
from recsys.models.explanation import Explanation

log = logging.getLogger(__name__)


class Blend(Recommender, PredictsRatings):
    """A weighted sum of its members' standardised scores, or of their reciprocal ranks (Cormack,
    Clarke & Büttcher, "Reciprocal Rank Fusion Outperforms Condorcet and Individual Rank Learning
    Methods", SIGIR 2009).

    The members are fitted up to the validation's start, and weights ≥ 0 learned from what users
    liked after it, apart for those with little history and those with much: at least the median of
    the validation's users. Then the members are fitted on everything. Without any such user, all
    weigh the same. Stars are a linear function of the stars of the members that rate, by ridge
    regression on the validation's ratings; a blend without such a member does not rate. A user of
    whom no member with a weight knows anything is served by the others, alike.

    Cost, n members: two fits of each, of which a pipeline finds again what it has. To learn, O(V n
    M) scores of V ≤ 5,000 users, up to 100 n candidates a user of 8 n bytes each (4 members: 60
    MB), and up to a minute. A block of B users takes the members' scores and O(n B M) to add them,
    O(n B M log M) with ranks (0.4 and 1 ms per user and member at 27,000 movies), in 16 B M bytes.
    Kept are the members.
    """

    name = BLEND
    Config = BlendConfig
    has_members = True
    array_names = ("weights_", "star_weights_", "rating_range_")

    members_: tuple[Recommender, ...]
    fusion_: str
    # (2, n) float64 ≥ 0, adding up to 1: for users with little and with much history
    weights_: np.ndarray
    # (2, n_raters + 1) float64: an intercept, and the weights of the members that rate
    star_weights_: np.ndarray
    rating_range_: np.ndarray  # (2,) float32, the lowest and the highest rating seen
    heavy_from_: int  # ratings from which a user is one with much history

    def __init__(self, config: BlendConfig | None = None, compute: Compute | None = None) -> None:
        super().__init__(config, compute)
        self._fit_member: FitMember = self.fit_here

    def fit_members_by(self, fit_member: FitMember) -> None:
        self._fit_member = fit_member

    def encoders(self) -> str:
        names = {unfitted(member, self.compute).encoders() for member in self.config.members}
        return ", ".join(sorted(names - {""}))

    def fit(self, train: Train, catalogue: Catalogue, *, report: Report = silent) -> Self:
        self.learn(self.read(train), catalogue, report)
        self.members_ = self.fit_members(train, catalogue, cut=None)
        log.info("blend: %s", "; ".join(f"{name} {value}" for name, value in self.words().items()))
        return self

    def fit_here(self, fit: MemberFit) -> Recommender:
        # a member is fitted more than once, and what one fit keeps is not the other's
        compute = replace(self.compute, checkpoints=None)
        model = model_class(fit.name)(fit.config, compute)
        return model.fit(fit.train, fit.catalogue)

    def fit_members(
        self, train: Train, catalogue: Catalogue, *, cut: str | None
    ) -> tuple[Recommender, ...]:
        fits = (
            MemberFit(member.name, member.config, train, catalogue, cut)
            for member in self.config.members
        )
        return tuple(self._fit_member(fit) for fit in fits)

    def learn(self, ratings: Interactions, catalogue: Catalogue, report: Report) -> None:
        """Learn all weights on a validation slice of the ratings."""
        self.rating_range_ = ratings.rating_range
        validation = self.validation(ratings)
        if not len(validation.users):
            log.warning(
                "blend: nobody to learn weights from in %s ratings; all members weigh the same",
                f"{len(ratings):,}",
            )
            self.weigh_alike()
            return
        slice_train = Loaded(validation.train, self.like_threshold_)
        members = self.fit_members(slice_train, catalogue, cut=validation.cut)
        n_known = validation.n_known(validation.users)
        self.heavy_from_ = int(np.ceil(np.median(n_known)))
        heavy = n_known >= self.heavy_from_
        self.learn_ranking(validation.candidates(members), heavy, report)
        self.learn_stars(validation, members)

    def validation(self, ratings: Interactions) -> Validation:
        """Split the ratings as the settings say."""
        return Validation.of(
            ratings,
            self.config.validation,
            min_users=self.config.validation_min_users,
            like_threshold=self.like_threshold_,
            seed=self.compute.seed,
        )

    def weigh_alike(self) -> None:
        n_members = len(self.config.members)
        self.fusion_ = self.fusions()[0]
        self.heavy_from_ = 0
        self.weights_ = np.full((2, n_members), 1 / n_members)
        self.star_weights_ = np.tile(plain_average(len(self.rater_labels())), (2, 1))

    def learn_ranking(
        self, candidates: dict[str, Candidates], heavy: np.ndarray, report: Report
    ) -> None:
        ndcg = {}
        for name in self.fusions():
            ndcg[name] = cross_validated_ndcg(candidates[name], heavy, self.compute.seed)
            report(f"validation_ndcg_at_10 by {name}", ndcg[name], 0)
        self.fusion_ = max(ndcg, key=lambda name: ndcg[name])
        self.weights_ = learn_weights(candidates[self.fusion_], heavy)
        self.report_members(candidates[self.fusion_], report)

    def report_members(self, candidates: Candidates, report: Report) -> None:
        """Report each member's NDCG@10 alone."""
        for label, weights in zip(self.labels(), np.eye(len(self.config.members)), strict=True):
            report(f"validation_ndcg_at_10 {label}", float(candidates.ndcg(weights).mean()), 0)

    def learn_stars(self, validation: Validation, members: Sequence[Recommender]) -> None:
        held_out = validation.held_out
        users = held_out.user_ids[held_out.users]
        movies = held_out.movie_ids[held_out.movies]
        heavy = validation.n_known(users) >= self.heavy_from_
        stars = stars_of(members, users, movies, validation.train)
        self.star_weights_ = learn_star_weights(stars, held_out.ratings, heavy)

    def fusions(self) -> tuple[str, ...]:
        return tuple(FUSIONS) if self.config.fusion == "best" else (self.config.fusion,)

    def labels(self) -> list[str]:
        """Return the members' names, numbered where a recipe is in it more than once."""
        names = [member.name for member in self.config.members]
        labels = []
        for place, name in enumerate(names):
            number = names[: place + 1].count(name)
            labels.append(f"{name} {number}" if names.count(name) > 1 else name)
        return labels

    def tags(self) -> dict[str, str]:
        tags = {}
        for member in self.members_:
            tags |= member.tags()
        return tags | self.words()

    def words(self) -> dict[str, str]:
        few, many = self.weights_
        words = {
            "fusion": self.fusion_,
            f"weights below {self.heavy_from_} ratings": table(self.labels(), few),
            f"weights from {self.heavy_from_} ratings": table(self.labels(), many),
        }
        if self.rates:
            names = ["intercept", *self.rater_labels()]
            few, many = self.star_weights_
            words |= {"stars below": table(names, few), "stars from": table(names, many)}
        return words

    def knows(self, histories: Histories) -> np.ndarray:
        return np.logical_or.reduce([member.knows(histories) for member in self.members_])

    def score_block(self, histories: Histories) -> np.ndarray:
        return self.score_by(histories, FUSIONS[self.fusion_])

    def score_by(self, histories: Histories, points: Points) -> np.ndarray:
        """Return (B, M) scores, by a fusion that is called for each of `places` in turn."""
        weights = self.weights_of(histories)
        scores = self.sum_of(self.places(), histories, weights, points)
        unscored = np.flatnonzero(~np.isfinite(scores).any(axis=1))
        if len(unscored):
            alike = np.ones((len(unscored), len(self.members_)))
            scores[unscored] = self.sum_of(
                np.arange(len(self.members_)),
                histories.rows(unscored),
                alike,
                FUSIONS[self.fusion_],
            )
        return scores

    def places(self) -> np.ndarray:
        """Return the members that weigh something for some users."""
        return np.flatnonzero(self.weights_.any(axis=0))

    def weights_of(self, histories: Histories) -> np.ndarray:
        """Return (B, n) what the members weigh for each user."""
        return self.weights_[self.is_heavy(histories).astype(int)]

    def sum_of(
        self, places: np.ndarray, histories: Histories, weights: np.ndarray, points: Points
    ) -> np.ndarray:
        blocks = (self.members_[place].score_block(histories) for place in places)
        return weighted_sum(blocks, weights.T[places], points)

    def explain(self, histories: Histories, movies: np.ndarray) -> Explanation:
        if self.fusion_ != SCORES:
            return super().explain(histories, movies)
        scales = Scales()
        scores = self.score_by(histories, scales)
        listed = np.take_along_axis(scores, np.maximum(movies, 0), axis=1)
        return self.explain_scores(histories, movies, np.where(movies >= 0, listed, 0), scales)

    def explained_top_n(
        self, histories: Histories, n: int, k: int, offered: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray, Explanation]:
        """Make all scores once: they are what both take longest for."""
        if self.fusion_ != SCORES:
            return super().explained_top_n(histories, n, k, offered)
        scales = Scales()
        scores = self.score_by(histories, scales)
        positions, best = self.best_of(scores, histories, n, offered)
        movies = positions[:, :k]
        listed = np.where(movies >= 0, best[:, :k], 0)
        return positions, best, self.explain_scores(histories, movies, listed, scales)

    def explain_scores(
        self, histories: Histories, movies: np.ndarray, scores: np.ndarray, scales: Scales
    ) -> Explanation:
        """Explain the movies' scores (B, k), of members that have these scales."""
        places = self.places()
        explanations = [self.members_[place].explain(histories, movies) for place in places]
        weights = self.weights_of(histories)[:, places]
        return explain_sum(explanations, weights, scales, scores)

    def similar(self, n: int) -> TopN | None:
        """By the heaviest member that compares movies."""
        total = self.weights_.sum(axis=0)
        for place in np.argsort(-total, kind="stable"):
            nearest = self.members_[place].similar(n) if total[place] else None
            if nearest is not None:
                return nearest
        return None

    def is_heavy(self, histories: Histories) -> np.ndarray:
        return histories.lengths >= self.heavy_from_

    @property
    def rates(self) -> bool:
        return bool(self.rater_labels())

    def predict(self, users: np.ndarray, movies: np.ndarray, histories: Interactions) -> np.ndarray:
        if not self.rates:
            raise ModelError(
                f"blend: none of {', '.join(self.labels())} predicts stars; expected a member "
                "that does"
            )
        is_heavy = histories.n_rated_by(users) >= self.heavy_from_
        weights = self.star_weights_[is_heavy.astype(int)]
        stars = stars_of(self.members_, users, movies, histories)
        total = weights[:, 0] + np.einsum("ij,ij->i", weights[:, 1:], stars)
        return total.clip(*self.rating_range_).astype(np.float32)

    def rater_labels(self) -> list[str]:
        """Return the labels of the members that predict ratings."""
        labels = []
        for label, member in zip(self.labels(), self.config.members, strict=True):
            if issubclass(model_class(member.name), PredictsRatings):
                labels.append(label)
        return labels

    def state(self) -> dict[str, np.ndarray]:
        arrays = super().state()
        arrays["fusion_"] = np.array(self.fusion_)
        arrays["heavy_from_"] = np.array(self.heavy_from_)
        for place, member in enumerate(self.members_):
            arrays |= {f"{place}.{name}": array for name, array in member.state().items()}
        return arrays

    def restore(self, state: dict[str, np.ndarray]) -> None:
        self.fusion_ = str(state["fusion_"])
        self.heavy_from_ = int(state["heavy_from_"])
        super().restore(state)
        self.members_ = tuple(
            self.restore_member(f"{place}.", member, state)
            for place, member in enumerate(self.config.members)
        )

    def restore_member(
        self, prefix: str, member: Member, state: dict[str, np.ndarray]
    ) -> Recommender:
        own = {}
        for name, array in state.items():
            if name.startswith(prefix):
                own[name.removeprefix(prefix)] = array
        model = unfitted(member, self.compute)
        model.movie_ids_ = self.movie_ids_
        model.like_threshold_ = self.like_threshold_
        model.restore(own)
        return model


def unfitted(member: Member, compute: Compute) -> Recommender:
    """Return a member that has learned nothing."""
    return model_class(member.name)(member.config, compute)


def stars_of(
    members: Sequence[Recommender], users: np.ndarray, movies: np.ndarray, histories: Interactions
) -> np.ndarray:
    """Return (K, n_raters) stars of K (user id, movie id) pairs by each member that rates."""
    raters = [member for member in members if isinstance(member, PredictsRatings)]
    if not raters:
        return np.empty((len(users), 0), dtype=np.float32)
    return np.stack([rater.predict(users, movies, histories) for rater in raters], axis=1)


def table(names: Iterable[str], values: Iterable[float]) -> str:
    """Return a line of names and values."""
    return ", ".join(f"{name} {value:.3f}" for name, value in zip(names, values, strict=True))
