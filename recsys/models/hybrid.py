"""A two-tower network: users by what they liked, movies by id and content; trained to rank and to predict stars."""

import logging
import time
from typing import Self

import numpy as np
import torch

from recsys.errors import ModelError
from recsys.features.catalogue import Catalogue
from recsys.features.content import Content, encode_content
from recsys.features.interactions import Interactions, index_of
from recsys.features.titles import encode_titles, encoder_in_use
from recsys.models.base import Compute, PredictsRatings, Recommender, Report, dot_scores, silent
from recsys.models.hybrid_net import RatingHead
from recsys.models.hybrid_training import HybridConfig, Trainer, repeatable
from recsys.models.hybrid_validation import Validation

HEAD = "rating_head."

#: Pairs rated at once.
PAIRS = 65_536

log = logging.getLogger(__name__)


class Hybrid(Recommender, PredictsRatings):
    """Movies that nobody rated are scored by content. Knows, for ranking, the users who liked something.

    How many epochs are enough is found on a validation slice of the fit's own data; then a new network with the same seed
    learns from everything for that many, and its rating head goes on alone for a few more. Kept are vectors and the rating
    head, neither ratings nor content.
    """

    name = "hybrid"
    Config = HybridConfig

    user_vectors_: np.ndarray  # (U, d + 1) float32; the last column multiplies the movie's bias
    movie_vectors_: np.ndarray  # (M, d + 1) float32; the last column is the movie's bias
    liked_something_: np.ndarray  # (U,) bool
    rating_range_: np.ndarray  # (2,) float32, the lowest and the highest rating seen
    rating_head_: RatingHead
    title_encoder_: str

    def fit(self, train: Interactions, catalogue: Catalogue, *, report: Report = silent) -> Self:
        liked = train.ratings >= self.config.like_threshold
        if not liked.any():
            raise ModelError(
                f"hybrid: none of {len(train)} ratings is a like (at least {self.config.like_threshold}); expected some"
            )
        self.title_encoder_ = encoder_in_use(self.compute)
        content = encode_content(catalogue, encode_titles(catalogue.titles, self.compute))
        n_epochs = self._enough_epochs(train, content, report)
        trainer = self._trained(train, content, n_epochs, report)
        self.user_ids_, self.movie_ids_ = train.user_ids, train.movie_ids
        self.user_vectors_, self.movie_vectors_ = trainer.user_vectors(), trainer.movie_vectors()
        self.liked_something_ = np.bincount(train.users[liked], minlength=len(train.user_ids)) > 0
        self.rating_range_ = np.array([train.ratings.min(), train.ratings.max()], dtype=np.float32)
        self.rating_head_ = trainer.average.rating_head.cpu()
        return self

    def _enough_epochs(self, train: Interactions, content: Content, report: Report) -> int:
        """The epoch after which NDCG@10 on the validation slice was best; the last one where there is nothing to validate on."""
        validation = Validation.of(train, self.config.like_threshold)
        if validation is None:
            return self.config.max_epochs
        best, best_epoch = -1.0, 0
        trainer = Trainer(validation.known, content, self.config, self.compute)
        with repeatable(self.compute):
            for epoch in range(1, self.config.max_epochs + 1):
                started = time.perf_counter()
                metrics = trainer.epoch()
                metrics["validation_ndcg_at_10"] = ndcg = validation.ndcg(trainer.user_vectors(), trainer.movie_vectors())
                _tell(report, "validation", epoch, metrics, time.perf_counter() - started)
                if ndcg > best:
                    best, best_epoch = ndcg, epoch
                if epoch - best_epoch >= self.config.patience:
                    break
        log.info("hybrid: best after %d epochs, NDCG@10 %.4f on %s", best_epoch, best, validation)
        return best_epoch

    def _trained(self, train: Interactions, content: Content, n_epochs: int, report: Report) -> Trainer:
        trainer = Trainer(train, content, self.config, self.compute)
        with repeatable(self.compute):
            for epoch in range(1, n_epochs + 1):
                started = time.perf_counter()
                _tell(report, "fit", epoch, trainer.epoch(), time.perf_counter() - started)
            started = time.perf_counter()
            for epoch, loss in enumerate(trainer.finish_rating_head(), start=1):
                _tell(report, "fit", epoch, {"rating_head_loss": loss}, time.perf_counter() - started)
                started = time.perf_counter()
        return trainer

    @classmethod
    def encoder(cls, compute: Compute) -> str:
        return encoder_in_use(compute)

    def tags(self) -> dict[str, str]:
        return {"title_encoder": self.title_encoder_}

    def knows(self, users: np.ndarray) -> np.ndarray:
        rows = index_of(self.user_ids_, users)
        return (rows >= 0) & self.liked_something_[rows]

    def score_block(self, users: np.ndarray) -> np.ndarray:
        rows = index_of(self.user_ids_, users)
        scores = dot_scores(self.user_vectors_[rows], self.movie_vectors_, self.compute.threads)
        scores[~self.knows(users)] = -np.inf
        return scores

    def predict(self, users: np.ndarray, movies: np.ndarray) -> np.ndarray:
        rows, columns = index_of(self.user_ids_, users), index_of(self.movie_ids_, movies)
        stars = [self._stars(rows[start : start + PAIRS], columns[start : start + PAIRS]) for start in range(0, len(rows), PAIRS)]
        return np.concatenate(stars) if stars else np.empty(0, dtype=np.float32)

    @torch.no_grad()
    def _stars(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        vectors = self.movie_vectors_[columns, :-1]
        vectors[columns < 0] = 0
        with repeatable(self.compute):
            stars = self.rating_head_(torch.from_numpy(rows), torch.from_numpy(vectors)).numpy()
        return stars.clip(*self.rating_range_)

    def state(self) -> dict[str, np.ndarray]:
        arrays = {
            "user_vectors_": self.user_vectors_,
            "movie_vectors_": self.movie_vectors_,
            "liked_something_": self.liked_something_,
            "rating_range_": self.rating_range_,
            "title_encoder_": np.array(self.title_encoder_),
        }
        return arrays | {HEAD + key: tensor.numpy() for key, tensor in self.rating_head_.state_dict().items()}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        self.user_vectors_, self.movie_vectors_ = state["user_vectors_"], state["movie_vectors_"]
        self.liked_something_, self.rating_range_ = state["liked_something_"], state["rating_range_"]
        self.title_encoder_ = str(state["title_encoder_"])
        self.rating_head_ = RatingHead(len(self.user_vectors_), self.config.size, 0.0, self.config.rating_dropout).eval()
        weights = {key.removeprefix(HEAD): torch.from_numpy(array) for key, array in state.items() if key.startswith(HEAD)}
        self.rating_head_.load_state_dict(weights)


def _tell(report: Report, phase: str, epoch: int, metrics: dict[str, float], seconds: float) -> None:
    """Report an epoch's metrics, named by phase, and log them."""
    for name, value in metrics.items():
        report(f"{phase}_{name}" if not name.startswith(phase) else name, value, epoch)
    log.info(
        "hybrid %s epoch %d, %.1f s: %s",
        phase,
        epoch,
        seconds,
        ", ".join(f"{name} {value:.4f}" for name, value in metrics.items()),
    )
