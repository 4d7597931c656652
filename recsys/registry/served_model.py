"""What MLflow runs when it serves a model: code beside arrays, no pickle. Logged with each model;
needs `recsys` installed from its wheel, or a checkout on the path.

A row is a user with what the user has rated:

    model = mlflow.pyfunc.load_model("models:/movie-recommender@champion")
    rated = {"movie_ids": [[318, 858]], "ratings": [[5.0, 4.5]], "rated_at": [[1700000000] * 2]}
    model.predict(pandas.DataFrame({"user_id": [1], **rated}), params={"n": 10})
"""

from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

from recsys.errors import ModelError
from recsys.features.interactions import Interactions
from recsys.registry.files import load_directory

#: Length of a list where the caller does not say.
DEFAULT_N = 10

#: The columns of lists that are a user's history.
HISTORY = ("movie_ids", "ratings", "rated_at")


class ServedModel(PythonModel):
    """Lists straight from the model: what was withdrawn, only publishing knows and leaves out."""

    def load_context(self, context: Any) -> None:
        self.model = load_directory(Path(context.artifacts["model"]))

    def predict(  # pyright: ignore[reportIncompatibleMethodOverride] - the base is untyped
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Return one row a row of `model_input`: user_id, movie_ids and scores, both lists, best
        first, empty for a stranger; what the row's history has is left out.

        `model_input`: user_id, and lists of movie_ids, ratings (stars) and rated_at (epoch
        seconds). Raises ModelError without them, or for lists of different lengths.
        """
        rows = np.arange(len(model_input))  # the same user may come twice, with other histories
        histories = histories_of(model_input, self.model.movie_ids_)
        n = int((params or {}).get("n", DEFAULT_N))
        best = self.model.recommend(rows, n=n, histories=histories)
        lengths = (best.ids >= 0).sum(axis=1)
        lists = {"movie_ids": _lists(best.ids, lengths), "scores": _lists(best.scores, lengths)}
        return pd.DataFrame({"user_id": model_input["user_id"].to_numpy(), **lists})


def histories_of(model_input: pd.DataFrame, movie_ids: np.ndarray) -> Interactions:
    """Return the rows' histories by row number, over the movies given: of a movie that is there
    twice the newest rating, and none of a movie that the model does not know.
    """
    missing = [name for name in HISTORY if name not in model_input]
    if missing:
        raise ModelError(
            f"the input has no {' and no '.join(missing)}: a user_id alone says nothing to a "
            f"model; expected lists of {', '.join(HISTORY)}, one element a movie that was rated"
        )
    rows = np.repeat(np.arange(len(model_input)), lengths_of(model_input))
    rated = pd.DataFrame({"row": rows, **{name: flat(model_input[name]) for name in HISTORY}})
    newest = rated.sort_values("rated_at", kind="stable").drop_duplicates(
        ["row", "movie_ids"], keep="last"
    )
    columns = [newest[name].to_numpy() for name in ("row", *HISTORY)]
    return Interactions.of(*columns, movie_ids=movie_ids)


def lengths_of(model_input: pd.DataFrame) -> np.ndarray:
    """Return (rows,) how many movies each row has. Raises ModelError where its lists differ."""
    lengths = np.array([model_input[name].map(len) for name in HISTORY])
    uneven = np.flatnonzero((lengths != lengths[0]).any(axis=0))
    if len(uneven):
        row = uneven[0]
        counts = ", ".join(f"{n} {name}" for n, name in zip(lengths[:, row], HISTORY, strict=True))
        raise ModelError(f"row {row}: {counts}; expected lists of the same length")
    return lengths[0]


def flat(lists: Iterable[Iterable[float]]) -> np.ndarray:
    """Return the elements of all lists, one after another."""
    return np.array(list(chain.from_iterable(lists)))


def _lists(values: np.ndarray, lengths: np.ndarray) -> list[list[float]]:
    return [row[:length].tolist() for row, length in zip(values, lengths, strict=True)]


set_model(ServedModel())
