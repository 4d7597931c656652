"""What MLflow runs when it serves a model: code beside arrays, no pickle. Logged with each model;
needs `recsys` installed from its wheel, or a checkout on the path.

`mlflow.pyfunc.load_model("models:/movie-recommender@champion").predict(DataFrame({"user_id": …}),
params={"n": 10})`
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

from recsys.registry.files import load_directory

#: Length of a list where the caller does not say.
DEFAULT_N = 10


class ServedModel(PythonModel):
    """Lists straight from the model: what a user has seen, and what was withdrawn, only publishing
    knows and leaves out.
    """

    def load_context(self, context: Any) -> None:
        self.model = load_directory(Path(context.artifacts["model"]))

    def predict(  # pyright: ignore[reportIncompatibleMethodOverride] - the base is untyped
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Return one row a row of `model_input`: user_id, movie_ids and scores, both lists, best
        first, empty for a stranger.
        """
        users = model_input["user_id"].to_numpy(dtype=np.int64)
        best = self.model.recommend(users, n=int((params or {}).get("n", DEFAULT_N)))
        lengths = (best.ids >= 0).sum(axis=1)
        lists = {"movie_ids": _lists(best.ids, lengths), "scores": _lists(best.scores, lengths)}
        return pd.DataFrame({"user_id": users, **lists})


def _lists(values: np.ndarray, lengths: np.ndarray) -> list[list[float]]:
    return [row[:length].tolist() for row, length in zip(values, lengths, strict=True)]


set_model(ServedModel())
