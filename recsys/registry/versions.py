"""Champions as versions of one registered model, found by what was fitted: a number may be lost, or
be another store's.
"""

from collections.abc import Mapping

from recsys.errors import LedgerError
from recsys.models.base import Recommender
from recsys.registry.fits import Fits
from recsys.registry.names import CHAMPION
from recsys.registry.tracking import unless

MODEL_NOTE = """The models that readers are served by, fitted each week on all that the week may
see.

The alias `champion` is the version that made the live publication; the ledger in Postgres decides
which that is, and the alias only mirrors it. A version's description tells how its recipe did in
the week's exam, its tags which decision and publications it made."""


class Versions(Fits):
    """Versions under the settings' registered name."""

    def register(self, run_id: str, fit_key: str, tags: Mapping[str, str]) -> str:
        """Number of the version with that fit key whose model is there, or of a new one of the
        run's model.
        """
        name = self.settings.registered_model
        found = self.find_version(fit_key)
        if found:
            return found
        with unless("RESOURCE_ALREADY_EXISTS"):
            self.client.create_registered_model(name, description=MODEL_NOTE)
        model_id = self.model_id(run_id)
        if model_id is None:
            raise LedgerError(
                f"MLflow at {self.uri} has no model of run {run_id}: expected a finished fit"
            )
        all_tags = {**tags, "fit_key": fit_key}
        created = self.client.create_model_version(
            name,
            f"models:/{model_id}",
            run_id=run_id,
            model_id=model_id,
            tags=all_tags,
            await_creation_for=0,
        )
        return str(created.version)

    def find_version(self, fit_key: str, number: str | None = None) -> str | None:
        """Number of a version with that fit key whose model is there: `number`, where it is one,
        else the first; None without.
        """
        name = self.settings.registered_model
        found = self.client.search_model_versions(f"name = '{name}' and tags.fit_key = '{fit_key}'")
        for version in sorted(
            found, key=lambda version: (str(version.version) != number, int(version.version))
        ):
            if version.run_id and self.is_whole(version.run_id):
                return str(version.version)
        return None

    def run_of(self, fit_key: str, number: str | None = None) -> str | None:
        """Run id of the model with that fit key, by its version or without one; None where MLflow
        has lost the model.
        """
        version = self.find_version(fit_key, number)
        if version is None:
            return self.find(fit_key)
        return self.client.get_model_version(self.settings.registered_model, version).run_id

    def load_version(self, version: str) -> Recommender:
        """The model of a version by its number. Raises LedgerError where MLflow lacks it."""
        found = None
        with unless("RESOURCE_DOES_NOT_EXIST"):
            found = self.client.get_model_version(self.settings.registered_model, version)
        if found is None or not found.run_id:
            raise LedgerError(
                f"MLflow at {self.uri} has no version {version} of {self.settings.registered_model}"
            )
        return self.load(found.run_id)

    def version_tags(self, version: str) -> Mapping[str, str]:
        """What a version was registered with: its recipe, its week and its fit key. Empty where
        MLflow lacks it.
        """
        with unless("RESOURCE_DOES_NOT_EXIST"):
            return self.client.get_model_version(self.settings.registered_model, version).tags
        return {}

    def describe_version(self, version: str, *, tags: Mapping[str, str], note: str) -> None:
        """Bring what a version says of itself up to this; nothing is written that stands there
        already.
        """
        name = self.settings.registered_model
        found = self.client.get_model_version(name, version)
        for tag, value in tags.items():
            if found.tags.get(tag) != value:
                self.client.set_model_version_tag(name, version, tag, value)
        if found.description != note:
            self.client.update_model_version(name, version, note)

    def describe_model(self) -> None:
        """Describe the registered model where nobody has; a person's own words stay."""
        name = self.settings.registered_model
        if not self.client.get_registered_model(name).description:
            self.client.update_registered_model(name, MODEL_NOTE)

    def champion(self) -> str | None:
        """The version that the alias points at, None without one."""
        with unless("RESOURCE_DOES_NOT_EXIST"):
            version = self.client.get_registered_model(self.settings.registered_model).aliases.get(
                CHAMPION
            )
            return None if version is None else str(version)
        return None

    def set_champion(self, version: str) -> None:
        """Let the alias mirror the ledger; writes nothing where it does already."""
        if self.champion() != str(version):
            self.client.set_registered_model_alias(
                self.settings.registered_model, CHAMPION, version
            )
