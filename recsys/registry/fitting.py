"""One fit, or the one made before: nothing is fitted twice on the same data, be it by itself or as
a member of a blend.
"""

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Self

import psycopg

from recsys.db.connect import Connection, Lock, advisory_lock
from recsys.errors import FitError, LedgerError, ModelError, ModelLost
from recsys.features.catalogue import Catalogue
from recsys.features.train import Train
from recsys.models.base import MemberFit, Recommender, Report
from recsys.recipe import Recipe
from recsys.registry import fit_ledger
from recsys.registry.checkpoints import resuming
from recsys.registry.compute import new_model
from recsys.registry.description import FitDescription, data_window
from recsys.registry.fit_key import fit_key
from recsys.registry.names import Kind
from recsys.settings import Settings

if TYPE_CHECKING:
    from recsys.registry.store import Registry

__all__ = ["Fit", "Fitted", "fit_once", "fitted_model", "lost_model_fitted_again"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fit:
    """What is fitted, on what, up to where, for which week.

    `anew`: a person has the week decided anew, so that what takes a lost model's place may differ
    from it.
    """

    recipe: Recipe
    train: Train
    catalogue: Catalogue
    cut: str
    kind: Kind
    as_of: date
    seed: int
    anew: bool = False

    def __str__(self) -> str:
        return f"{self.recipe.key} up to {self.cut}"

    def of_member(self, member: MemberFit) -> "Fit":
        """Return the fit of a member of the recipe: where the whole is cut or, with a cut of its
        own, for the whole's validation.
        """
        fit = replace(
            self,
            recipe=Recipe.of(member.name, **member.config.model_dump()),
            train=member.train,
            catalogue=member.catalogue,
        )
        return fit if member.cut is None else replace(fit, cut=member.cut, kind="validation")


@dataclass(frozen=True)
class Fitted:
    """Where a fit's model is, and the fingerprint of what it learned from."""

    run_id: str
    fit_key: str
    fingerprint: str


def fit_once(conn: Connection, registry: "Registry", fit: Fit) -> Fitted:
    """Return the run of this fit: found by its fit key, or made now. Two runs that want the same
    fit wait for one another.

    Where MLflow has lost it, it is made again and must come to the same arrays. Raises ModelLost
    where it does not, unless the week is decided anew. The members of a blend are fits of their
    own, found or made likewise while the blend's is under way: since no blend is in a blend, who
    waits for a member is never waited for by it. Raises FitError where the recipe itself cannot be
    fitted; what goes wrong with MLflow, Postgres or a file is raised as it is, since a retry may
    help.
    """
    if not fit_ledger.has_any(conn, fit.recipe, fit.cut):
        fit.train.read_ahead()
    with _own_fault():
        prepared = _PreparedFit.of(fit, registry.settings)
    fitting = _Fitting(conn, registry, prepared)
    with advisory_lock(conn, Lock.FIT, prepared.fit_key):
        return fitting.find() or fitting.make()


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
    """Return a model that a past decision names by its fit key and MLflow has lost, fitted again to
    the same arrays.

    Raises ModelLost where it comes out different, or nobody can tell: then it is another model,
    which no past week uses.
    """
    lost = _LostFit(fit, lost_key, registry.uri)
    before = fit_ledger.entry_of(conn, lost_key)
    if before is None:
        raise lost.not_on_record()
    fitted, model = fitted_model(conn, registry, replace(fit, anew=False))
    entry = fit_ledger.entry_of(conn, fitted.fit_key)
    if entry is None or before.digest != entry.digest:
        raise lost.is_another(before.digest, entry.digest if entry else "none")
    return replace(fitted, fit_key=lost_key), model


@dataclass(frozen=True)
class _PreparedFit:
    """A fit before it is found or made: the model without what it learns, and what its fit key is
    made of.
    """

    fit: Fit
    model: Recommender
    encoder: str
    fingerprint: str
    fit_key: str

    @classmethod
    def of(cls, fit: Fit, settings: Settings) -> Self:
        """Build the model, and digest what the fit depends on."""
        recipe = fit.recipe.of_week(fit.train.like_threshold)
        recipe.check_likes(fit.train.like_threshold)
        model = new_model(recipe, settings, seed=fit.seed)
        encoder = model.encoders()
        data = fit.train.fingerprint() + fit.catalogue.fingerprint()
        fingerprint = hashlib.sha256(data.encode()).hexdigest()
        key = fit_key(recipe, cut=fit.cut, fingerprint=fingerprint, seed=fit.seed, encoder=encoder)
        return cls(fit, model, encoder, fingerprint, key)

    def description(self, parent: str) -> FitDescription:
        """Return what the fit's run says of it."""
        inputs = {"fingerprint": self.fingerprint, "seed": self.fit.seed}
        return FitDescription(
            fit_key=self.fit_key,
            recipe=self.fit.recipe,
            kind=self.fit.kind,
            as_of=self.fit.as_of,
            cut=self.fit.cut,
            encoder=self.encoder,
            params=data_window(self.fit.train) | inputs,
            parent=parent,
        )

    def outcome(self, run_id: str, digest: str) -> fit_ledger.Outcome:
        """Return what the ledger says of the fit as it was made in that run."""
        return fit_ledger.Outcome(
            fit_key=self.fit_key,
            recipe=self.fit.recipe,
            kind=self.fit.kind,
            as_of=self.fit.as_of,
            cut=self.fit.cut,
            seed=self.fit.seed,
            fingerprint=self.fingerprint,
            n_ratings=self.fit.train.extent().n_ratings,
            run_id=run_id,
            digest=digest,
        )


@dataclass(frozen=True)
class _Fitting:
    """One fit, looked up or made. Who calls holds Lock.FIT of its key."""

    conn: Connection
    registry: "Registry"
    prepared: _PreparedFit

    @property
    def fit(self) -> Fit:
        return self.prepared.fit

    def find(self) -> Fitted | None:
        """Return the fit as MLflow has it, or what a person took in its place; None where it is to
        be made.
        """
        key = self.prepared.fit_key
        variants = fit_ledger.variants_of(self.conn, key, accepted=not self.fit.anew)
        for each in (key, *variants):
            run_id = self.registry.find(each)
            if run_id:
                return self.accept(each, run_id)
        return None

    def make(self) -> Fitted:
        """Fit the model in a run of its own, and enter its digest.

        Raises ModelLost where MLflow has lost what was fitted before and this is another model.
        """
        before = fit_ledger.entry_of(self.conn, self.prepared.fit_key)
        if before:
            log.warning("%s; it is made again", self._lost)
        run_id, entry = self.fit_in_run()
        if self.fit.anew:
            fit_ledger.accept_fit(self.conn, entry.fit_key)
        elif before and not entry.is_accepted:
            raise self._lost.is_another(before.digest, entry.digest)
        return Fitted(run_id, entry.fit_key, self.prepared.fingerprint)

    def accept(self, key: str, run_id: str) -> Fitted:
        """Return a fit that was made before, with what the ledger says of it brought up to date."""
        if fit_ledger.entry_of(self.conn, key) is None:  # made before digests were kept
            self._record(run_id, self.registry.digest_of(run_id))
        fit_ledger.accept_fit(self.conn, key)
        log.info("%s: found again as run %s", self.fit, run_id)
        return Fitted(run_id, key, self.prepared.fingerprint)

    @property
    def _lost(self) -> "_LostFit":
        return _LostFit(self.fit, self.prepared.fit_key, self.registry.uri)

    def week_run(self) -> str:
        """Return the id of the week's run, which the fit's lies beneath."""
        with advisory_lock(self.conn, Lock.REGISTRY):
            return self.registry.week_run(self.fit.as_of)

    def fit_in_run(self) -> tuple[str, fit_ledger.Entry]:
        """Return the id of the fit's new run, and what the ledger says of it."""
        model, key = self.prepared.model, self.prepared.fit_key
        with (
            resuming(model, self.registry.settings, key),
            self.registry.run(self.prepared.description(self.week_run())) as run,
        ):
            run.log_model(self.learn(run.report))
            entry = self._record(run.run_id, run.digest)
            if entry.fit_key != key:
                run.tag("fit_key", entry.fit_key)
        return run.run_id, entry

    def learn(self, report: Report) -> Recommender:
        """Fit the model, its members first."""
        log.info("%s: fitting on %s ratings", self.fit, f"{self.fit.train.extent().n_ratings:,}")
        # no method of self, which holds the model: that would be a cycle
        members_by = partial(_fit_member, self.conn, self.registry, self.fit)
        self.prepared.model.fit_members_by(members_by)
        with _own_fault():
            return self.prepared.model.fit(self.fit.train, self.fit.catalogue, report=report)

    def _record(self, run_id: str, digest: str) -> fit_ledger.Entry:
        return fit_ledger.record_fit(self.conn, self.prepared.outcome(run_id, digest))


@dataclass(frozen=True)
class _LostFit:
    """A fit on record whose model MLflow has no more."""

    fit: Fit
    fit_key: str
    uri: str

    def __str__(self) -> str:
        return f"{self.fit}: MLflow at {self.uri} has lost its fit {self.fit_key[:12]}"

    def not_on_record(self) -> ModelLost:
        """Return the error that nobody can tell what the model was."""
        return self._error("what it was is not on record, so that none can take its place")

    def is_another(self, expected: str, digest: str) -> ModelLost:
        """Return the error that the model, fitted again, has other arrays."""
        return self._error(
            f"fitted again it is another one: found arrays of digest {digest[:12]}, expected "
            f"{expected[:12]} (another kind of CPU, other code, or an erased user?)"
        )

    def _error(self, fact: str) -> ModelLost:
        return ModelLost(
            f"week {self.fit.as_of}: MLflow has lost the model of {self.fit.recipe.key} (fit "
            f"{self.fit_key[:12]}), and {fact}. What was published stays. To decide the week anew, "
            "with a model as it is fitted now: python -m recsys run --as-of "
            f"{self.fit.as_of} --force (MLflow: {self.uri})"
        )


def _fit_member(
    conn: Connection, registry: "Registry", whole: Fit, member: MemberFit
) -> Recommender:
    _, model = fitted_model(conn, registry, whole.of_member(member))
    return model


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
        reason = str(error).strip() or "it says no more"
        raise FitError(f"{type(error).__name__}: {reason}") from error
