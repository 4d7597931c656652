"""Neural collaborative filtering: the recipes "gmf", "mlp" and "ncf"."""

from recsys.models.ncf.config import GMFConfig, MLPConfig, NCFConfig
from recsys.models.ncf.recipes import GMF, MLP, NCF

__all__ = ["GMF", "MLP", "NCF", "GMFConfig", "MLPConfig", "NCFConfig"]
