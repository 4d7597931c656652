"""Matrix factorisations of stars."""

from recsys.models.factors.config import FactorsConfig, SVDPPConfig
from recsys.models.factors.recipe import SVD, SVDPP

__all__ = ["SVD", "SVDPP", "FactorsConfig", "SVDPPConfig"]
