"""One fit, or the one made before: nothing is fitted twice on the same data."""

import hashlib
import logging
from dataclasses import dataclass
from datetime import date
from typing import Literal

from recsys.db.connect import Connection, advisory_lock
from recsys.features.catalogue import Catalogue
from recsys.features.interactions import Interactions
from recsys.models import model_class
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
    kind: Literal["exam", "refit"]
    as_of: date
    seed: int


@dataclass(frozen=True)
class Fitted:
    """Where a fit's model is."""

    run_id: str
    fit_key: str


def fit_once(conn: Connection, registry: Registry, fit: Fit) -> Fitted:
    """The run of this fit: found by its fit key, or made now. Two runs that want the same fit wait for one another."""
    model_type = model_class(fit.recipe.name)
    compute = compute_of(registry.settings, seed=fit.seed)
    encoder = model_type.encoder(compute)
    fingerprint = hashlib.sha256((fit.train.fingerprint() + fit.catalogue.fingerprint()).encode()).hexdigest()
    key = fit_key(fit.recipe, cut=fit.cut, fingerprint=fingerprint, seed=fit.seed, encoder=encoder)
    with advisory_lock(conn, f"fit {key}"):
        found = registry.find(key)
        if found:
            log.info("%s up to %s: found again as run %s", fit.recipe.key, fit.cut, found)
            return Fitted(found, key)
        params = {**data_window(fit.train), "fingerprint": fingerprint, "seed": fit.seed}
        with registry.run(key, fit.recipe, kind=fit.kind, as_of=fit.as_of, cut=fit.cut, encoder=encoder, params=params) as run:
            log.info("%s up to %s: fitting on %s ratings", fit.recipe.key, fit.cut, f"{len(fit.train):,}")
            model = model_type(model_type.Config(**dict(fit.recipe.settings)), compute)
            run.log_model(model.fit(fit.train, fit.catalogue, report=run.report))
        return Fitted(run.run_id, key)
