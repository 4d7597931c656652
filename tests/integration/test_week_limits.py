"""A week is opened with numbers that there can be, or not at all; one that was not so is mended by
the next run.
"""

from datetime import date
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from recsys.db.connect import Connection
from recsys.errors import RequestError
from recsys.settings import Settings
from tests import steps


def n_stored(conn: Connection) -> int:
    query = (
        "SELECT (SELECT count(*) FROM weeks) + (SELECT count(*) FROM drops) + (SELECT count(*) "
        "FROM experiments) AS n"
    )
    return conn.execute(query).fetchone().n


@pytest.mark.parametrize(
    "options",
    [
        {"top_n": 0},
        {"top_n": -3},
        {"top_n": 3_000_000_000},
        {"top_n": 2.5},
        {"challenger_share": float("inf")},
    ],
)
def test_a_run_out_of_limits_stores_nothing(
    settings: Settings, weeks: list[date], conn: Connection, options: dict[str, Any]
) -> None:
    with pytest.raises(RequestError, match=next(iter(options))):
        steps.run_week(settings, as_of=weeks[0], **options)
    assert n_stored(conn) == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"top_n": 0},
        {"seed": -1},
        {"popularity_half_life_days": float("inf")},
        {"like_threshold": float("nan")},
    ],
)
def test_settings_out_of_limits_store_no_week(
    settings: Settings, weeks: list[date], conn: Connection, changed: dict[str, Any]
) -> None:
    with pytest.raises(RequestError):
        steps.resolve_week(settings.model_copy(update=changed), as_of=weeks[0])
    assert conn.execute("SELECT count(*) AS n FROM weeks").fetchone().n == 0


def poison(conn: Connection, as_of: date, **numbers: object) -> None:
    """Store what an earlier release stored."""
    query = "UPDATE weeks SET params = params || %s WHERE as_of = %s"
    conn.execute(query, [Jsonb(numbers), as_of])


def test_a_poisoned_week_takes_what_the_next_run_has(
    settings: Settings, weeks: list[date], conn: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    steps.resolve_week(settings, as_of=weeks[0], top_n=7)
    poison(conn, weeks[0], top_n=0, min_history=-1)
    week = steps.run_week(settings, as_of=weeks[0])
    assert (week.top_n, week.min_history) == (settings.top_n, settings.min_history)
    assert "top_n is 0; expected a whole number from 1 to 1,000" in caplog.text
    assert conn.execute("SELECT max(rank) AS n FROM recommendations").fetchone().n == settings.top_n
    assert steps.find_week(settings, weeks[0]).top_n == settings.top_n


def test_a_number_named_at_the_terminal_is_what_a_poisoned_week_has_from_then_on(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    steps.resolve_week(settings, as_of=weeks[0])
    poison(conn, weeks[0], top_n=3_000_000_000)
    assert steps.resolve_week(settings, as_of=weeks[0], top_n=4).top_n == 4
    assert steps.resolve_week(settings, as_of=weeks[0]).top_n == 4, "without naming it again"
    assert steps.resolve_week(settings, as_of=weeks[0], top_n=6).top_n == 6
    assert steps.resolve_week(settings, as_of=weeks[0]).top_n == 4, (
        "a sound week keeps its first run's"
    )


def test_a_study_of_one_trial_is_refused(settings: Settings, weeks: list[date]) -> None:
    week = steps.resolve_week(settings, as_of=weeks[0])
    with pytest.raises(RequestError, match="trials is 1; expected a whole number from 2 to 1,000"):
        steps.tune_recipe(settings, week, "als", n_trials=1)
