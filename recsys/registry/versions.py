"""Champions as versions of one registered model, looked up by what was fitted: a number may be
lost, or be another store's.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

from mlflow.entities.model_registry import ModelVersion

from recsys.errors import LedgerError
from recsys.models.base import Recommender
from recsys.registry.fits import Fits
from recsys.registry.names import CHAMPION
from recsys.registry.tracking import unless

__all__ = ["Versions"]

MODEL_NOTE = """The models that readers are served by, fitted each week on all that the week may
see.

The alias `champion` is the version that made the live publication; the ledger in Postgres decides
which that is, and the alias only mirrors it. A version's description tells how its recipe did in
the week's exam, its tags which decision and publications it made."""


class Versions(Fits):
    """Versions under the settings' registered name."""

    @property
    def model_name(self) -> str:
        """The registered model's name."""
        return self.settings.registered_model

    def register(self, run_id: str, fit_key: str, tags: Mapping[str, str]) -> str:
        """Return the number of the version with that fit key whose model is there, or of a new one
        of the run's model.
        """
        number = self.find_version(fit_key)
        if number:
            return number
        with unless("RESOURCE_ALREADY_EXISTS"):
            self.client.create_registered_model(self.model_name, description=MODEL_NOTE)
        return self.create_version(run_id, {**tags, "fit_key": fit_key})

    def find_version(self, fit_key: str, number: str | None = None) -> str | None:
        """Return the number of a version with that fit key whose model is there: `number`, where it
        is one, else the first; None without.
        """
        condition = f"name = '{self.model_name}' and tags.fit_key = '{fit_key}'"
        versions = {
            str(each.version): each for each in self.client.search_model_versions(condition)
        }
        for version in sorted(versions, key=lambda version: (version != number, int(version))):
            run_id = versions[version].run_id
            if run_id and self.is_whole(run_id):
                return version
        return None

    def run_of(self, fit_key: str, number: str | None = None) -> str | None:
        """Return the run id of the model with that fit key, by its version or without one; None
        where MLflow has lost the model.
        """
        version = self.find_version(fit_key, number)
        if version is None:
            return self.find(fit_key)
        return self.client.get_model_version(self.model_name, version).run_id

    def load_version(self, version: str) -> Recommender:
        """Return the model of a version by its number. Raises LedgerError where MLflow lacks it."""
        registered = self._version(version)
        if registered is None or not registered.run_id:
            raise LedgerError(f"MLflow at {self.uri} has no version {version} of {self.model_name}")
        return self.load(registered.run_id)

    def download_version(self, version: str, directory: Path) -> None:
        """Copy a version's model into a folder, as `Recommender.save` wrote it. Raises LedgerError
        where MLflow lacks it, ModelLost where it is damaged.
        """
        registered = self._version(version)
        if registered is None or not registered.run_id:
            raise LedgerError(f"MLflow at {self.uri} has no version {version} of {self.model_name}")
        with self._directory(registered.run_id) as downloaded:
            shutil.copytree(downloaded, directory, dirs_exist_ok=True)

    def version_tags(self, version: str) -> Mapping[str, str]:
        """Return what a version was registered with: its recipe, its week and its fit key. Empty
        where MLflow lacks it.
        """
        registered = self._version(version)
        return registered.tags if registered else {}

    def describe_version(self, version: str, *, tags: Mapping[str, str], note: str) -> None:
        """Bring what a version says of itself up to this; nothing is written that stands there
        already.
        """
        registered = self.client.get_model_version(self.model_name, version)
        for tag, value in tags.items():
            if registered.tags.get(tag) != value:
                self.client.set_model_version_tag(self.model_name, version, tag, value)
        if registered.description != note:
            self.client.update_model_version(self.model_name, version, note)

    def describe_model(self) -> None:
        """Describe the registered model where nobody has; a person's own words stay."""
        if not self.client.get_registered_model(self.model_name).description:
            self.client.update_registered_model(self.model_name, MODEL_NOTE)

    def champion(self) -> str | None:
        """Return the version that the alias points at, None without one."""
        with unless("RESOURCE_DOES_NOT_EXIST"):
            aliases = self.client.get_registered_model(self.model_name).aliases
            return str(aliases[CHAMPION]) if CHAMPION in aliases else None
        return None

    def set_champion(self, version: str) -> None:
        """Let the alias mirror the ledger; writes nothing where it does already."""
        if self.champion() != str(version):
            self.client.set_registered_model_alias(self.model_name, CHAMPION, version)

    def _version(self, version: str) -> ModelVersion | None:
        with unless("RESOURCE_DOES_NOT_EXIST"):
            return self.client.get_model_version(self.model_name, version)
        return None

    def create_version(self, run_id: str, tags: Mapping[str, str]) -> str:
        """Return the number of a new version of a run's model. Raises LedgerError without one."""
        model_id = self.model_id(run_id)
        if model_id is None:
            raise LedgerError(
                f"MLflow at {self.uri} has no model of run {run_id}: expected a finished fit"
            )
        created = self.client.create_model_version(
            self.model_name,
            f"models:/{model_id}",
            run_id=run_id,
            model_id=model_id,
            tags=dict(tags),
            await_creation_for=0,
        )
        return str(created.version)
