"""One fit, or the one made before: nothing is fitted twice on the same data, be it by itself or as
a member of a blend.
"""

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial
from typing import TYPE_CHECKING

import psycopg

from recsys.db.connect import Connection, Lock, advisory_lock
from recsys.errors import FitError, LedgerError, ModelError, ModelLost
from recsys.features.catalogue import Catalogue
from recsys.features.interactions import Interactions
from recsys.models import model_class
from recsys.models.base import MemberFit, Recommender
from recsys.recipe import Recipe
from recsys.registry import fit_ledger
from recsys.registry.compute import compute_of
from recsys.registry.fit_key import fit_key
from recsys.registry.names import Kind

if TYPE_CHECKING:
    from recsys.registry.store import Registry

log = logging.getLogger(__name__)

_WHAT_TO_DO = (
    "What was published stays. To decide the week anew, with a model as it is fitted now: python "
    "-m recsys run --as-of {as_of} "
    "--force"
)


@dataclass(frozen=True)
class Fit:
    """What is fitted, on what, up to where, for which week.

    `anew`: a person has the week decided anew, so that what takes a lost model's place may differ
    from it.
    """

    recipe: Recipe
    train: Interactions
    catalogue: Catalogue
    cut: str
    kind: Kind
    as_of: date
    seed: int
    anew: bool = False


@dataclass(frozen=True)
class Fitted:
    """Where a fit's model is, and the fingerprint of what it learned from."""

    run_id: str
    fit_key: str
    fingerprint: str


@dataclass(frozen=True)
class _Making:
    """A fit about to be made: the model without what it learns, and what its fit key is made of."""

    fit: Fit
    model: Recommender
    encoder: str
    fingerprint: str
    fit_key: str


def fit_once(conn: Connection, registry: "Registry", fit: Fit) -> Fitted:
    """The run of this fit: found by its fit key, or made now. Two runs that want the same fit wait
    for one another.

    Where MLflow has lost it, it is made again and must come to the same arrays. Raises ModelLost
    where it does not, unless the week is decided anew. The members of a blend are fits of their
    own, found or made likewise while the blend's is under way: since no blend is in a blend, who
    waits for a member is never waited for by it. Raises FitError where the recipe itself cannot be
    fitted; what goes wrong with MLflow, Postgres or a file is raised as it is, since a retry may
    help.
    """
    with _own_fault():
        making = _making(registry, fit)
    with advisory_lock(conn, Lock.FIT, making.fit_key):
        return _found(conn, registry, making) or _made(conn, registry, making)


def fitted_model(conn: Connection, registry: "Registry", fit: Fit) -> tuple[Fitted, Recommender]:
    """As `fit_once`, with the model. One that is there and cannot be read is lost too, and made
    again.
    """
    fitted = fit_once(conn, registry, fit)
    try:
        return fitted, registry.load(fitted.run_id)
    except ModelLost as error:
        log.warning("%s; it is fitted again", error)
        registry.give_up(fitted.run_id)
    fitted = fit_once(conn, registry, fit)
    return fitted, registry.load(fitted.run_id)


def lost_model_fitted_again(
    conn: Connection, registry: "Registry", fit: Fit, lost_key: str
) -> tuple[Fitted, Recommender]:
    """A model that a past decision names by its fit key and MLflow has lost, fitted again to the
    same arrays.

    Raises ModelLost where it comes out different, or nobody can tell: then it is another model,
    which no past week uses.
    """
    before = fit_ledger.entry_of(conn, lost_key)
    if before is None:
        raise ModelLost(
            f"week {fit.as_of}: MLflow has lost the model of {fit.recipe.key} (fit "
            f"{lost_key[:12]}), and what it was is not on "
            f"record, so that none can take its place. {_WHAT_TO_DO.format(as_of=fit.as_of)} "
            f"(MLflow: {registry.uri})"
        )
    fitted, model = fitted_model(conn, registry, replace(fit, anew=False))
    now = fit_ledger.entry_of(conn, fitted.fit_key)
    if now is None or before.digest != now.digest:
        raise _differs(registry, fit, lost_key, before.digest, now.digest if now else "none")
    return replace(fitted, fit_key=lost_key), model


@contextmanager
def _own_fault() -> Iterator[None]:
    """Raise FitError for what a recipe does wrong itself."""
    from mlflow.exceptions import MlflowException  # there with the registry: no cost here

    try:
        yield
    # what goes wrong around a fit is no fault of its recipe
    except (FitError, MlflowException, psycopg.Error, OSError, LedgerError):
        raise
    except ModelError as error:
        raise FitError(str(error)) from error
    except Exception as error:
        raise FitError(
            f"{type(error).__name__}: {str(error).strip() or 'it says no more'}"
        ) from error


def _making(registry: "Registry", fit: Fit) -> _Making:
    compute = compute_of(registry.settings, seed=fit.seed)
    model_type = model_class(fit.recipe.name)
    model = model_type(model_type.Config(**dict(fit.recipe.settings)), compute)
    encoder = model.encoders()
    fingerprint = hashlib.sha256(
        (fit.train.fingerprint() + fit.catalogue.fingerprint()).encode()
    ).hexdigest()
    key = fit_key(fit.recipe, cut=fit.cut, fingerprint=fingerprint, seed=fit.seed, encoder=encoder)
    return _Making(fit, model, encoder, fingerprint, key)


def _found(conn: Connection, registry: "Registry", making: _Making) -> Fitted | None:
    """The fit as MLflow has it, or what a person took in its place; None where it is to be made."""
    fit = making.fit
    for key in (
        making.fit_key,
        *fit_ledger.variants_of(conn, making.fit_key, accepted=not fit.anew),
    ):
        run_id = registry.find(key)
        if run_id is None:
            continue
        if fit_ledger.entry_of(conn, key) is None:  # made before digests were kept
            fit_ledger.record_fit(conn, _outcome(making, run_id, registry.digest_of(run_id)))
        fit_ledger.accept_fit(conn, key)
        log.info("%s up to %s: found again as run %s", fit.recipe.key, fit.cut, run_id)
        return Fitted(run_id, key, making.fingerprint)
    return None


def _made(conn: Connection, registry: "Registry", making: _Making) -> Fitted:
    fit, key = making.fit, making.fit_key
    before = fit_ledger.entry_of(conn, key)
    if before:
        log.warning(
            "%s up to %s: MLflow at %s has lost its fit %s; it is made again",
            fit.recipe.key,
            fit.cut,
            registry.uri,
            key[:12],
        )
    params = {**data_window(fit.train), "fingerprint": making.fingerprint, "seed": fit.seed}
    with advisory_lock(conn, Lock.REGISTRY):
        parent = registry.week_run(fit.as_of)
    with registry.run(
        key,
        fit.recipe,
        kind=fit.kind,
        as_of=fit.as_of,
        cut=fit.cut,
        encoder=making.encoder,
        params=params,
        parent=parent,
    ) as run:
        log.info(
            "%s up to %s: fitting on %s ratings", fit.recipe.key, fit.cut, f"{len(fit.train):,}"
        )
        making.model.fit_members_by(partial(_fit_member, conn, registry, fit))
        with _own_fault():
            model = making.model.fit(fit.train, fit.catalogue, report=run.report)
        run.log_model(model)
        entry = fit_ledger.record_fit(conn, _outcome(making, run.run_id, run.digest))
        if entry.fit_key != key:
            run.tag("fit_key", entry.fit_key)
    if fit.anew:
        fit_ledger.accept_fit(conn, entry.fit_key)
    elif before and not entry.is_accepted:
        raise _differs(registry, fit, key, before.digest, entry.digest)
    return Fitted(run.run_id, entry.fit_key, making.fingerprint)


def data_window(train: Interactions) -> dict[str, object]:
    """What a fit saw, in parameters that people read: counts, and the first and last rating's time
    in UTC.
    """
    counts: dict[str, object] = {
        "ratings": len(train),
        "users": train.shape[0],
        "movies": train.shape[1],
    }
    if not len(train):
        return counts
    oldest, newest = (
        datetime.fromtimestamp(int(moment), UTC).isoformat()
        for moment in (train.rated_at.min(), train.newest)
    )
    return {**counts, "oldest_rating": oldest, "newest_rating": newest}


def _outcome(making: _Making, run_id: str, digest: str) -> fit_ledger.Outcome:
    fit = making.fit
    return fit_ledger.Outcome(
        making.fit_key,
        fit.recipe,
        fit.kind,
        fit.as_of,
        fit.cut,
        fit.seed,
        making.fingerprint,
        len(fit.train),
        run_id,
        digest,
    )


def _differs(registry: "Registry", fit: Fit, lost_key: str, expected: str, found: str) -> ModelLost:
    return ModelLost(
        f"week {fit.as_of}: MLflow has lost the model of {fit.recipe.key} (fit {lost_key[:12]}), "
        "and fitted again it is another "
        f"one: found arrays of digest {found[:12]}, expected {expected[:12]} (another kind of CPU, "
        "other code, or an erased "
        f"user?). {_WHAT_TO_DO.format(as_of=fit.as_of)} (MLflow: {registry.uri})"
    )


def _fit_member(
    conn: Connection, registry: "Registry", whole: Fit, member: MemberFit
) -> Recommender:
    """Return a member of a recipe, fitted where the `whole` is cut or, with a cut of its own, for
    the whole's validation.
    """
    fit = replace(
        whole,
        recipe=Recipe.of(member.name, **member.config.model_dump()),
        train=member.train,
        catalogue=member.catalogue,
    )
    if member.cut is not None:
        fit = replace(fit, cut=member.cut, kind="validation")
    _, model = fitted_model(conn, registry, fit)
    return model
