"""What a step costs is measured on this very process."""

import logging
import time
from datetime import date
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import psycopg
import pytest

from recsys import costs
from recsys.costs import Cost, keep_cost, measured, worked_on
from recsys.settings import Settings
from recsys.work import Work

BIG = 200 * 2**20


def hold(size: int) -> None:
    """Have that many bytes resident for a moment."""
    np.ones(size, dtype=np.uint8)


def test_the_peak_is_the_steps_own() -> None:
    with measured() as before:
        pass
    with measured() as big:
        hold(BIG)
    with measured() as after:
        pass
    assert big.peak_bytes - before.peak_bytes == pytest.approx(BIG, rel=0.1)
    assert after.peak_bytes < big.peak_bytes - 0.9 * BIG, "a step inherits no peak"


def test_where_no_peak_is_reported_the_processs_own_is_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(costs, "PROCESS", tmp_path / "none")
    with measured() as big:
        hold(BIG)
    with measured() as after:
        pass
    assert after.peak_bytes >= big.peak_bytes > BIG


def test_time_and_rows() -> None:
    worked_on(1)  # nobody listens
    with measured() as silent:
        pass
    with measured() as counted:
        worked_on(2)
        worked_on(3)
        time.sleep(0.02)
    assert (silent.n_rows, counted.n_rows) == (None, 3)
    assert 0 < silent.seconds < 0.02 <= counted.seconds


def test_what_fails_is_measured_too() -> None:
    with pytest.raises(ValueError, match="bad"), measured() as cost:
        raise ValueError("bad")
    assert cost.seconds > 0
    assert costs._running.get() is None


def test_a_database_that_does_not_answer_fails_no_step(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "recsys.costs")
    conn = Mock(spec=psycopg.Connection)
    conn.execute.side_effect = psycopg.OperationalError("the server is gone")
    keep_cost(
        Work(Mock(spec=Settings), conn),
        date(2018, 9, 24),
        "train_model",
        Cost(1.5, 2**30, 9),
        part="als",
    )
    assert "train_model als: what it cost could not be kept" in caplog.text
    assert "seconds=1.5, peak_bytes=1073741824, n_rows=9" in caplog.text
