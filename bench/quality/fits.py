"""Fits, each made once: the single recipes and the members of blends share them, and so does the
next call.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from bench.quality.references import REFERENCES
from recsys.features.catalogue import Catalogue
from recsys.features.train import Train
from recsys.models import model_class
from recsys.models.base import Compute, MemberFit, Recommender
from recsys.recipe import Recipe
from recsys.registry.fit_key import fit_key

SECONDS = "seconds.json"


class Fitted(NamedTuple):
    """A model and the seconds that its fit took when it was made."""

    model: Recommender
    seconds: float


class Fits:
    """Models as they save themselves, in a folder for each fit key. `compute` gives a seed's
    Compute.
    """

    def __init__(self, folder: Path, compute: Callable[[int], Compute]) -> None:
        self.folder = folder
        self.compute = compute

    def fitted(self, recipe: Recipe, train: Train, catalogue: Catalogue, seed: int) -> Fitted:
        """Return the recipe fitted on `train`, from the folder or fitted now and kept. A blend is
        put together anew from fits that are kept.
        """
        model = self.build(recipe, seed)
        if recipe.name in REFERENCES or model.has_members:
            return self.now(recipe, train, catalogue, seed)
        place = self.folder / self._key(recipe, train, catalogue, seed)
        if (place / SECONDS).is_file():
            return Fitted(type(model).load(place, model.compute), read_seconds(place))
        return keep(self.now(recipe, train, catalogue, seed), place)

    def now(self, recipe: Recipe, train: Train, catalogue: Catalogue, seed: int) -> Fitted:
        """The recipe fitted now, whatever is kept."""
        model = self.build(recipe, seed)
        started = time.perf_counter()
        model.fit(train, catalogue)
        return Fitted(model, time.perf_counter() - started)

    def build(self, recipe: Recipe, seed: int) -> Recommender:
        """The recipe's model, not fitted; a blend takes its members from here."""
        kind = REFERENCES.get(recipe.name) or model_class(recipe.name)
        model = kind(kind.Config(**dict(recipe.settings)), self.compute(seed))
        model.fit_members_by(partial(self._fit_member, seed))
        return model

    def _fit_member(self, seed: int, member: MemberFit) -> Recommender:
        """Fit a blend's member. Where it is cut, the fingerprint of its data says already."""
        recipe = Recipe.of(member.name, **member.config.model_dump())
        return self.fitted(recipe, member.train, member.catalogue, seed).model

    def _key(self, recipe: Recipe, train: Train, catalogue: Catalogue, seed: int) -> str:
        encoder = self.build(recipe, seed).encoders()
        data = hashlib.sha256((train.fingerprint() + catalogue.fingerprint()).encode()).hexdigest()
        return fit_key(
            recipe, cut="", fingerprint=data, seed=self.compute(seed).seed, encoder=encoder
        )


def keep(fitted: Fitted, place: Path) -> Fitted:
    """Return the fit, written aside and then moved, so that a call that is cut off leaves nothing
    that looks whole.
    """
    aside = place.with_suffix(".part")
    shutil.rmtree(aside, ignore_errors=True)
    fitted.model.save(aside)
    (aside / SECONDS).write_text(json.dumps(fitted.seconds))
    aside.rename(place)
    return fitted


def read_seconds(place: Path) -> float:
    return json.loads((place / SECONDS).read_text())
