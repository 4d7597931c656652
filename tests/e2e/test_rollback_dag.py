"""The DAG rollback_publication in one process: its form as the database has it, back and forward
again, and what it refuses.
"""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from recsys.db.connect import Connection
from recsys.drops.replay import replay
from recsys.settings import Settings
from stack.datasets.movielens import generate_movielens
from tests import steps
from tests.e2e.conftest import parsed

pytestmark = pytest.mark.e2e

DAG_ID = "rollback_publication"


@pytest.fixture
def weeks(tmp_path: Path, installation: Settings) -> list[date]:
    """Two weeks that have run, the later one live."""
    generate_movielens(tmp_path / "movielens", users=40, movies=80, ratings=1_200, seed=7)
    weeks = replay(tmp_path / "movielens", installation.drops, weeks=1)
    for as_of in weeks:
        steps.run_week(installation, as_of=as_of, recipes=["popularity"])
    return weeks


def roll_back(**conf: Any) -> Any:
    """A run of the DAG as it is parsed now."""
    return parsed(DAG_ID).test(run_conf=conf)


def live(conn: Connection) -> Any:
    return conn.execute("SELECT publication_id, as_of FROM publications WHERE is_live").fetchone()


def test_back_and_forward_again(
    weeks: list[date], installation: Settings, conn: Connection
) -> None:
    newest, oldest = [publication_id for publication_id, _ in steps.past_publications(installation)]
    schema = parsed(DAG_ID).params.get_param("publication_id").schema
    assert schema["enum"] == [None, newest, oldest]
    lines = schema["values_display"]
    assert "live now, since" in lines[str(newest)] and f"week {weeks[0]}" in lines[str(oldest)]

    run = roll_back(reason="too much horror")
    assert run.state == "success" and live(conn) == (oldest, weeks[0])
    assert (
        "live now, since"
        in parsed(DAG_ID).params.get_param("publication_id").schema["values_display"][str(oldest)]
    )
    assert roll_back(publication_id=newest, reason="it was not that bad").state == "success"
    assert live(conn) == (newest, weeks[1])
    flips = conn.execute(
        "SELECT cause, reason, requested_by FROM live_history ORDER BY seq DESC LIMIT 2"
    ).fetchall()
    assert flips == [
        ("rolled forward", "it was not that bad", "dag_test"),
        ("rolled back", "too much horror", "dag_test"),
    ]
    assert (
        conn.execute("SELECT run_id FROM live_history WHERE cause = 'rolled back'")
        .fetchone()
        .run_id
        == run.run_id
    )


def test_what_the_form_refuses(weeks: list[date], conn: Connection) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    before = live(conn)
    for conf in ({"publication_id": 99, "reason": "a slip of the pen"}, {"reason": ""}, {}):
        with pytest.raises((ParamValidationError, ValueError)):
            roll_back(**conf)
    assert live(conn) == before
