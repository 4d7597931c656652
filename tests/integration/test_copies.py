"""Withdrawals and erasures that take effect at once: what readers see is a copy, whole, with its
own counts and digest.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest

from recsys.db.connect import Connection, connect
from recsys.db.queries import queries
from recsys.errors import RequestError
from recsys.promotion.live import publications_to_show, roll_back
from recsys.promotion.partitions import count_rows
from recsys.removal import Requester, erase_user, undo_withdrawal, withdraw_movie
from recsys.settings import Settings
from stack.postgres import Postgres
from tests.integration.test_publication import AS_OF, World, spec_of

NEXT = spec_of(as_of=AS_OF + timedelta(7))
#: User 1 loses a movie of the model's, user 3 one of the fallback's; user 2 has neither.
LISTS = {
    1: [(4, "model"), (3, "model"), (5, "model")],
    2: [(3, "model"), (5, "model"), (6, "model")],
}


@pytest.fixture
def world(conn: Connection) -> World:
    """Two users whom the model knows, one for the fallback, and the first week live."""
    world = World(conn)
    for user in (1, 2):
        world.rate(user, 1)
        world.rate(user, 2)
    world.rate(3, 3)
    world.candidates(
        spec_of(), [(1, 4, 0.9), (1, 3, 0.8), (1, 5, 0.7), (2, 3, 0.9), (2, 5, 0.8), (2, 6, 0.7)]
    )
    world.publish(spec_of())
    return world


def lists(conn: Connection) -> dict[int, list[tuple[int, str]]]:
    """What readers see. Fails where ranks have a hole."""
    by_user: dict[int, list[tuple[int, str]]] = {}
    for row in conn.execute(
        "SELECT user_id, rank, movie_id, source FROM recommendations ORDER BY user_id, rank"
    ):
        by_user.setdefault(row.user_id, []).append((row.movie_id, row.source))
        assert row.rank == len(by_user[row.user_id])
    return by_user


def live(conn: Connection) -> int:
    ((publication_id,),) = conn.execute(
        "SELECT publication_id FROM publications WHERE is_live"
    ).fetchall()
    return publication_id


def flips(conn: Connection) -> list[tuple[int, str]]:
    return [
        tuple(row)
        for row in conn.execute(
            "SELECT publication_id, cause FROM live_history ORDER BY seq"
        ).fetchall()
    ]


def is_as_recorded(conn: Connection, publication_id: int) -> bool:
    """Whether counts and digest in the ledger are those of the rows."""
    query = (
        "SELECT n_users, n_rows, n_fallback, rows_sha256 FROM publications WHERE publication_id = "
        "%s"
    )
    return conn.execute(query, [publication_id]).fetchone()._asdict() == count_rows(
        conn, publication_id
    )


def test_a_withdrawal_now_fills_the_lists_up_and_leaves_the_others(
    world: World, settings: Settings
) -> None:
    conn = world.conn
    before = lists(conn)
    assert {user: before[user] for user in LISTS} == LISTS
    withdraw_movie(settings, 4, "rights", now=True, requester=Requester("ann", "r"))
    after = lists(conn)
    assert after[1][:2] == [(3, "model"), (5, "model")]
    assert after[1][2] == (6, "fallback")  # the one that is left
    assert after[2] == before[2]
    assert 4 not in {movie for rows in after.values() for movie, _ in rows}
    assert is_as_recorded(conn, live(conn))
    assert flips(conn) == [(1, "published"), (2, "by hand")]
    flip = conn.execute(
        "SELECT reason, requested_by, run_id FROM live_history ORDER BY seq DESC LIMIT 1"
    ).fetchall()
    assert flip == [("movie 4, Movie 4, was withdrawn: rights", "ann", "r")]
    # the champion stays
    assert conn.execute("SELECT count(*) FROM promotions WHERE decision <> 'first'").fetchone() == (
        0,
    )


def test_a_list_of_the_fallback_gets_the_next_of_the_fallback(
    world: World, settings: Settings
) -> None:
    before = lists(world.conn)[3]
    gone = before[0][0]
    withdraw_movie(settings, gone, "rights", now=True)
    after = lists(world.conn)[3]
    assert after[: len(before) - 1] == before[1:]
    assert len(after) == len(before)
    assert {source for _, source in after} == {"fallback"}


def test_without_now_readers_keep_their_lists_until_the_next_publication(
    world: World, settings: Settings
) -> None:
    sentence = withdraw_movie(settings, 4, "rights")
    assert lists(world.conn)[1] == LISTS[1]
    assert sentence.startswith(
        "movie 4, Movie 4, is withdrawn: no publication from now on holds it. It is in 2 of the 3 "
        "lists of the live"
    )


def test_the_same_withdrawal_again_changes_nothing(world: World, settings: Settings) -> None:
    withdraw_movie(settings, 4, "rights", now=True)
    sentence = withdraw_movie(settings, 4, "again", now=True)
    assert sentence.startswith(
        "movie 4, Movie 4, was withdrawn before: rights. No list of the live publication 2 holds it"
    )
    assert flips(world.conn) == [(1, "published"), (2, "by hand")]


def test_a_second_movie_is_taken_out_of_the_copy(world: World, settings: Settings) -> None:
    withdraw_movie(settings, 4, "rights", now=True)
    withdraw_movie(settings, 3, "rights", now=True)
    held = world.conn.execute("SELECT copy_of, left_out FROM publications WHERE is_live").fetchall()
    assert held == [(1, [3, 4])]
    assert lists(world.conn)[2] == [(5, "model"), (6, "model")]  # all there is


def test_the_week_run_again_leaves_the_copy_live(world: World, settings: Settings) -> None:
    withdraw_movie(settings, 4, "rights", now=True)
    after = lists(world.conn)
    assert world.publish(spec_of()) == after
    assert flips(world.conn) == [(1, "published"), (2, "by hand")]


def test_a_week_that_publishes_again_what_was_withdrawn_since_publishes_its_copy(
    world: World, settings: Settings
) -> None:
    withdraw_movie(settings, 4, "rights")
    assert 4 not in {movie for rows in world.publish(spec_of()).values() for movie, _ in rows}
    assert flips(world.conn) == [(1, "published"), (2, "published")]


def test_the_next_week_goes_live_over_a_copy_without_the_movie(
    world: World, settings: Settings
) -> None:
    withdraw_movie(settings, 4, "rights", now=True)
    world.candidates(NEXT, [(1, 4, 0.9), (1, 3, 0.8), (1, 5, 0.7)])
    assert world.publish(NEXT)[1][:2] == [(3, "model"), (5, "model")]
    assert flips(world.conn)[-1] == (live(world.conn), "published")


def test_a_forced_decision_of_the_week_may_go_live_over_a_copy(
    world: World, settings: Settings
) -> None:
    """A copy by hand is no rollback."""
    withdraw_movie(settings, 4, "rights", now=True)
    assert world.conn.execute("SELECT as_of, is_rolled_back FROM newest_live").fetchall() == [
        (AS_OF, False)
    ]


def test_an_undone_withdrawal_is_kept_and_the_movie_comes_back(
    world: World, settings: Settings
) -> None:
    withdraw_movie(settings, 4, "rights", now=True, requester=Requester("ann"))
    undo_withdrawal(settings, 4, "a mistake", requester=Requester("bob"))
    kept = (
        "SELECT reason, requested_by, undone_reason, undone_by, undone_at IS NOT NULL FROM "
        "withdrawals"
    )
    assert world.conn.execute(kept).fetchall() == [("rights", "ann", "a mistake", "bob", True)]
    world.candidates(NEXT, [(1, 4, 0.9), (1, 3, 0.8), (1, 5, 0.7)])
    assert world.publish(NEXT)[1] == LISTS[1]
    withdraw_movie(settings, 4, "rights after all")
    assert world.conn.execute(
        "SELECT reason FROM withdrawals ORDER BY withdrawal_id"
    ).fetchall() == [
        ("rights",),
        ("rights after all",),
    ]


def test_nothing_is_undone_that_was_not_withdrawn(world: World, settings: Settings) -> None:
    with pytest.raises(RequestError, match="movie 4, Movie 4, is not withdrawn: nothing to undo"):
        undo_withdrawal(settings, 4, "why not")
    with pytest.raises(RequestError, match="the reason is empty"):
        withdraw_movie(settings, 4, " ")


def back(conn: Connection, publication_id: int | None = None, run_id: str = "") -> str:
    return str(roll_back(conn, publication_id, reason="odd", requested_by="ann", run_id=run_id))


def test_a_rollback_to_what_holds_a_withdrawn_movie_serves_it_without(
    world: World, settings: Settings
) -> None:
    world.candidates(NEXT, [(1, 6, 0.9), (1, 3, 0.8), (1, 5, 0.7)])
    world.publish(NEXT)
    withdraw_movie(settings, 4, "rights")
    sentence = back(world.conn)
    copy = live(world.conn)
    assert (
        f"to publication {copy} of week {AS_OF} (popularity-4f53cda1 version 7), which is live now"
        in sentence
    )
    assert sentence.endswith(
        "its recipe is champion. It is 1 without the movies that were withdrawn: 4"
    )
    assert lists(world.conn)[1][:2] == [(3, "model"), (5, "model")]
    assert flips(world.conn)[-1] == (copy, "rolled back")
    assert is_as_recorded(world.conn, copy)
    assert back(world.conn, 1).endswith("is live already: nothing was changed")
    back(world.conn, 2)
    back(world.conn, 1)
    assert live(world.conn) == copy  # made once


def test_a_rollback_passes_over_what_was_copied(world: World, settings: Settings) -> None:
    """Without --to it goes to the week before, not to the same lists with the movie in them."""
    world.candidates(NEXT, [(1, 4, 0.9), (1, 3, 0.8), (1, 5, 0.7)])
    world.publish(NEXT)
    withdraw_movie(settings, 6, "rights", now=True)
    back(world.conn)
    assert world.conn.execute("SELECT as_of FROM publications WHERE is_live").fetchall() == [
        (AS_OF,)
    ]


def test_the_list_of_choices_tells_a_copy(world: World, settings: Settings) -> None:
    withdraw_movie(settings, 4, "rights", now=True)
    choices = [visible.summary for visible in publications_to_show(world.conn)]
    assert ", a copy of 1 without 4, live now" in choices[0]
    assert "copy" not in choices[1]


def test_history_and_lineage_tell_a_copy_once_and_where_it_is_from(
    world: World, settings: Settings
) -> None:
    withdraw_movie(settings, 4, "rights", now=True, requester=Requester("ann"))
    events = world.conn.execute(queries("history")["events"], {"weeks": 26}).fetchall()
    assert [(event.publication_id, event.cause) for event in events] == [
        (2, "by hand"),
        (1, "published"),
    ]
    query = (
        "SELECT copy_of, left_out, promotion_id, drops FROM lineage ORDER BY publication_id DESC"
    )
    copy, origin = world.conn.execute(query).fetchall()
    assert copy[:2] == (1, [4])
    assert copy[2:] == origin[2:]


def test_a_challengers_readers_keep_their_arm(world: World, settings: Settings) -> None:
    arms = (
        "UPDATE published_lists SET arm = CASE WHEN user_id = 1 THEN 'challenger' ELSE "
        "'champion' END"
    )
    world.conn.execute(arms)
    world.conn.execute("UPDATE publications SET experiment = 'e'")
    withdraw_movie(settings, 4, "rights", now=True)
    arms = world.conn.execute(
        "SELECT DISTINCT user_id, arm FROM recommendations ORDER BY 1"
    ).fetchall()
    assert arms == [(1, "challenger"), (2, "champion"), (3, "champion")]


def test_a_copy_that_fails_its_checks_changes_nothing(world: World, settings: Settings) -> None:
    world.conn.execute("UPDATE published_lists SET scores = scores[:2] WHERE user_id = 2")
    with pytest.raises(Exception, match="users with holes in their lists"):
        withdraw_movie(settings, 4, "rights", now=True)
    assert flips(world.conn) == [(1, "published")]
    assert world.conn.execute("SELECT count(*) FROM withdrawals").fetchone() == (0,)


def test_readers_see_one_whole_publication_while_it_is_copied(
    world: World, settings: Settings, postgres: Postgres
) -> None:
    stop, seen = threading.Event(), set()

    def poll() -> None:
        with psycopg.connect(
            postgres.url(world.conn.info.dbname, "recsys_reader"), autocommit=True
        ) as reader:
            reader.execute("SET lock_timeout = '50ms'")
            while not stop.is_set():
                rows = reader.execute(
                    "SELECT publication_id, user_id, rank, movie_id FROM recommendations ORDER BY "
                    "2, 3"
                ).fetchall()
                seen.add(tuple(rows))

    with ThreadPoolExecutor() as pool:
        reader = pool.submit(poll)
        before = lists(world.conn)
        withdraw_movie(settings, 4, "rights", now=True)
        stop.set()
        reader.result()
    assert all(len({row[0] for row in rows}) == 1 for rows in seen)
    assert all(len(rows) == sum(map(len, before.values())) for rows in seen)


@pytest.mark.parametrize(
    "isolation", [psycopg.IsolationLevel.READ_COMMITTED, psycopg.IsolationLevel.REPEATABLE_READ]
)
@pytest.mark.parametrize("prepare", [True, False])
def test_a_transaction_that_began_before_a_flip_sees_a_whole_publication(
    world: World,
    settings: Settings,
    postgres: Postgres,
    isolation: psycopg.IsolationLevel,
    prepare: bool,
) -> None:
    """Its prepared plan knows no partition that was attached since, and nothing tells it of one."""
    query = "SELECT publication_id, user_id, rank, movie_id FROM recommendations ORDER BY 2, 3"
    with psycopg.connect(postgres.url(world.conn.info.dbname, "recsys_reader")) as reader:
        reader.isolation_level = isolation
        # by then Postgres keeps one plan
        earlier = [reader.execute(query, prepare=prepare).fetchall() for _ in range(10)]
        withdraw_movie(settings, 4, "rights", now=True)
        during = reader.execute(query, prepare=prepare).fetchall()
        reader.commit()
        after = reader.execute(query, prepare=prepare).fetchall()
    before = earlier[0]
    assert {row[0] for row in before} == {1}
    assert {row[0] for row in after} == {2}
    if isolation is psycopg.IsolationLevel.REPEATABLE_READ:
        assert during == before
    assert during in (before, after)


# ---------------------------------------------------------------- erasures


def test_an_erasure_now_leaves_a_copy_that_is_as_recorded(world: World, settings: Settings) -> None:
    before = lists(world.conn)
    erase_user(settings, 1, now=True, requester=Requester("ann", "r"))
    after = lists(world.conn)
    assert after == {user: rows for user, rows in before.items() if user != 1}
    assert flips(world.conn) == [(1, "published"), (2, "by hand")]
    assert is_as_recorded(world.conn, live(world.conn))
    assert not is_as_recorded(world.conn, 1)
    erased = world.conn.execute(
        "SELECT n_erased, sha256_left FROM lineage WHERE publication_id = 1"
    ).fetchall()
    assert erased == [(3, count_rows(world.conn, 1)["rows_sha256"])]
    assert world.conn.execute(
        "SELECT reason FROM live_history WHERE cause = 'by hand'"
    ).fetchall() == [("a user was erased from publication 1",)]


def test_an_erasure_takes_the_user_out_of_publications_on_their_way_out(
    world: World, settings: Settings
) -> None:
    world.candidates(NEXT, [])
    world.publish(NEXT)
    world.conn.execute("ALTER TABLE published_lists DETACH PARTITION published_lists_1")
    erase_user(settings, 1)
    assert world.conn.execute(
        "SELECT count(*) FROM published_lists_1 WHERE user_id = 1"
    ).fetchone() == (0,)


def test_an_erasure_that_was_made_before_is_finished_by_now(
    world: World, settings: Settings
) -> None:
    erase_user(settings, 1)
    assert flips(world.conn) == [(1, "published")]
    erase_user(settings, 1, now=True)
    erase_user(settings, 1, now=True)
    assert flips(world.conn) == [(1, "published"), (2, "by hand")]


def test_a_user_who_is_not_there_is_refused_and_may_be_barred(
    world: World, settings: Settings
) -> None:
    with pytest.raises(RequestError, match="no user 424242"):
        erase_user(settings, 424242)
    tombstones = "SELECT user_id FROM erased_users"
    assert world.conn.execute(tombstones).fetchall() == []
    erase_user(settings, 424242, bar=True)
    assert world.conn.execute(tombstones).fetchall() == [(424242,)]


def test_a_publication_made_again_forgets_what_was_erased_from_it(
    world: World, settings: Settings, caplog
) -> None:
    erase_user(settings, 1)
    world.conn.execute("DROP TABLE published_lists_1")
    world.candidates(spec_of(), [(2, 3, 0.9), (2, 5, 0.8), (2, 6, 0.7)])
    caplog.set_level("INFO")
    world.publish(spec_of())
    assert "1 removals since then explain it" in caplog.text
    assert world.conn.execute("SELECT count(*) FROM publication_erasures").fetchone() == (0,)
    with connect(settings) as conn:
        assert is_as_recorded(conn, 1)


def test_an_erasure_of_the_last_user_is_not_kept_back_by_an_empty_copy(
    world: World, settings: Settings
) -> None:
    for user in (1, 2, 3):
        erase_user(settings, user, now=True)
    assert lists(world.conn) == {}
    assert world.conn.execute("SELECT count(*) FROM erased_users").fetchone() == (3,)
