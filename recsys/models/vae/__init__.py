"""The recipe "vae": a variational autoencoder of users' likes."""

from recsys.models.vae.config import VAEConfig
from recsys.models.vae.recipe import VAE

__all__ = ["VAE", "VAEConfig"]
