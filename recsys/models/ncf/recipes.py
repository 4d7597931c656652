"""The recipes of neural collaborative filtering (He et al. 2017), users by what they liked."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Self

import numpy as np

from recsys.features.catalogue import Catalogue
from recsys.features.histories import Histories
from recsys.features.train import Loaded, Train
from recsys.models.base import DotProduct, Report, TopN, silent
from recsys.models.explanation import Explanation
from recsys.models.from_likes import FromLikes, shares_of_likes
from recsys.models.ncf.config import GMFConfig, MLPConfig, NCFConfig
from recsys.models.ncf.explaining import LeavingEachOut, Part
from recsys.models.ncf.factors import Factors
from recsys.models.ncf.histories import unit_weights, user_sums
from recsys.models.ncf.networks import Network
from recsys.models.ncf.scoring import Perceptron
from recsys.models.ncf.training import NCFTrainer, new_trainer
from recsys.models.neural import Epochs, enough_epochs
from recsys.models.saved_arrays import part_of
from recsys.models.top_n import dot_scores

__all__ = ["GMF", "MLP", "NCF"]

#: What the arrays of the parts begin with in a saved model.
FACTORS, PERCEPTRON = "factors.", "perceptron."


class NeuralFromLikes(FromLikes):
    """What the three have in common: a network that learns from likes, and knows a user by them.

    He et al. learn a vector for each user, and serve nobody else. Here a user's vector is the sum
    of vectors of the liked movies, from a table of each branch's own, divided by the root of the
    squared weights (as FISM and DeepICF do: Kabbur et al. 2013; Xue et al. 2019), so that everyone
    with a like is served. A step hides some likes of a user, and foretells these from the others:
    no movie is in the sum that it is foretold from. The loss is a softmax over the movies of a
    batch; the paper's cross entropy with sampled movies is a setting. How many epochs are enough is
    found on a validation slice, as by the hybrid.
    """

    def fit(self, train: Train, catalogue: Catalogue, *, report: Report = silent) -> Self:
        loaded = Loaded(self.read(train), train.like_threshold)
        self.liked_ = loaded.ratings.likes(self.like_threshold_).n_raters > 0
        epochs = Epochs(self.config.max_epochs, self.config.patience, self.config.validation)
        n_epochs = enough_epochs(loaded, epochs, self.trainer_of, report)
        trainer = self.trainer_of(loaded)
        trainer.run(n_epochs, report)
        self.keep(trainer.average.mean)
        return self

    def trainer_of(self, train: Loaded) -> NCFTrainer:
        """Return one that has not begun, the same each time."""
        return new_trainer(train, self.config, self.compute)

    def keep(self, net: Network) -> None:
        """Take what answers need of the trained network."""
        raise NotImplementedError

    def explain_without(
        self, parts: Sequence[Part], histories: Histories, movies: np.ndarray
    ) -> Explanation:
        """Explain scores that the parts add up to by leaving each like out.

        What is left is taken from the very scores that lists are made of: of other sums, rounding
        shows where a score is near 0.
        """
        is_like = self.is_liked_movie(histories)
        likes = histories.where(is_like)
        falls = LeavingEachOut(parts, likes, unit_weights(likes, self.config), movies).falls()
        scores = np.take_along_axis(self.score_block(histories), movies, axis=1)
        scores[(movies < 0) | (scores == -np.inf)] = 0
        return Explanation.of_likes("leave_one_out", histories, is_like, falls).leaving(scores)


class GMF(NeuralFromLikes, DotProduct):
    """Generalised matrix factorisation (He et al. 2017): the weighted product of a user's and a
    movie's vector, and the movie's bias, which the paper has not. See `NeuralFromLikes` for what
    else differs from it.

    The weights of the output become part of the movies' vectors, so that scores are plain products
    and sums over likes.

    Cost, with R likes of U users, M movies, d = `size` and c movies a batch, at most M:
    `sampled_movies` and those that its users liked. An epoch takes O(U·c·d + R·d), and at most
    `max_epochs` are run twice. Memory: 2·M·d floats with Adam's two moments and the average, and
    c·`users_a_batch` some times over. A user's vector takes O(n·d) of n likes, the scores O(M·d).
    """

    name = "gmf"
    Config = GMFConfig

    factors_: Factors

    def keep(self, net: Network) -> None:
        self.factors_ = Factors.of(net.gmf, net.biases)

    def vectors(self, histories: Histories) -> tuple[np.ndarray, np.ndarray]:
        users = user_sums(self.liked_movies(histories), self.config, self.factors_.liked)
        ones = np.ones(len(users), dtype=np.float32)
        return np.column_stack([users, ones]), self.factors_.movies

    def ranked(self) -> np.ndarray:
        return self.liked_

    def explain(self, histories: Histories, movies: np.ndarray) -> Explanation:
        is_like = self.is_liked_movie(histories)
        likes = histories.where(is_like)
        weights = unit_weights(likes, self.config)
        factors = self.factors_
        shares = shares_of_likes(likes, factors.liked, factors.movies[:, :-1], movies)
        shares *= weights[:, None]
        biases = np.where(movies >= 0, self.factors_.movies[movies, -1], 0)
        biases[likes.lengths == 0] = 0
        explanation = Explanation.of_likes("exact", histories, is_like, shares)
        return replace(explanation, rest=biases.astype(np.float32))

    def similar(self, n: int) -> TopN:
        return self.nearest(self.factors_.movies[:, :-1], n)

    def state(self) -> dict[str, np.ndarray]:
        return {"liked_": self.liked_, **arrays_of(self.factors_, FACTORS)}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        self.liked_ = state["liked_"]
        self.factors_ = Factors(**part_of(state, FACTORS))


class MLP(NeuralFromLikes):
    """A perceptron of three layers on a user's and a movie's vector (He et al. 2017). See
    `NeuralFromLikes` for what differs from the paper.

    Cost, in the terms of `GMF` with d = `layer_size`: an epoch takes O(U·c·d²), and
    `users_a_batch`·c·d floats some times over. A user's scores take O(M·d²): no list is made
    without all of them.
    """

    name = "mlp"
    Config = MLPConfig
    explains = "leave_one_out"

    perceptron_: Perceptron

    def keep(self, net: Network) -> None:
        self.perceptron_ = Perceptron.of(net.mlp, net.biases)

    def score_block(self, histories: Histories) -> np.ndarray:
        likes = self.liked_movies(histories)
        scores = self.scores_of(likes)
        scores[:, ~self.liked_] = -np.inf
        scores[likes.lengths == 0] = -np.inf
        return scores

    def scores_of(self, likes: Histories) -> np.ndarray:
        """Return (B, M) float32, also of movies that nobody liked."""
        users = user_sums(likes, self.config, self.perceptron_.liked)
        return self.perceptron_.scores(users, self.compute.threads)

    def explain(self, histories: Histories, movies: np.ndarray) -> Explanation:
        return self.explain_without([self.perceptron_], histories, movies)

    def similar(self, n: int) -> TopN:
        return self.nearest(self.perceptron_.movies, n)

    def state(self) -> dict[str, np.ndarray]:
        return {"liked_": self.liked_, **arrays_of(self.perceptron_, PERCEPTRON)}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        self.liked_ = state["liked_"]
        self.perceptron_ = Perceptron(**part_of(state, PERCEPTRON))


class NCF(MLP):
    """NeuMF (He et al. 2017): generalised matrix factorisation and a perceptron, each with tables
    of its own, added in one output; with `pretraining_epochs`, each first learns alone, and half of
    either is where both begin. See `NeuralFromLikes` for what differs from the paper.

    Cost: that of `GMF` and `MLP` together.
    """

    name = "ncf"
    Config = NCFConfig

    factors_: Factors

    def keep(self, net: Network) -> None:
        self.factors_ = Factors.of(net.gmf, net.biases)
        self.perceptron_ = Perceptron.of(net.mlp, np.zeros_like(net.biases))

    def scores_of(self, likes: Histories) -> np.ndarray:
        users = user_sums(likes, self.config, self.factors_.liked)
        ones = np.ones(len(users), dtype=np.float32)
        vectors = np.column_stack([users, ones])
        products = dot_scores(vectors, self.factors_.movies, self.compute.threads)
        return products + super().scores_of(likes)

    def explain(self, histories: Histories, movies: np.ndarray) -> Explanation:
        return self.explain_without([self.factors_, self.perceptron_], histories, movies)

    def similar(self, n: int) -> TopN:
        return self.nearest(self.factors_.movies[:, :-1], n)

    def state(self) -> dict[str, np.ndarray]:
        return {**super().state(), **arrays_of(self.factors_, FACTORS)}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        super().restore(state)
        self.factors_ = Factors(**part_of(state, FACTORS))


def arrays_of(part: Factors | Perceptron, prefix: str) -> dict[str, np.ndarray]:
    """Return a part's arrays under names that begin with `prefix`."""
    return {prefix + name: array for name, array in vars(part).items()}
