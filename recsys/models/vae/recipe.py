"""A variational autoencoder of users' likes: who liked these may like those as well."""

from typing import Self

import numpy as np

from recsys.features.catalogue import Catalogue
from recsys.features.train import Loaded, Train
from recsys.models.base import Report, silent
from recsys.models.from_likes import EncodesHistories
from recsys.models.neural import Epochs, enough_epochs
from recsys.models.vae.config import VAEConfig
from recsys.models.vae.encoder import LikesEncoder
from recsys.models.vae.training import VAETrainer


class VAE(EncodesHistories):
    """Mult-VAE (Liang, Krishnan, Hoffman & Jebara, "Variational Autoencoders for Collaborative
    Filtering", WWW 2018), and RecVAE (Shenbin, Alekseev, Tutubalina, Malykh & Nikolenko, "RecVAE: a
    New Variational Autoencoder for Top-N Recommendations with Implicit Feedback", WSDM 2020), by
    settings that `VAEConfig` names.

    An encoder turns a user's likes, some of them hidden, into a normal distribution of a latent
    vector; a decoder turns a draw of it into a softmax over all movies, under which the likes are
    to be likely; the distribution is held near a prior. RecVAE adds a deeper encoder without a
    hidden layer in the decoder, a prior that remembers the encoder of the epoch before, a weight of
    the prior that grows with a user's likes, and turns for the two. What differs from Mult-VAE: the
    encoder is of RecVAE's kind, normalised and with SiLU for tanh; the decoder's layer is at most
    511 wide, for 600.

    At asking nothing is drawn: a user's vector is the distribution's mean for the history at hand,
    and scores are its products with the movies' vectors, the decoder's last layer. Knows whoever
    liked something that others liked too; a movie that nobody liked scores −inf. How many epochs
    are enough is found on a validation slice of the fit's own data; then a new network with the
    same seed learns from everything for that many.

    Cost, U users with likes, m liked movies of M, w = `width`, l = `layers`, d = `size`: an epoch
    takes O(U (m (w + d) + l w²)) multiplications, an alternating one three to four times as much;
    at most `max_epochs` are run twice. Memory: 16 m (w + d) bytes of weights, gradients and Adam's
    moments, 4 m w more for the composite prior, and 12 B m for a batch of B users. Kept are
    4 M (w + d) bytes. A user's vector takes O(n w + l w²) of n likes.
    """

    name = "vae"
    Config = VAEConfig

    def fit(self, train: Train, catalogue: Catalogue, *, report: Report = silent) -> Self:
        loaded = Loaded(self.read(train), self.like_threshold_)
        epochs = Epochs(self.config.max_epochs, self.config.patience)
        n_epochs = enough_epochs(loaded, epochs, self.trainer, report)
        trainer = self.trainer(loaded)
        trainer.run(n_epochs, report)
        n_movies = len(self.movie_ids_)
        self.encoder_ = LikesEncoder.of(trainer.net, trainer.liked, n_movies)
        vectors = trainer.movie_vectors()
        self.movie_vectors_ = np.zeros((n_movies, vectors.shape[1]), dtype=np.float32)
        self.movie_vectors_[trainer.liked] = vectors
        self.liked_ = np.zeros(n_movies, dtype=bool)
        self.liked_[trainer.liked] = True
        return self

    def trainer(self, train: Loaded) -> VAETrainer:
        """Return what trains a new network on some ratings."""
        return VAETrainer(train, self.config, self.compute)

    def restore(self, state: dict[str, np.ndarray]) -> None:
        super().restore(state)
        self.encoder_ = LikesEncoder(**self.encoder_arrays(state))
