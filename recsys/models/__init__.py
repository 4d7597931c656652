"""The recipes. A new one is one module or package, one line here, and one test class that inherits
the contract.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from recsys.errors import ModelError

if TYPE_CHECKING:
    from recsys.models.base import Recommender

__all__ = ["BASELINE", "COMPETING", "MODELS", "model_class"]

#: name → module and class. Read at DAG parse, so nothing is imported before it is used.
MODELS = {
    "popularity": "recsys.models.popularity:Popularity",
    "als": "recsys.models.als:ALS",
    "ease": "recsys.models.ease:EASE",
    "sparse_ease": "recsys.models.sparse_ease:SparseEASE",
    "graph_filter": "recsys.models.graph_filter:GraphFilter",
    "item_knn": "recsys.models.item_knn:ItemKNN",
    "svd": "recsys.models.factors:SVD",
    "svdpp": "recsys.models.factors:SVDPP",
    "hybrid": "recsys.models.hybrid:Hybrid",
    "vae": "recsys.models.vae:VAE",
    "lightgcn": "recsys.models.graph:LightGCN",
    "gmf": "recsys.models.ncf:GMF",
    "mlp": "recsys.models.ncf:MLP",
    "ncf": "recsys.models.ncf:NCF",
    "ngcf": "recsys.models.graph:NGCF",
    "graph_attention": "recsys.models.graph:GraphAttention",
    "blend": "recsys.models.blend:Blend",
}

#: What competes in a week where neither the run nor the settings name recipes: what is worth its
#: time.
COMPETING = ("popularity", "als", "ease", "item_knn", "hybrid", "blend")

#: The recipe that every champion must beat, and that is champion where none does. It may give
#: everyone the same list.
BASELINE = "popularity"


def model_class(name: str) -> "type[Recommender]":
    """Return the class of a recipe's name. Raises ModelError naming those there are."""
    if name not in MODELS:
        raise ModelError(f"no recipe {name!r}; there are {', '.join(MODELS)}")
    module, attribute = MODELS[name].split(":")
    return getattr(import_module(module), attribute)
