"""The weekly movie recommender. `recsys.steps` is the way in; in Python alone, without a database,
`from recsys import read_movielens, Recipe, fit, evaluate`.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recsys.features.catalogue import Catalogue
    from recsys.features.interactions import Interactions
    from recsys.models.base import Compute
    from recsys.notebook import Dataset, Evaluation, Model, evaluate, fit, read_movielens
    from recsys.recipe import Recipe

__all__ = [
    "Catalogue",
    "Compute",
    "Dataset",
    "Evaluation",
    "Interactions",
    "Model",
    "Recipe",
    "errors",
    "evaluate",
    "fit",
    "read_movielens",
    "run",
    "settings",
    "steps",
]

#: name → its module. Imported when it is first used: most who import this package need none.
_HOMES = {
    "Catalogue": "recsys.features.catalogue",
    "Compute": "recsys.models.base",
    "Dataset": "recsys.notebook",
    "Evaluation": "recsys.notebook",
    "Interactions": "recsys.features.interactions",
    "Model": "recsys.notebook",
    "Recipe": "recsys.recipe",
    "evaluate": "recsys.notebook",
    "fit": "recsys.notebook",
    "read_movielens": "recsys.notebook",
}

# Threads that wait for others sleep. By default they spin: OpenMP's (torch, implicit) at every
# barrier, and a small network's step has hundreds; OpenBLAS's (NumPy, SciPy) for 30 ms after every
# product. On two cores, two hybrid fits at once took 36.6 s spinning and take 2.3 s asleep
# (bench.side_by_side). The libraries read these variables when they are loaded, so this package
# sets them first; what the environment sets stays.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "14")  # 2¹⁴ clock ticks, not 2²⁶


def __getattr__(name: str) -> Any:
    """Return a name of `__all__` that lies deeper. Raises AttributeError for any other."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
