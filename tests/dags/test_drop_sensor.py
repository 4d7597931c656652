"""The sensors: what they wait for, how long, and what they say when it does not come."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests import airflow_home  # noqa: F401 - chooses Airflow's home

TODAY = datetime.now(UTC).date()
LONG_PAST = date(2018, 9, 24)


@pytest.fixture
def zone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RECSYS_DROPS", str(tmp_path))
    return tmp_path


def complete(zone: Path, source: str, day: date) -> None:
    (zone / source / str(day)).mkdir(parents=True, exist_ok=True)
    (zone / source / str(day) / "_SUCCESS").touch()


def sensor(source: str = "movielens", **kwargs: Any):
    from recsys_airflow.sensors import DropSensor

    return DropSensor(
        task_id="wait", source=source, timeout=timedelta(days=6), poke_interval=60, **kwargs
    )


def context(end: date | None, run_type: str = "scheduled") -> Any:
    moment = datetime(end.year, end.month, end.day, tzinfo=UTC) if end else None
    return {
        "dag_run": SimpleNamespace(run_type=run_type, data_interval_end=moment),
        "params": {"as_of": None},
    }


def test_a_drop_that_is_there_is_not_waited_for(zone: Path) -> None:
    complete(zone, "movielens", TODAY)
    assert sensor().execute(context(TODAY)) == ""


def test_a_drop_to_come_is_waited_for_in_the_triggerer(zone: Path) -> None:
    from airflow.sdk.exceptions import TaskDeferred

    (zone / "movielens" / str(TODAY)).mkdir(parents=True)  # half copied
    with pytest.raises(TaskDeferred) as deferred:
        sensor().execute(context(TODAY))
    arguments: Any = deferred.value.trigger.serialize()[1]
    assert (arguments["zone"], arguments["source"], arguments["when"]) == (
        str(zone),
        "movielens",
        str(TODAY),
    )
    assert arguments["poke_interval"] == 60
    assert arguments["deadline"] == f"{TODAY + timedelta(days=6)}T00:00:00+00:00"
    assert deferred.value.method_name == "resume"
    assert sensor().resume(context(TODAY), {"when": str(TODAY), "arrived": True}) == ""


def test_a_required_drop_that_does_not_come_fails_the_run_without_retries(zone: Path) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    sentence = (
        r"^no _SUCCESS by 2018-09-30 00:00 UTC; expected a complete drop.*\(movielens drop of "
        r"2018-09-24 in .*\)$"
    )
    with pytest.raises(AirflowFailException, match=sentence):
        sensor().resume(context(LONG_PAST), {"when": str(LONG_PAST), "arrived": False})
    with pytest.raises(AirflowFailException, match=sentence):
        sensor().execute(context(LONG_PAST, "backfill"))  # a week long past is not waited for


def test_what_no_retry_can_help_is_not_retried(zone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    monkeypatch.setenv("RECSYS_TOP_N", "many")
    event = {"when": str(LONG_PAST), "arrived": False}
    for wait in (
        lambda: sensor().execute(context(TODAY)),
        lambda: sensor().resume(context(LONG_PAST), event),
    ):
        with pytest.raises(
            AirflowFailException, match="RECSYS_TOP_N: Input should be a valid integer"
        ):
            wait()


def test_another_drop_that_does_not_come_leaves_a_note(zone: Path) -> None:
    imdb = sensor("imdb", required=False)
    note = imdb.execute(context(LONG_PAST))
    assert note and "the run goes on with no imdb drop at all (imdb drop of 2018-09-24 in " in note
    complete(zone, "imdb", date(2018, 9, 10))
    complete(zone, "imdb", date(2018, 10, 1))  # after the week: not known to it
    note = imdb.resume(context(LONG_PAST), {"when": str(LONG_PAST), "arrived": False})
    assert note and "the run goes on with the drops up to 2018-09-10 (imdb drop of " in note


def asked_for(day: date, run_type: str = "manual", **conf: Any) -> Any:
    return {
        "dag_run": SimpleNamespace(run_type=run_type, data_interval_end=None, conf=conf),
        "params": {"as_of": str(day)},
    }


@pytest.mark.parametrize("source", ["movielens", "imdb"])
def test_a_week_of_the_future_is_not_waited_for(zone: Path, source: str) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    complete(zone, "movielens", LONG_PAST)
    far = date(TODAY.year + 36, 1, 6)
    # asked again: a run may begin before midnight
    for day in (far, datetime.now(UTC).date() + timedelta(8)):
        with pytest.raises(
            AirflowFailException,
            match=rf"as_of {day} is .* expected at most "
            rf"7.*are those of {LONG_PAST}",
        ):
            sensor(source, required=source == "movielens").execute(asked_for(day))
    complete(zone, "movielens", far)
    # a drop of the same mistyped year changes nothing
    with pytest.raises(AirflowFailException, match="RECSYS_ALLOW_FUTURE"):
        sensor(source).execute(asked_for(far))


def test_next_mondays_week_is_waited_for_and_generated_data_may_lie_ahead(
    zone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.exceptions import TaskDeferred

    with pytest.raises(TaskDeferred):
        sensor().execute(asked_for(datetime.now(UTC).date() + timedelta(7)))
    monkeypatch.setenv("RECSYS_ALLOW_FUTURE", "true")
    complete(zone, "movielens", date(2062, 1, 6))
    assert sensor().execute(asked_for(date(2062, 1, 6))) == ""


def test_a_manual_run_without_a_week_waits_for_nothing(zone: Path) -> None:
    assert sensor().execute(context(None, "manual")) == ""


def trigger(zone: Path, deadline: datetime, poke_interval: float = 0.02):
    from recsys_airflow.triggers import DropTrigger

    arguments: Any = {
        "zone": str(zone),
        "source": "imdb",
        "when": str(TODAY),
        "deadline": deadline.isoformat(),
    }
    return DropTrigger(poke_interval=poke_interval, **arguments)


async def first_event(waiting: Any, meanwhile: Any = None) -> Any:
    task = asyncio.ensure_future(anext(waiting.run()))
    await asyncio.sleep(0.1)
    if meanwhile:
        assert not task.done()
        meanwhile()
    return (await asyncio.wait_for(task, 5)).payload


def test_the_trigger_sees_the_drop_arrive(zone: Path) -> None:
    waiting = trigger(zone, datetime.now(UTC) + timedelta(hours=1))
    assert asyncio.run(first_event(waiting, lambda: complete(zone, "imdb", TODAY))) == {
        "when": str(TODAY),
        "arrived": True,
    }


def test_the_trigger_gives_up_at_its_deadline_whatever_its_poke_interval(zone: Path) -> None:
    waiting = trigger(zone, datetime.now(UTC) + timedelta(seconds=0.3), poke_interval=3600)
    assert asyncio.run(first_event(waiting)) == {"when": str(TODAY), "arrived": False}


def test_the_trigger_looks_once_more_at_its_deadline(zone: Path) -> None:
    complete(zone, "imdb", TODAY)
    assert asyncio.run(first_event(trigger(zone, datetime.now(UTC) - timedelta(days=1)))) == {
        "when": str(TODAY),
        "arrived": True,
    }


def test_a_slow_zone_does_not_hold_up_the_triggerer(
    zone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    from recsys.drops.zone import LandingZone

    monkeypatch.setattr(LandingZone, "is_complete", lambda *_: time.sleep(0.5) or True)

    async def ticks_while_waiting() -> int:
        task, ticks = asyncio.ensure_future(anext(trigger(zone, datetime.now(UTC)).run())), 0
        while not task.done():
            await asyncio.sleep(0.01)
            ticks += 1
        return ticks

    assert asyncio.run(ticks_while_waiting()) > 5


def test_a_trigger_survives_the_metadata_database(zone: Path) -> None:
    import json
    from importlib import import_module

    original = trigger(zone, datetime.now(UTC))
    path, arguments = original.serialize()
    module, name = path.rsplit(".", 1)
    again = getattr(import_module(module), name)(**json.loads(json.dumps(arguments)))
    assert again.serialize() == original.serialize()
