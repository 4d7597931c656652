"""Champions as files that the processes of one machine share: a folder each, named by the digest of
the model.
"""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from mlflow.exceptions import MlflowException

from recsys.errors import LedgerError, ModelLost, RecsysError
from recsys.models.base import Recommender
from recsys.models.saved_arrays import unpack_arrays
from recsys.registry.compute import compute_of
from recsys.registry.digest import digest_of_directory
from recsys.registry.files import load_directory
from recsys.registry.patience import brief
from recsys.registry.store import Registry
from recsys.settings import Settings

__all__ = ["ModelFiles", "Version"]

#: Models that stay on the disk: the live one, and what a rollback may bring back.
KEPT = 4


@dataclass(frozen=True)
class Version:
    """A model by its number in MLflow, and the ledger's digest of it; None where the ledger has
    none.
    """

    number: str
    digest: str | None


class ModelFiles:
    """The folder of the models of one installation."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def load(self, version: Version) -> Recommender:
        """Return a model whose arrays lie in memory once for all processes.

        Raises LedgerError where MLflow lacks it, ModelLost where it is damaged or another one than
        the ledger's.
        """
        folder = self.folder()
        name = version.digest or f"version-{version.number}"
        place = folder / name
        if not place.is_dir():
            self.fetch(version, place)
        place.touch()
        model = load_directory(place, compute_of(self.settings))
        self.forget_old(folder)
        return model

    def folder(self) -> Path:
        """Return the folder, made where it is not there. Raises RecsysError where it is another
        account's, who could put other models there.
        """
        default = Path(tempfile.gettempdir()) / f"recsys-champions-{os.getuid()}"
        folder = Path(self.settings.api_models) if self.settings.api_models else default
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_uid != os.getuid():
            raise RecsysError(
                f"the folder of models {folder} is of account {folder.stat().st_uid}; expected "
                f"{os.getuid()}, the API's: name another in RECSYS_API_MODELS"
            )
        return folder

    def fetch(self, version: Version, place: Path) -> None:
        """Download a model to its place, at once whole: another process may do the same."""
        with tempfile.TemporaryDirectory(prefix=".new-", dir=place.parent) as directory:
            new = Path(directory) / "model"
            try:
                with brief():
                    Registry(self.settings).download_version(version.number, new)
            except MlflowException as error:
                raise LedgerError(f"MLflow does not answer: {error}") from error
            self.check(version, new)
            unpack_arrays(new)
            try:
                new.rename(place)
            except OSError:  # another process was first
                if not place.is_dir():
                    raise

    def check(self, version: Version, directory: Path) -> None:
        digest = digest_of_directory(directory)
        if version.digest is not None and digest != version.digest:
            raise ModelLost(
                f"MLflow's version {version.number} is another model than the one that made the "
                f"lists: found digest {digest[:12]}, expected {version.digest[:12]}"
            )

    def forget_old(self, folder: Path) -> None:
        """Remove all but the models used last. Who has one in memory keeps it."""
        models = [path for path in folder.iterdir() if not path.name.startswith(".new-")]
        models.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        for path in models[KEPT:]:
            shutil.rmtree(path, ignore_errors=True)
