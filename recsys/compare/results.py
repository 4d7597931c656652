"""The results of comparisons, kept in a folder by all that they depend on."""

import hashlib
import json
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

import recsys.exam
from recsys.compare.data import ComparedData
from recsys.models.base import Recommender
from recsys.recipe import Recipe
from recsys.registry.fit_key import fit_key

__all__ = ["Result", "Results", "result_key"]

#: What reading half a file raises.
DAMAGE = (OSError, zipfile.BadZipFile, ValueError, KeyError, EOFError)


@dataclass(frozen=True)
class Result:
    """A recipe fitted under a seed and evaluated: the exam's figures over the users that decide,
    `ndcg` (D,) float32 of these, and the seconds of the fit.
    """

    key: str
    recipe: Recipe
    seed: int
    seconds: float
    metrics: dict[str, float]
    ndcg: np.ndarray


class Results:
    """A folder of results, a file each. It can be deleted: what is missing is fitted again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, key: str) -> Result | None:
        """Return the result of a key; None without it, or where its file is damaged."""
        try:
            with (
                self._path(key).open("rb") as whole,  # or a damaged one would stay open
                np.load(whole, allow_pickle=False) as file,
            ):
                header = json.loads(str(file["header"]))
                ndcg = file["ndcg"]
            recipe = Recipe.from_json(header.pop("recipe"))
            return Result(key=key, recipe=recipe, ndcg=ndcg, **header)
        except DAMAGE:
            return None

    def add(self, result: Result) -> None:
        """Keep a result. It is written aside and moved, so that half of it is never there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        header = {
            "recipe": result.recipe.to_json(),
            "seed": result.seed,
            "seconds": result.seconds,
            "metrics": result.metrics,
        }
        path = self._path(result.key)
        aside = path.with_suffix(".part")
        with aside.open("wb") as file:
            np.savez(
                file, allow_pickle=False, header=np.array(json.dumps(header)), ndcg=result.ndcg
            )
        aside.replace(path)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.npz"


def result_key(recipe: Recipe, data: ComparedData, seed: int, model: Recommender) -> str:
    """Return a hex digest of recipe, data, seed, the code that fits and that evaluates, and the
    title encoder that `model` would use.
    """
    fit = fit_key(
        recipe,
        cut=data.exam.cut_name,
        fingerprint=data.fingerprint,
        seed=seed,
        encoder=model.encoders(),
    )
    return hashlib.sha256(f"{fit} {exam_code()}".encode()).hexdigest()


@cache
def exam_code() -> str:
    """Return a digest of the exam's own source, which a fit key does not cover."""
    return hashlib.sha256(Path(recsys.exam.__file__).read_bytes()).hexdigest()
