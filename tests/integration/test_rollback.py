"""Undoing a publication: one flip of the ledger, seen by readers at once, followed by MLflow,
undone by nobody but a person.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest

from recsys.db.connect import Connection, connect
from recsys.errors import PublicationError, RequestError
from recsys.promotion import ledger, live
from recsys.registry.store import Registry
from recsys.request import Run
from recsys.scoring import outlived
from recsys.settings import Settings
from tests import steps
from tests.exam_scores import set_scores


def state(conn: Connection) -> tuple[date, int, str]:
    """The live week and publication, and the champion's version."""
    row = conn.execute("SELECT as_of, publication_id FROM publications WHERE is_live").fetchone()
    return row.as_of, row.publication_id, ledger.newest_champion(conn).model.version


def roll_back(settings: Settings, publication_id: int | None = None, run_id: str = "") -> str:
    return steps.rollback_publication(
        settings,
        publication_id=publication_id,
        reason="bad lists",
        requested_by="ann",
        run=Run(run_id=run_id),
    )


@pytest.fixture
def two_weeks(
    settings: Settings, weeks: list[date], conn: Connection
) -> list[tuple[date, int, str]]:
    """What was live after each of two weeks, made by different champions."""
    states = []
    for as_of in weeks[:2]:
        steps.run_week(settings, as_of=as_of)
        states.append(state(conn))
    # whoever won: als is champion of the second
    conn.execute(
        """UPDATE promotions p SET recipe_key = e.recipe_key, recipe = e.recipe
           FROM exam_entries e WHERE e.as_of = p.as_of AND e.recipe_key LIKE 'als-%%'
           AND p.as_of = %s""",
        [weeks[1]],
    )
    assert states[0][2] != states[1][2]
    return states


def test_back_and_forward_again(
    settings: Settings, conn: Connection, two_weeks: list[tuple[date, int, str]]
) -> None:
    first, second = two_weeks
    rows = conn.execute("SELECT count(*) AS n FROM batch_recommendations").fetchone().n
    sentence = roll_back(settings)
    assert state(conn) == first
    assert sentence.startswith(
        f"rolled back from publication {second[1]} to publication {first[1]} of week {first[0]}"
    )
    assert Registry(settings).champion() == first[2]
    assert roll_back(settings, second[1]).startswith("rolled forward")
    assert state(conn) == second
    assert Registry(settings).champion() == second[2]
    kinds = [
        (row.decision, row.approved_by)
        for row in conn.execute("SELECT * FROM promotions ORDER BY promotion_id")
    ][2:]
    assert kinds == [("rolled back", "ann"), ("rolled forward", "ann")]
    flips = conn.execute(
        "SELECT publication_id, cause, reason, requested_by FROM live_history ORDER BY seq"
    ).fetchall()
    assert flips == [
        (first[1], "published", None, None),
        (second[1], "published", None, None),
        (first[1], "rolled back", "bad lists", "ann"),
        (second[1], "rolled forward", "bad lists", "ann"),
    ]
    assert conn.execute("SELECT count(*) AS n FROM batch_recommendations").fetchone().n == rows


def test_running_the_week_again_does_not_undo_it(
    settings: Settings, weeks: list[date], conn: Connection, two_weeks: list[tuple[date, int, str]]
) -> None:
    first, second = two_weeks
    roll_back(settings)
    runs: list[dict[str, Any]] = [
        {},
        {"top_n": 7},
        {"force": True, "run_id": "1"},
        {"force": True, "top_n": 3, "run_id": "2"},
    ]
    for params in runs:
        steps.run_week(settings, as_of=weeks[1], **params)
        assert state(conn) == first, params
        assert Registry(settings).champion() == first[2]
    roll_back(settings, second[1])
    steps.run_week(settings, as_of=weeks[1], top_n=8)
    assert state(conn)[0] == weeks[1]
    assert conn.execute("SELECT max(rank) AS n FROM recommendations").fetchone().n == 8


def test_the_next_week_defends_the_recipe_that_was_put_back(
    settings: Settings, weeks: list[date], conn: Connection, two_weeks: list[tuple[date, int, str]]
) -> None:
    roll_back(settings)
    steps.run_week(settings, as_of=weeks[2])
    defended = (
        conn.execute("SELECT incumbent FROM exams WHERE as_of = %s", [weeks[2]])
        .fetchone()
        .incumbent
    )
    assert defended.startswith("popularity-")
    assert state(conn)[0] == weeks[2]


def test_the_same_again_changes_nothing(
    settings: Settings, conn: Connection, two_weeks: list[tuple[date, int, str]]
) -> None:
    first, _ = two_weeks
    roll_back(settings, first[1])
    n = conn.execute(
        "SELECT (SELECT count(*) FROM promotions) + (SELECT count(*) FROM live_history) AS n"
    ).fetchone()
    assert roll_back(settings, first[1]).endswith("is live already: nothing was changed")
    assert (
        conn.execute(
            "SELECT (SELECT count(*) FROM promotions) + (SELECT count(*) FROM live_history) AS n"
        ).fetchone()
        == n
    )
    assert state(conn) == first


def test_what_cannot_be_put_back_is_refused(
    settings: Settings, weeks: list[date], conn: Connection, two_weeks: list[tuple[date, int, str]]
) -> None:
    first, second = two_weeks
    with pytest.raises(
        PublicationError, match=r"no publication 99 with its rows in place: found 2 \(week"
    ):
        roll_back(settings, 99)
    conn.execute(f"DROP TABLE published_lists_{first[1]}")  # pyright: ignore
    with pytest.raises(PublicationError, match="no publication 1 with its rows in place"):
        roll_back(settings)
    assert state(conn) == second


def test_a_second_rollback_goes_further_back_and_never_forth(
    settings: Settings, weeks: list[date], conn: Connection, two_weeks: list[tuple[date, int, str]]
) -> None:
    first, second = two_weeks
    steps.run_week(settings, as_of=weeks[2])
    roll_back(settings)
    assert state(conn)[:2] == second[:2]
    roll_back(settings)
    assert state(conn)[:2] == first[:2]
    with pytest.raises(
        PublicationError,
        match=r"not rolled back from: nothing to roll back to; choose one of .*: 3 \(week",
    ):
        roll_back(settings)
    assert state(conn)[:2] == first[:2]
    roll_back(settings, 3)
    roll_back(settings)
    assert state(conn)[:2] == first[:2], "not to the second, which was rolled back from"


@pytest.mark.parametrize("reason", ["", "  \n", None])
def test_a_rollback_without_a_reason_is_refused(
    settings: Settings, conn: Connection, two_weeks: list[tuple[date, int, str]], reason: Any
) -> None:
    with pytest.raises(RequestError, match="the reason is empty"):
        steps.rollback_publication(settings, publication_id=1, reason=reason, requested_by="ann")
    assert state(conn)[:2] == two_weeks[1][:2]


def test_choices_can_be_distinguished(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    steps.run_week(settings, as_of=weeks[1], top_n=10)
    steps.run_week(settings, as_of=weeks[1], top_n=1)
    steps.run_week(
        settings, as_of=weeks[0], challenger="popularity", challenger_share=0.5, challenger_weeks=1
    )
    lines = dict(steps.past_publications(settings))
    n_users = conn.execute("SELECT count(DISTINCT user_id) AS n FROM recommendations").fetchone().n
    one, ten, never = (
        lines[number]
        for number in sorted(lines, key=lambda number: lines[number].split("week ")[1])[::-1]
    )
    one, ten = sorted((one, ten), key=lambda line: "top 10" in line)
    assert f"top 1, {n_users:,} rows for {n_users:,} users, live now, since 20" in one
    assert f"top 10, {10 * n_users:,} rows for {n_users:,} users, live last from 20" in ten
    assert (
        f"week {weeks[0]}" in never
        and "in the experiment popularity-" in never
        and never.endswith("never live")
    )


def test_nothing_to_roll_back_to(settings: Settings, weeks: list[date]) -> None:
    steps.run_week(settings, as_of=weeks[0])
    with pytest.raises(PublicationError, match="no publication was live before the present one"):
        roll_back(settings)


def test_withdrawn_movies_are_left_out(
    settings: Settings, conn: Connection, two_weeks: list[tuple[date, int, str]]
) -> None:
    held = "SELECT min(movie_id) AS movie_id FROM batch_recommendations WHERE publication_id = 1"
    movie = conn.execute(held).fetchone().movie_id
    conn.execute("INSERT INTO withdrawals (movie_id, reason) VALUES (%s, 'rights')", [movie])
    assert roll_back(settings).endswith(f"It is 1 without the movies that were withdrawn: {movie}")
    assert conn.execute(
        "SELECT count(*) FROM recommendations WHERE movie_id = %s", [movie]
    ).fetchone() == (0,)


# ---------------------------------------------------------------- cut short


def test_cut_short_between_the_ledger_and_mlflow_the_next_run_repairs_it(
    settings: Settings,
    weeks: list[date],
    conn: Connection,
    two_weeks: list[tuple[date, int, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = two_weeks

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Registry, "set_champion", killed)
        with pytest.raises(KeyboardInterrupt):
            roll_back(settings)
    assert state(conn) == first
    assert Registry(settings).champion() == second[2]
    steps.resolve_week(settings, as_of=weeks[0])
    assert Registry(settings).champion() == first[2]


def test_cut_short_and_tried_again_it_does_not_undo_itself(
    settings: Settings,
    conn: Connection,
    two_weeks: list[tuple[date, int, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, _ = two_weeks
    with monkeypatch.context() as patched:
        patched.setattr(Registry, "set_champion", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            roll_back(settings, run_id="manual 1")
    assert roll_back(settings, run_id="manual 1").endswith("is live already: nothing was changed")
    assert state(conn) == first
    assert Registry(settings).champion() == first[2]


def test_cut_short_before_the_ledgers_commit_nothing_has_happened(
    settings: Settings,
    conn: Connection,
    two_weeks: list[tuple[date, int, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, second = two_weeks
    real = live.queries

    def until_the_champion(topic: str) -> object:
        return {
            name: text if name != "champion_follows" else "SELECT 1 / 0"
            for name, text in real(topic).items()
        }  # pyright: ignore

    with monkeypatch.context() as patched:
        patched.setattr(live, "queries", until_the_champion)
        with pytest.raises(Exception, match="division by zero"):
            roll_back(settings)
    assert state(conn) == second


# ---------------------------------------------------------------- beside the pipeline


def test_a_week_decided_meanwhile_does_not_undo_it(
    settings: Settings, weeks: list[date], conn: Connection, two_weeks: list[tuple[date, int, str]]
) -> None:
    first, _ = two_weeks
    week = steps.examined(settings, weeks[2])
    decided = steps.promote_champion(settings, week, steps.refit_winner(settings, week))
    assert roll_back(settings).endswith(
        f"Week {weeks[2]} was decided before that, and will not go live unless it is decided anew "
        "(force)"
    )
    assert state(conn) == first
    for shard in range(settings.score_shards):
        steps.score_users(settings, week, decided, shard)
    steps.publish_recommendations(settings, week, decided)
    assert state(conn) == first
    steps.run_week(settings, as_of=weeks[2], force=True, run_id="anew")
    assert state(conn)[0] == weeks[2]


def test_a_week_at_its_exam_meanwhile_defends_what_was_put_back(
    settings: Settings, weeks: list[date], conn: Connection, two_weeks: list[tuple[date, int, str]]
) -> None:
    week = steps.examined(settings, weeks[2])
    roll_back(settings)
    steps.examine_models(settings, week)
    decided = ledger.decision_by_id(
        conn, steps.promote_champion(settings, week, steps.refit_winner(settings, week))
    )
    assert (decided.incumbent or "").startswith("popularity-")
    assert not any("is kept" in reason and "als" in reason for reason in decided.reasons)


def test_a_rollback_after_the_proposal_lets_the_exam_decide_again(
    settings: Settings, weeks: list[date], conn: Connection, two_weeks: list[tuple[date, int, str]]
) -> None:
    """What was put aside is not kept, and nobody was asked about what is new against the other."""
    careful = Run(require_approval=True, run_id="monday")
    week = steps.examined(settings, weeks[2], careful)
    set_scores(conn, weeks[2], popularity=0.1, als=0.2)
    approval = steps.answered(settings, week, run=careful)
    roll_back(settings)
    version = steps.refit_winner(settings, week, approval, careful)
    promotion_id = steps.promote_champion(settings, week, version, approval, careful)
    decided = ledger.decision_by_id(conn, promotion_id)
    assert (decided.incumbent or "").startswith("popularity-")
    assert (decided.outcome, decided.recipe.name) == ("kept", "popularity")
    assert decided.approval.proposal_id != approval.proposal_id


def test_a_decision_made_beside_a_rollback_waits_for_it(
    settings: Settings, weeks: list[date], conn: Connection, two_weeks: list[tuple[date, int, str]]
) -> None:
    first, _ = two_weeks
    anew = Run(force=True, run_id="anew")
    forced = steps.resolve_week(settings, as_of=weeks[1])
    version = steps.refit_winner(settings, forced, run=anew)
    with connect(settings) as other, ThreadPoolExecutor(1) as pool:
        with other.transaction():
            live.roll_back(other, None, reason="bad lists", requested_by="ann", run_id="")
            deciding = pool.submit(steps.promote_champion, settings, forced, version, run=anew)
            time.sleep(1)
            assert not deciding.done()
        deciding.result()
    assert state(conn) == first


def test_what_readers_see_is_not_retired(
    settings: Settings,
    conn: Connection,
    two_weeks: list[tuple[date, int, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A person puts back a publication that has just been listed as outlived."""
    first, _ = two_weeks
    drop, listed = outlived.drop_publication, []

    def meanwhile(conn: Connection, old: outlived.OutlivedPublication) -> bool:
        listed.append(old.publication_id)
        roll_back(settings, old.publication_id)
        return drop(conn, old)

    monkeypatch.setattr(outlived, "drop_publication", meanwhile)
    assert outlived.retire_outlived(conn, keep_weeks=0) == []
    assert listed == [first[1]]
    assert state(conn) == first
    assert conn.execute("SELECT count(*) AS n FROM recommendations").fetchone().n > 0


def test_what_was_live_lately_is_kept_however_old_it_is(
    settings: Settings, weeks: list[date], conn: Connection, two_weeks: list[tuple[date, int, str]]
) -> None:
    first, _ = two_weeks
    assert outlived.retire_outlived(conn, keep_weeks=1) == []
    roll_back(settings)
    steps.run_week(settings.model_copy(update={"keep_weeks": 1}), as_of=weeks[2])
    assert roll_back(settings).startswith("rolled back")
    assert state(conn) == first


# ---------------------------------------------------------------- readers


@contextmanager
def polling(settings: Settings, look: Callable[[Connection], object]) -> Iterator[list[object]]:
    """What a reader sees who asks again and again."""
    seen: list[object] = []
    stop = threading.Event()

    def poll() -> None:
        with connect(settings) as reader:
            while not stop.is_set():
                seen.append(look(reader))

    thread = threading.Thread(target=poll)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


def test_a_polling_reader_sees_one_whole_publication(
    settings: Settings, conn: Connection, two_weeks: list[tuple[date, int, str]]
) -> None:
    def whole(reader: Connection) -> object:
        query = (
            "SELECT publication_id, count(*) AS n, count(DISTINCT user_id) AS users FROM "
            "recommendations GROUP BY publication_id"
        )
        return tuple(map(tuple, reader.execute(query).fetchall()))

    expected = set()
    with polling(settings, whole) as seen:
        for turn in range(10):
            roll_back(settings, two_weeks[turn % 2][1])
            expected.add(whole(conn))
            time.sleep(0.02)
    assert set(seen) == expected
    assert len(expected) == 2
    assert len(seen) > 20


def test_a_flip_waits_for_no_publication_in_the_making(
    settings: Settings, conn: Connection, two_weeks: list[tuple[date, int, str]]
) -> None:
    """What a publication takes minutes for is done before it takes the flips' lock."""
    first, _ = two_weeks
    with connect(settings) as other, other.transaction():
        other.execute("SELECT pg_advisory_lock(hashtextextended('publish', 0))")
        started = time.monotonic()
        roll_back(settings, first[1])
        assert time.monotonic() - started < 5
    assert state(conn) == first
