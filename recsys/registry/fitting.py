"""One fit, or the one made before: nothing is fitted twice on the same data, be it by itself or as a member of a blend."""

import hashlib
import logging
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Literal

from pydantic import BaseModel

from recsys.db.connect import Connection, advisory_lock
from recsys.features.catalogue import Catalogue
from recsys.features.interactions import Interactions
from recsys.models import model_class
from recsys.models.base import Compute, Recommender
from recsys.models.blend import Blend
from recsys.recipe import Recipe
from recsys.registry.compute import compute_of
from recsys.registry.fit_key import fit_key
from recsys.registry.store import Registry, data_window

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fit:
    """What is fitted, on what, up to where, for which week."""

    recipe: Recipe
    train: Interactions
    catalogue: Catalogue
    cut: str
    kind: Literal["validation", "exam", "refit"]
    as_of: date
    seed: int


@dataclass(frozen=True)
class Fitted:
    """Where a fit's model is, and the fingerprint of what it learned from."""

    run_id: str
    fit_key: str
    fingerprint: str


def fit_once(conn: Connection, registry: Registry, fit: Fit) -> Fitted:
    """The run of this fit: found by its fit key, or made now. Two runs that want the same fit wait for one another.

    The members of a blend are fits of their own, found or made likewise while the blend's is under way: since no blend is in a
    blend, who waits for a member is never waited for by it.
    """
    compute = compute_of(registry.settings, seed=fit.seed)
    model_type = model_class(fit.recipe.name)
    model = model_type(model_type.Config(**dict(fit.recipe.settings)), compute)
    encoder = _encoder(model, compute)
    fingerprint = hashlib.sha256((fit.train.fingerprint() + fit.catalogue.fingerprint()).encode()).hexdigest()
    key = fit_key(fit.recipe, cut=fit.cut, fingerprint=fingerprint, seed=fit.seed, encoder=encoder)
    with advisory_lock(conn, f"fit {key}"):
        found = registry.find(key)
        if found:
            log.info("%s up to %s: found again as run %s", fit.recipe.key, fit.cut, found)
            return Fitted(found, key, fingerprint)
        params = {**data_window(fit.train), "fingerprint": fingerprint, "seed": fit.seed}
        with registry.run(key, fit.recipe, kind=fit.kind, as_of=fit.as_of, cut=fit.cut, encoder=encoder, params=params) as run:
            log.info("%s up to %s: fitting on %s ratings", fit.recipe.key, fit.cut, f"{len(fit.train):,}")
            if isinstance(model, Blend):
                model.fit_member = partial(_member, conn, registry, fit)
            run.log_model(model.fit(fit.train, fit.catalogue, report=run.report))
        return Fitted(run.run_id, key, fingerprint)


def _encoder(model: Recommender, compute: Compute) -> str:
    """The title encoder in a model's fit key; a blend's is its members'."""
    kinds = [model_class(member.name) for member in model.config.members] if isinstance(model, Blend) else [type(model)]
    return ", ".join(sorted({kind.encoder(compute) for kind in kinds} - {""}))


def _member(
    conn: Connection,
    registry: Registry,
    blend: Fit,
    name: str,
    config: BaseModel,
    train: Interactions,
    catalogue: Catalogue,
    cut: str | None,
) -> Recommender:
    """A member of a blend, fitted where the blend itself is cut or, with a `cut`, where its validation starts."""
    recipe = Recipe.of(name, **config.model_dump())
    where = {"cut": blend.cut, "kind": blend.kind} if cut is None else {"cut": cut, "kind": "validation"}
    fit = replace(blend, recipe=recipe, train=train, catalogue=catalogue, **where)
    return registry.load(fit_once(conn, registry, fit).run_id)
