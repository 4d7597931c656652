"""A process that is killed in the midst of a fit, and the next one, which goes on."""

import logging
import os
import subprocess
import sys
import time
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recsys.db.connect import Connection
from recsys.errors import FitError
from recsys.models import model_class
from recsys.models.base import Compute
from recsys.models.neural import checkpoint
from recsys.models.neural.training import EpochReport
from recsys.recipe import Recipe
from recsys.registry import checkpoints
from recsys.registry.fitting import Fit, fit_once
from recsys.registry.store import Registry
from recsys.settings import Settings
from tests.contracts.worlds import checkerboard

N_EPOCHS = 40
#: What the killed process runs: epochs of a twentieth of a second, each kept.
CHILD = """
import time
from recsys.db.connect import connect
from recsys.models.neural import checkpoint
from recsys.models.neural.training import EpochReport
from recsys.registry.fitting import fit_once
from recsys.registry.store import Registry
from recsys.settings import Settings
from tests.integration.test_killed_fits import fit_of

checkpoint.SECONDS_BETWEEN = 0
add = EpochReport.add
EpochReport.add = lambda self, metrics: (time.sleep(0.05), add(self, metrics))
settings = Settings.from_environment()
with connect(settings) as conn:
    fit_once(conn, Registry(settings), fit_of("lightgcn"))
"""


def fit_of(name: str) -> Fit:
    world = checkerboard()
    settings: dict[str, Any] = {"epochs": N_EPOCHS, "factors": 8, "users_a_batch": 16}
    recipe = Recipe.of(name, **(settings if name == "lightgcn" else {}))
    return Fit(recipe, world.train, world.catalogue, "2020-01-06", "exam", date(2020, 1, 6), seed=1)


def environment(settings: Settings) -> dict[str, str]:
    return os.environ | {
        "RECSYS_DATABASE_URL": settings.database_url.get_secret_value(),
        "RECSYS_MLFLOW_TRACKING_URI": settings.mlflow_tracking_uri,
        "RECSYS_CHECKPOINTS": settings.checkpoints,
        "RECSYS_THREADS": "1",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }


def kill_in_the_midst(settings: Settings) -> None:
    """Start a fit, and kill it once it has kept how far it came."""
    child = subprocess.Popen([sys.executable, "-c", CHILD], env=environment(settings))
    try:
        deadline = time.monotonic() + 60
        while not list(Path(settings.checkpoints).glob("*/fit.pt")):
            assert child.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        child.kill()
        child.wait()


def test_the_next_process_goes_on(
    conn: Connection,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kill_in_the_midst(settings)
    epochs = []
    add = EpochReport.add

    def counted(self: EpochReport, metrics: dict[str, float]) -> None:
        add(self, metrics)
        epochs.append(self.epoch)

    monkeypatch.setattr(EpochReport, "add", counted)
    caplog.set_level(logging.INFO)
    fit, registry = fit_of("lightgcn"), Registry(settings)
    fitted = fit_once(conn, registry, fit)
    assert epochs[0] > 1
    assert epochs == list(range(epochs[0], N_EPOCHS + 1))
    assert f"fit.pt: goes on after epoch {epochs[0] - 1}" in caplog.text
    assert list(Path(settings.checkpoints).iterdir()) == []
    kind = model_class("lightgcn")
    never_killed = kind(kind.Config(**dict(fit.recipe.settings)), Compute(seed=1, threads=1))
    expected = never_killed.fit(fit.train, fit.catalogue).state()
    state = registry.load(fitted.run_id).state()
    assert state.keys() == expected.keys()
    for name, array in state.items():
        np.testing.assert_array_equal(array, expected[name])


def test_what_a_failed_fit_kept_stays_for_a_time(
    conn: Connection, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN", 0.0)
    with monkeypatch.context() as patch, pytest.raises(FitError, match="at the end"):
        patch.setattr(model_class("lightgcn"), "learned_vectors", fail)
        fit_once(conn, Registry(settings), fit_of("lightgcn"))
    (kept,) = Path(settings.checkpoints).iterdir()
    assert [path.name for path in kept.iterdir()] == ["fit.pt"]
    fit_once(conn, Registry(settings), fit_of("popularity"))
    assert kept.exists()
    old = time.time() - checkpoints.KEPT - 60
    os.utime(kept, (old, old))
    fit_once(conn, Registry(settings), replace(fit_of("popularity"), seed=2))
    assert not kept.exists()


def fail(*_: object) -> None:
    raise ValueError("at the end")


def test_without_a_folder_a_fit_is_made_all_the_same(
    conn: Connection, settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    nowhere = settings.model_copy(update={"checkpoints": str(tmp_path / "file" / "folder")})
    fit_once(conn, Registry(nowhere), fit_of("lightgcn"))
    assert "no fit can go on after it was killed" in caplog.text


def test_a_folder_of_another_account_is_not_used(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: tmp_path.stat().st_uid + 1)
    assert checkpoints.folder_of(settings) is None
