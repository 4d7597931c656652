"""A year that arrives week by week is the same as one that arrives at once: what deltas append, and
a first load puts in order at once.
"""

import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from recsys.db.connect import Connection
from recsys.db.queries import queries
from tests.landing import Landing

START = date(2020, 1, 6)
SINCE = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp())
WEEK = 7 * 86_400
USERS, MOVIES, WEEKS = 9, 30, 5  # too few users to be another population

#: (user, movie, seconds) → stars.
Events = dict[tuple[int, int, int], float]


def drops_by_week(dice: random.Random) -> list[Events]:
    """What each weekly drop has: new ratings, another one of a movie rated before, corrections, and
    earlier ratings again.
    """
    earlier: Events = {}
    weeks: list[Events] = []
    for week in range(WEEKS):
        events: Events = {}
        for _ in range(150):
            at = SINCE + week * WEEK + dice.randrange(WEEK)
            events[dice.randint(1, USERS), dice.randint(1, MOVIES), at] = dice.randint(1, 10) / 2
        events |= {
            event: dice.randint(1, 10) / 2
            for event in dice.sample(sorted(earlier), len(earlier) // 10)
        }
        events |= {
            event: earlier[event] for event in dice.sample(sorted(earlier), len(earlier) // 5)
        }
        earlier |= events
        weeks.append(events)
    return weeks


def csv(events: Events, order: list[tuple[int, int, int]], looks: str = "{:.1f}") -> str:
    rows = [
        f"{user},{movie},{looks.format(events[user, movie, at])},{at}\n"
        for user, movie, at in order
    ]
    return "userId,movieId,rating,timestamp\n" + "".join(rows)


def movies() -> str:
    return ("movieId,title,genres\n") + "".join(
        f"{movie},Film {movie} (2000),Drama\n" for movie in range(1, MOVIES + 1)
    )


def visible(landing: Landing, as_of: date, *, refreshed: bool = True) -> set[tuple]:
    """What a run of that week sees that knows all drops."""
    for statement in queries("views").values() if refreshed else ():
        landing.conn.execute(statement)
    snapshot = {"as_of": as_of, "watermark": 1_000_000}
    rows = [
        tuple(row)
        for row in landing.conn.execute(queries("visible")["ratings"], snapshot).fetchall()
    ]
    assert len(rows) == len({(user, movie) for user, movie, _, _ in rows})
    return set(rows)


@pytest.fixture
def landing(tmp_path: Path, conn: Connection) -> Landing:
    return Landing(tmp_path / "drops", conn)


@pytest.mark.parametrize("looks", ["{:.1f}", "{:.2f}"], ids=["as numbers", "read after all"])
@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_delta_merge_equals_full_reload(
    landing: Landing, tmp_path: Path, seed: int, ordered: bool, looks: str
) -> None:
    weeks = drops_by_week(random.Random(seed))
    whole: Events = {}
    for place, events in enumerate(weeks):
        day = START + timedelta(weeks=place)
        order = (
            sorted(events) if ordered else random.Random(place).sample(sorted(events), len(events))
        )
        got = landing.bring(day, {"movies.csv": movies(), "ratings.csv": csv(events, order, looks)})
        assert got.new["ratings"] == sum(
            whole.get(event) != stars for event, stars in events.items()
        )
        whole |= events
    before_refresh = visible(landing, ends_at := START + timedelta(weeks=WEEKS), refreshed=False)
    # whoever sees a rating sees what took its place, before any refresh
    assert visible(landing, ends_at) == before_refresh
    ends = [START + timedelta(weeks=place) for place in range(WEEKS + 1)]
    by_week = [visible(landing, end) for end in ends]
    assert by_week[-1] == {
        (user, movie, whole[user, movie, at], datetime.fromtimestamp(at, UTC))
        for user, movie, at in {
            (user, movie): (user, movie, at) for user, movie, at in sorted(whole)
        }.values()
    }

    landing.conn.execute("TRUNCATE ratings, rerated, movies, drops RESTART IDENTITY CASCADE")
    again = Landing(tmp_path / "again", landing.conn)
    order = sorted(whole) if ordered else random.Random(seed).sample(sorted(whole), len(whole))
    again.bring(START, {"movies.csv": movies(), "ratings.csv": csv(whole, order, looks)})
    assert [visible(again, end) for end in ends] == by_week
    ((n_pairs,),) = again.rows("SELECT count(*) FROM rerated")
    assert (
        n_pairs
        == len({event[:2] for event in whole if sum(other[:2] == event[:2] for other in whole) > 1})
        > 20
    )


def test_a_first_load_in_order_knows_no_pair_twice(landing: Landing) -> None:
    events = {
        (user, movie, SINCE): 4.0 for user in range(1, USERS + 1) for movie in range(1, MOVIES + 1)
    }
    landing.bring(START, {"movies.csv": movies(), "ratings.csv": csv(events, sorted(events))})
    assert landing.rows("SELECT count(*) FROM rerated") == [(0,)]
    landing.bring(
        START + timedelta(7),
        {"ratings.csv": csv({(1, 1, SINCE + 9): 2.0, (2, 1, SINCE): 4.0}, [(1, 1, SINCE + 9)])},
    )
    assert landing.rows("SELECT user_id, movie_id FROM rerated") == [(1, 1)]


def test_the_key_stands_again_after_a_first_load(landing: Landing) -> None:
    """Also where the first drop with ratings is not the first drop."""
    landing.bring(START, {"movies.csv": movies(), "ratings.csv": csv({}, [])})
    landing.bring(START + timedelta(7), {"ratings.csv": csv({(1, 1, SINCE): 2.0}, [(1, 1, SINCE)])})
    key = (
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'ratings'::regclass "
        "AND contype = 'p'"
    )
    assert landing.rows(key) == [("PRIMARY KEY (user_id, movie_id, rated_at, drop_id)",)]
