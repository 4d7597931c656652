"""Which week a run is for."""

from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from recsys.drops.zone import LandingZone
from tests import airflow_home  # noqa: F401 - chooses Airflow's home

INTERVAL_END = datetime(2018, 9, 24, tzinfo=UTC)
DROPS = (date(2018, 9, 17), date(2018, 9, 24), date(2018, 10, 1))


@pytest.fixture
def zone(tmp_path: Path) -> LandingZone:
    for day in DROPS:
        (tmp_path / "movielens" / str(day)).mkdir(parents=True)
        (tmp_path / "movielens" / str(day) / "_SUCCESS").touch()
    return LandingZone(str(tmp_path))


@pytest.mark.parametrize(
    ("run_type", "end", "param", "expected"),
    [
        ("scheduled", INTERVAL_END, None, date(2018, 9, 24)),
        # its drop is still to come
        ("scheduled", datetime(2018, 9, 10, tzinfo=UTC), None, date(2018, 9, 10)),
        ("backfill", INTERVAL_END, "2018-10-01", date(2018, 9, 24)),
        ("manual", None, "2018-09-17", date(2018, 9, 17)),
        ("manual", INTERVAL_END, "2018-09-17", date(2018, 9, 17)),
        ("manual", INTERVAL_END, None, date(2018, 9, 24)),  # `dags test DATE`
        # the trigger form's interval, and no such drop
        ("manual", datetime(2026, 11, 16, tzinfo=UTC), None, None),
        ("manual", None, None, None),
        ("manual", None, "", None),
    ],
)
def test_which_week(
    zone: LandingZone, run_type: str, end: datetime | None, param: str | None, expected: date | None
) -> None:
    from airflow.utils.types import DagRunType

    from recsys_airflow.as_of import run_as_of

    for kind in (run_type, DagRunType(run_type)):
        context: Any = {
            "dag_run": SimpleNamespace(run_type=kind, data_interval_end=end),
            "params": {"as_of": param},
        }
        assert run_as_of(context, zone) == expected


def test_a_half_copied_drop_names_no_week(zone: LandingZone, tmp_path: Path) -> None:
    from recsys_airflow.as_of import run_as_of

    (tmp_path / "movielens" / "2018-09-24" / "_SUCCESS").unlink()
    context: Any = {
        "dag_run": SimpleNamespace(run_type="manual", data_interval_end=INTERVAL_END),
        "params": {},
    }
    assert run_as_of(context, zone) is None
