"""The recommender in Python alone: files in, models, lists and figures out. No database, no server.

`from recsys import …` offers the same names.
"""

from recsys.notebook.data import Dataset, read_movielens
from recsys.notebook.evaluating import Evaluation, Figure, evaluate
from recsys.notebook.model import Model, Reason, Recommendation, SimilarMovie, fit

__all__ = [
    "Dataset",
    "Evaluation",
    "Figure",
    "Model",
    "Reason",
    "Recommendation",
    "SimilarMovie",
    "evaluate",
    "fit",
    "read_movielens",
]
