"""Networks of ids and content: users by what they liked, movies by who liked them and by what they
are; to rank, and to rate.
"""

from typing import Self

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import nn

from recsys.features.catalogue import Catalogue
from recsys.features.histories import Histories
from recsys.features.interactions import Interactions, index_of
from recsys.features.train import Loaded, Train
from recsys.models.base import (
    DotProduct,
    PredictsRatings,
    Report,
    TopN,
    silent,
)
from recsys.models.described import PredictsDescribed
from recsys.models.explanation import Explanation
from recsys.models.hybrid.config import HybridConfig
from recsys.models.hybrid.content import ContentEncoder
from recsys.models.hybrid.content_map import ContentMap
from recsys.models.hybrid.ranking_training import RankingTrainer
from recsys.models.hybrid.rating_training import RatingTrainer
from recsys.models.hybrid.titles import encoder_in_use
from recsys.models.hybrid.user_encoder import UserEncoder
from recsys.models.leaving_out import LeavingOut
from recsys.models.neural import Epochs, enough_epochs, repeatable
from recsys.models.saved_arrays import part_of
from recsys.models.similar import nearest_by_vectors
from recsys.models.top_n import dot_scores

#: What the arrays of the parts begin with in a saved model.
USERS, ENCODER, MAP, RATING = "users.", "encoder.", "map.", "rating."

#: Pairs rated at once.
PAIRS = 65_536


class Hybrid(DotProduct, PredictsRatings, PredictsDescribed):
    """Ranks by two towers and rates by an autoencoder; both know a movie that nobody has rated by
    its content.

    Ranking: the user tower is a denoising encoder of the user's likes (after Liang et al. 2018,
    Mult-DAE), whose vector meets that of a movie; trained by a sampled softmax with log-q
    correction (Yi et al. 2019). A ridge regression then maps content to the movies' vectors
    (Gantner et al. 2010), and gives a movie without ratings its own. Rating: an autoencoder of each
    movie's ratings over all users (Sedhain et al. 2015, I-AutoRec) that reads what the map says of
    the movie as well. How many epochs of ranking are enough is found on a validation slice of the
    fit's own data; then a new network with the same seed learns from everything for that many.

    Knows, for ranking, whoever liked something: the user tower encodes the history at hand. Stars
    are of the users of the fit; another rates as the mean does. Kept are the user tower (M by d),
    vectors (M by d + 1 to rank, U and M by h + 2 to rate) and what turns a description into a
    movie's vectors, neither ratings nor content.

    Cost, with R ratings, U users, M movies, d = `size`, h = `rating_size`, and c movies a batch, at
    most M: `sampled_movies` and those that its users rated. An epoch of ranking takes O(U·c·d +
    R·d), at most `max_epochs` are run twice; an epoch of rating O(U·M·h) multiplications in dense
    blocks. Memory: the networks' (U·2h + M·2d) floats with Adam's two moments, and B·U for a batch
    of B movies.
    """

    name = "hybrid"
    explains = "leave_one_out"
    Config = HybridConfig
    array_names = (
        "user_ids_",
        "movie_vectors_",
        "rating_users_",
        "rating_movies_",
        "mean_rating_",
        "rating_range_",
    )

    user_ids_: np.ndarray  # (U,) int64, ascending, whose stars were learned
    user_encoder_: UserEncoder  # the user's ranking vector; its last column multiplies the bias
    movie_vectors_: np.ndarray  # (M, d + 1) float32; the last column is the movie's bias
    rating_users_: np.ndarray  # (U, h + 2) float32; stars are the dot product with
    rating_movies_: np.ndarray  # (M, h + 2) float32
    mean_rating_: np.ndarray  # () float32, what a stranger starts from
    rating_range_: np.ndarray  # (2,) float32, the lowest and the highest rating seen
    content_encoder_: ContentEncoder
    content_map_: ContentMap  # a description's ranking vector
    rates_described_: nn.Linear  # and from that, before tanh, its rating vector

    def fit(self, train: Train, catalogue: Catalogue, *, report: Report = silent) -> Self:
        ratings = self.read(train)
        likes = ratings.likes(self.like_threshold_)
        self.user_ids_ = ratings.user_ids
        self.content_encoder_ = ContentEncoder.fit(catalogue, self.compute)
        learned = self.fit_towers(ratings, report)
        rated = ratings.n_raters > 0
        described = self.map_content(rated, catalogue, learned)
        self.movie_vectors_ = self.mix(likes.n_raters, rated, learned, described)
        self.fit_ratings(ratings, described, report)
        return self

    def fit_towers(self, ratings: Interactions, report: Report) -> np.ndarray:
        """Train the towers on everything, for as many epochs as are best in validation. Returns the
        movies' vectors (M, d + 1); the user tower is kept.
        """
        train = Loaded(ratings, self.like_threshold_)
        epochs = Epochs(self.config.max_epochs, self.config.patience)
        n_epochs = enough_epochs(train, epochs, self.trainer_of, report)
        trainer = self.trainer_of(train)
        trainer.run(n_epochs, report)
        self.user_encoder_ = UserEncoder.of(trainer.average.mean.user_tower)
        return trainer.movie_vectors()

    def trainer_of(self, train: Loaded) -> RankingTrainer:
        """Return one that has learned nothing, the same each time."""
        return RankingTrainer(train, self.config, self.compute)

    def map_content(
        self, rated: np.ndarray, catalogue: Catalogue, learned: np.ndarray
    ) -> np.ndarray:
        """Learn the map from content to vectors on the movies that are `rated` (M,). Returns
        (M, d + 1): what content alone says of each movie.
        """
        content = self.content_encoder_.encode(catalogue, self.compute)
        with threadpool_limits(self.compute.threads, "blas"):
            self.content_map_ = ContentMap.fit(
                content[rated], learned[rated], self.config.content_decay
            )
            return self.content_map_.vectors(content)

    def mix(
        self, n_likes: np.ndarray, rated: np.ndarray, learned: np.ndarray, described: np.ndarray
    ) -> np.ndarray:
        """Return (M, d + 1) float32 ranking vectors: of both kinds, the learned one weighing more
        the more likes a movie has; an unrated one has learned nothing.
        """
        share = n_likes / np.maximum(n_likes + self.config.content_likes, 1)
        share = np.where(rated, share, 0)[:, None]
        return (share * learned + (1 - share) * described).astype(np.float32)

    def fit_ratings(self, ratings: Interactions, described: np.ndarray, report: Report) -> None:
        """Learn stars, from the ratings and what content says of each movie (M, d + 1)."""
        trainer = RatingTrainer(ratings, described, self.config, self.compute)
        trainer.run(self.config.rating_epochs, report, part="stars")
        self.rating_users_ = trainer.user_vectors()
        self.rating_movies_ = trainer.movie_vectors()
        self.mean_rating_ = np.array(trainer.biases.mean, dtype=np.float32)
        self.rating_range_ = ratings.rating_range
        self.rates_described_ = trainer.net.describe_new.cpu()

    def encoders(self) -> str:
        return encoder_in_use(self.compute)

    def tags(self) -> dict[str, str]:
        return {"title_encoder": self.content_encoder_.titles.name}

    def knows(self, histories: Histories) -> np.ndarray:
        return self.likes_in(histories).lengths > 0

    def vectors(self, histories: Histories) -> tuple[np.ndarray, np.ndarray]:
        likes = self.likes_in(histories)
        return self.user_encoder_.vectors(likes, self.compute.threads), self.movie_vectors_

    def explain(self, histories: Histories, movies: np.ndarray) -> Explanation:
        is_like = histories.ratings >= self.like_threshold_
        parts = LeavingOut(
            self.user_encoder_,
            self.movie_vectors_,
            histories.where(is_like),
            movies,
            self.compute.threads,
        )
        falls, scores = parts.falls()
        return Explanation.of_likes("leave_one_out", histories, is_like, falls).leaving(scores)

    def similar(self, n: int) -> TopN:
        vectors = self.movie_vectors_[:, :-1]
        everything = np.ones(len(vectors), dtype=bool)
        return self.list_ids(*nearest_by_vectors(vectors, everything, n, self.compute.threads))

    def predict(self, users: np.ndarray, movies: np.ndarray, histories: Interactions) -> np.ndarray:
        parts = [np.empty(0, dtype=np.float32)]
        for start in range(0, len(users), PAIRS):
            pairs = slice(start, start + PAIRS)
            of_users = self.user_rating_vectors(users[pairs])
            of_movies = self.movie_rating_vectors(movies[pairs])
            parts.append(np.einsum("kh,kh->k", of_users, of_movies))
        return np.concatenate(parts).clip(*self.rating_range_)

    @property
    def genres(self) -> list[str]:
        return self.content_encoder_.genres.tolist()

    def predict_described(self, users: np.ndarray, movies: Catalogue) -> np.ndarray:
        of_users = self.user_rating_vectors(users)
        stars = dot_scores(of_users, self.described_rating_vectors(movies), self.compute.threads)
        return stars.clip(*self.rating_range_)

    def described_rating_vectors(self, movies: Catalogue) -> np.ndarray:
        """Return (M, h + 2) of what descriptions say: no movie has a bias of its own."""
        ranking = self.content_map_.vectors(self.content_encoder_.encode(movies, self.compute))
        with torch.no_grad(), repeatable(self.compute):
            inner = torch.tanh(self.rates_described_(torch.from_numpy(ranking))).numpy()
        vectors = [inner, np.ones(len(movies)), np.zeros(len(movies))]
        return np.column_stack(vectors).astype(np.float32)

    def user_rating_vectors(self, users: np.ndarray) -> np.ndarray:
        """Return (K, h + 2); a stranger rates as the mean does."""
        rows = index_of(self.user_ids_, users)
        vectors = self.rating_users_[rows]
        vectors[rows < 0] = 0
        vectors[rows < 0, -2] = self.mean_rating_
        vectors[rows < 0, -1] = 1
        return vectors

    def movie_rating_vectors(self, movies: np.ndarray) -> np.ndarray:
        """Return (K, h + 2); a movie out of the catalogue leaves the user's mean."""
        rows = index_of(self.movie_ids_, movies)
        vectors = self.rating_movies_[rows]
        vectors[rows < 0] = 0
        vectors[rows < 0, -2] = 1
        return vectors

    def state(self) -> dict[str, np.ndarray]:
        arrays = super().state()
        parts = {
            USERS: vars(self.user_encoder_),
            ENCODER: self.content_encoder_.arrays(),
            MAP: vars(self.content_map_),
            RATING: arrays_of(self.rates_described_),
        }
        for prefix, part in parts.items():
            arrays |= {prefix + name: array for name, array in part.items()}
        return arrays

    def restore(self, state: dict[str, np.ndarray]) -> None:
        super().restore(state)
        self.user_encoder_ = UserEncoder(**part_of(state, USERS))
        self.content_encoder_ = ContentEncoder.of_arrays(part_of(state, ENCODER))
        self.content_map_ = ContentMap(**part_of(state, MAP))
        self.rates_described_ = nn.Linear(self.config.size + 1, self.config.rating_size)
        weights = part_of(state, RATING)
        self.rates_described_.load_state_dict(
            {name: torch.from_numpy(array) for name, array in weights.items()}
        )


def arrays_of(module: nn.Module) -> dict[str, np.ndarray]:
    """Return a network's parameters by name."""
    return {name: tensor.numpy() for name, tensor in module.state_dict().items()}
