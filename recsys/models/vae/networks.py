"""The networks of the variational autoencoder, and what a user's latent vector is believed to be
before the likes are known.
"""

import copy
import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from recsys.models.vae.config import VAEConfig

__all__ = ["NORM_EPSILON", "Autoencoder", "Encoder", "Prior"]

#: Added to the variance that a layer is normalised by; RecVAE's.
NORM_EPSILON = 0.1

#: Shares of the composite prior: the standard normal one, the encoder of before, the wide one.
SHARES = (3 / 20, 3 / 4, 1 / 10)

#: Log variance of the wide one.
WIDE = 10.0


class Encoder(nn.Module):
    """Likes (B, m) to mean and log variance (B, d) of the latent vector. Each layer is fed by the
    sum of all before it (as RecVAE has it).
    """

    def __init__(self, n_movies: int, config: VAEConfig) -> None:
        super().__init__()
        width = config.width
        self.dropout = config.dropout
        self.first = nn.Linear(n_movies, width)
        self.deeper = nn.ModuleList(nn.Linear(width, width) for _ in range(config.layers - 1))
        norms = (nn.LayerNorm(width, eps=NORM_EPSILON) for _ in range(config.layers))
        self.norms = nn.ModuleList(norms)
        self.mean = nn.Linear(width, config.size)
        self.log_variance = nn.Linear(width, config.size)

    def forward(self, likes: Tensor) -> tuple[Tensor, Tensor]:
        inputs = functional.normalize(likes, dim=1)
        inputs = functional.dropout(inputs, self.dropout, self.training)
        before = hidden = self.norms[0](functional.silu(self.first(inputs)))
        for layer, norm in zip(self.deeper, self.norms[1:], strict=True):
            hidden = norm(functional.silu(layer(hidden) + before))
            before = before + hidden
        return self.mean(hidden), self.log_variance(hidden)


class Autoencoder(nn.Module):
    """Likes (B, m) to scores (B, m), through a latent vector that is drawn in training."""

    def __init__(self, n_movies: int, config: VAEConfig) -> None:
        super().__init__()
        self.encoder = Encoder(n_movies, config)
        width = config.decoder_width or config.size
        self.inner = nn.Linear(config.size, width) if config.decoder_width else None
        self.movies = nn.Linear(width, n_movies)

    def decode(self, latent: Tensor) -> Tensor:
        """Return scores (B, m) of latent vectors (B, d)."""
        return self.movies(self.vectors(latent))

    def vectors(self, latent: Tensor) -> Tensor:
        """Return what meets a movie's vector."""
        return latent if self.inner is None else torch.tanh(self.inner(latent))


class Prior(nn.Module):
    """How likely a latent vector is beforehand: standard normal, or composite, which remembers what
    the encoder of the epoch before made of the same likes.
    """

    def __init__(self, encoder: Encoder, config: VAEConfig) -> None:
        super().__init__()
        self.before = copy.deepcopy(encoder).eval() if config.prior == "composite" else None

    def follow(self, encoder: Encoder) -> None:
        """Remember the encoder as it is now."""
        if self.before is not None:
            self.before.load_state_dict(encoder.state_dict())

    def log_likelihood(self, likes: Tensor, latent: Tensor) -> Tensor:
        """Return (B, d) of latent vectors (B, d)."""
        zero = torch.zeros_like(latent)
        standard = log_normal(latent, zero, zero)
        if self.before is None:
            return standard
        with torch.no_grad():
            mean, log_variance = self.before(likes)
        remembered = log_normal(latent, mean, log_variance)
        wide = log_normal(latent, zero, zero + WIDE)
        parts = torch.stack([standard, remembered, wide])
        shares = torch.tensor(SHARES, device=latent.device).log()
        return torch.logsumexp(parts + shares[:, None, None], dim=0)


def log_normal(values: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return the log density of values under independent normal distributions."""
    squares = (values - mean) ** 2 / log_variance.exp()
    return -0.5 * (math.log(2 * math.pi) + log_variance + squares)
