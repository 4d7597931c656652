"""A shard is scored part by part: the same lists, whatever the size of a part."""

from datetime import date

import numpy as np
import pytest

from recsys.db.connect import Connection
from recsys.features.visible import read_histories
from recsys.scoring import candidates
from recsys.settings import Settings
from recsys.week import WeekPlan
from tests import steps


@pytest.fixture
def decided(settings: Settings, weeks: list[date]) -> tuple[WeekPlan, int]:
    """A week up to its decision."""
    week = steps.examined(settings, weeks[0])
    version = steps.refit_winner(settings, week)
    return week, steps.promote_champion(settings, week, version)


def lists(conn: Connection) -> list[tuple]:
    query = "SELECT user_id, movie_ids, scores FROM candidates ORDER BY user_id"
    return [tuple(row) for row in conn.execute(query)]


def test_parts_of_few_users_have_the_lists_of_one_part(
    settings: Settings,
    decided: tuple[WeekPlan, int],
    conn: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps.score_users(settings, *decided, 0)
    at_once = lists(conn)
    sizes: list[int] = []

    def read_few(own: Connection, snapshot: object, users: np.ndarray, *rest: object):
        sizes.append(len(users))
        return read_histories(own, snapshot, users, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(candidates, "AT_ONCE", 16)
    monkeypatch.setattr(candidates, "read_histories", read_few)
    conn.execute("DELETE FROM scored_shards")
    steps.score_users(settings, *decided, 0)
    assert at_once and lists(conn) == at_once
    assert len(sizes) > 1 and max(sizes) == 16


def test_a_shard_that_was_cut_short_is_not_scored_and_begins_anew(
    settings: Settings,
    decided: tuple[WeekPlan, int],
    conn: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps.score_users(settings, *decided, 0)
    whole = lists(conn)
    conn.execute("DELETE FROM candidates WHERE user_id = (SELECT min(user_id) FROM candidates)")
    monkeypatch.setattr(candidates, "AT_ONCE", 16)
    read = candidates.read_histories
    parts = iter([read, read])  # the third part fails

    def read_two(*given):
        return next(parts)(*given)

    with monkeypatch.context() as broken:
        broken.setattr(candidates, "read_histories", read_two)
        with pytest.raises(StopIteration):
            steps.score_users(settings, *decided, 0)
    assert 0 < len(lists(conn)) < len(whole)
    assert conn.execute("SELECT count(*) AS n FROM scored_shards").fetchone().n == 0
    steps.score_users(settings, *decided, 0)
    assert lists(conn) == whole


def test_what_another_run_scored_meanwhile_is_not_taken_away(
    settings: Settings,
    decided: tuple[WeekPlan, int],
    conn: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The other run may be about to publish it."""
    steps.score_users(settings, *decided, 0)
    places = conn.execute("SELECT ctid::text FROM candidates ORDER BY 1").fetchall()
    # as it was when this run looked, before it waited for the other
    monkeypatch.setattr("recsys.steps.publish.is_scored", lambda *_: False)
    assert steps.score_users(settings, *decided, 0) == 0
    assert conn.execute("SELECT ctid::text FROM candidates ORDER BY 1").fetchall() == places
