"""Observed hits, on lists and ratings small enough to work out by hand."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from recsys import observed, report
from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.registry.store import Registry
from recsys.report.lists import observed_table
from recsys.settings import Settings
from recsys.week import WeekPlan
from tests import steps

FIRST, SINCE, AS_OF = (date(2020, 1, 6) + timedelta(7 * n) for n in range(3))
#: NDCG@10 of one hit at rank 2 where two movies were liked.
SECOND_OF_TWO = (1 / math.log2(3)) / (1 + 1 / math.log2(3))


class World:
    """Three weeks, two drops of which AS_OF may see the first, and what a test adds."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn
        for n, day in enumerate((SINCE, AS_OF + timedelta(7)), start=1):
            conn.execute(
                """INSERT INTO drops (source, drop_date, revision, sha256, files, admitted_for,
                   state)
                   VALUES ('movielens', %s, %s, 'x', '[]', %s, 'ingested')""",
                [day, n, day],
            )
        for as_of in (FIRST, SINCE, AS_OF):
            conn.execute(
                "INSERT INTO weeks (as_of, watermark, params, resolved_late) VALUES (%s, 1, %s, "
                "false)",
                [as_of, Jsonb({})],
            )

    def publish(
        self,
        lists: Mapping[int, Sequence[int]],
        *,
        as_of: date = SINCE,
        recipe: str = "als-1",
        fallback: Sequence[int] = (),
        challengers: Sequence[int] | None = None,
        live: bool = True,
        shadow: bool = False,
        experiment: str | None = None,
    ) -> int:
        """A publication; `challengers` are the users in the challenger's arm while an experiment
        lasts.
        """
        publication_id = self.conn.execute(
            """INSERT INTO publications (publication_key, as_of, watermark, params, recipe_key,
               model_version, n_users, n_rows,
                                         n_fallback, rows_sha256, is_shadow, experiment)
               VALUES (gen_random_uuid(), %s, 1, '{"top_n": 10}', %s, '1', 1, 1, 0, 'x', %s,
               %s) RETURNING publication_id""",
            [as_of, recipe, shadow, experiment],
        ).fetchone()[0]
        table = f"published_lists_{publication_id}"
        self.conn.execute(
            f"CREATE TABLE {table} PARTITION OF published_lists FOR VALUES IN "
            f"({publication_id})".encode()
        )
        for user, movies in lists.items():
            n_model = 0 if user in fallback else len(movies)
            arm = (
                None if challengers is None else "challenger" if user in challengers else "champion"
            )
            self.conn.execute(
                "INSERT INTO published_lists VALUES (%s, %s, %s, %s, %s, %s)",
                [publication_id, user, list(movies), [0] * len(movies), n_model, arm],
            )
        if live:
            self.flip(publication_id, as_of)
        return publication_id

    def experiment(self, share: float) -> None:
        self.conn.execute(
            """INSERT INTO experiments (name, recipe_key, recipe, share, first_as_of, last_as_of)
               VALUES ('e', 'ease-1', '{}', %s, %s, %s)""",
            [share, SINCE, SINCE],
        )

    def flip(self, publication_id: int, newest: date, cause: str = "published") -> None:
        self.conn.execute(
            "INSERT INTO live_history (publication_id, as_of, cause) VALUES (%s, %s, %s)",
            [publication_id, newest, cause],
        )

    def rate(
        self,
        user: int,
        movie: int,
        rating: float = 5,
        *,
        at: datetime | date | None = None,
        drop: int = 1,
    ) -> None:
        when = at or SINCE + timedelta(1)
        self.conn.execute(
            "INSERT INTO ratings VALUES (%s, %s, %s, %s, %s)", [user, movie, when, drop, rating]
        )

    def show(self, user: int, *movies: int, at: date | None = None, of_list: bool = True) -> None:
        for movie in movies:
            self.conn.execute(
                "INSERT INTO feedback_events (user_id, movie_id, kind, recommendation_id, "
                "received_at) VALUES (%s, %s, 'shown', %s, %s)",
                [user, movie, "r" if of_list else None, at or SINCE + timedelta(1)],
            )

    def judge(self) -> dict[tuple[int, str, str, str], tuple[Any, int]]:
        """(publication, arm, source, metric) → value, n."""
        self.conn.execute(queries("ingest")["find_rerated"])
        self.conn.execute("REFRESH MATERIALIZED VIEW mv_rerated")
        observed.judge(self.conn, week(), resamples=100)
        rows = observed.recorded(self.conn, AS_OF)
        assert {row.since for row in rows} <= {SINCE}
        return {
            (row.publication_id, row.arm, row.source, row.metric): (pytest.approx(row.value), row.n)
            for row in rows
        }


def week() -> WeekPlan:
    return WeekPlan(
        AS_OF,
        1,
        (),
        10,
        seed=0,
        like_threshold=4.0,
        exam_min_users=9,
        min_history=5,
        half_life_days=30.0,
    )


@pytest.fixture
def world(conn: Connection) -> World:
    return World(conn)


def test_hits_and_gains_by_source(world: World) -> None:
    publication_id = world.publish(
        {1: [10, 20, 30], 2: [10, 20, 30], 3: [40], 4: [50]}, fallback=[3]
    )
    world.rate(1, 20)
    world.rate(1, 99)  # liked, and not in the list
    world.rate(2, 98)
    world.rate(3, 40, rating=4)
    world.rate(4, 50, rating=3.5)  # no like: nothing to judge user 4 by
    world.rate(5, 10)  # had no list
    assert world.judge() == {
        (publication_id, "all", "all", "NDCG@10"): ((SECOND_OF_TWO + 0 + 1) / 3, 3),
        (publication_id, "all", "all", "hit rate@10"): (2 / 3, 3),
        (publication_id, "all", "model", "NDCG@10"): (SECOND_OF_TWO / 2, 2),
        (publication_id, "all", "model", "hit rate@10"): (1 / 2, 2),
        (publication_id, "all", "fallback", "NDCG@10"): (1.0, 1),
        (publication_id, "all", "fallback", "hit rate@10"): (1.0, 1),
    }
    for row in observed.recorded(world.conn, AS_OF):
        assert row.low <= row.value <= row.high
        assert row.recipe_key == "als-1"


def test_only_first_ratings_of_the_time_count_and_only_ten_places(world: World) -> None:
    publication_id = world.publish({user: [*range(10, 20), 77] for user in range(1, 8)})
    world.rate(1, 10, at=SINCE - timedelta(1))  # before
    world.rate(2, 10, at=AS_OF)  # after
    world.rate(3, 10, drop=2)  # not in the snapshot
    world.rate(4, 77)  # at rank 11
    world.rate(5, 77, 1, at=SINCE - timedelta(9))
    world.rate(5, 77)  # again
    world.rate(5, 10, at=SINCE)  # the first moment of the week
    world.rate(6, 10, 5)
    world.rate(6, 10, 2, at=SINCE + timedelta(3))  # thought better of it
    # the last moment, and rank 10
    world.rate(7, 19, at=datetime(2020, 1, 19, 23, 59, 59, tzinfo=UTC))
    figures = world.judge()
    assert figures[publication_id, "all", "all", "hit rate@10"] == (2 / 3, 3)  # users 4, 5 and 7
    assert figures[publication_id, "all", "all", "NDCG@10"] == ((0 + 1 + 1 / math.log2(11)) / 3, 3)


def test_where_an_app_says_what_it_showed_only_that_counts(world: World) -> None:
    publication_id = world.publish({1: [10, 20], 2: [10, 20], 3: [10, 20]})
    world.show(1, 20)  # liked 10, which was not shown
    world.show(2, 10)
    world.show(3, 20, of_list=False)  # somewhere else in the app
    world.show(3, 20, at=SINCE - timedelta(1))
    world.show(3, 20, at=AS_OF)
    for user in (1, 2, 3):
        world.rate(user, 10)
    assert world.judge()[publication_id, "all", "all", "hit rate@10"] == (2 / 3, 3)
    assert {row.n_shown for row in observed.recorded(world.conn, AS_OF)} == {2}
    text = observed_table(world.conn, week())
    assert "; of 2 of 3 users only what their app showed them counts:" in text


def test_a_list_that_was_shown_in_part_is_not_compared_with_one_in_the_shadow(
    world: World,
) -> None:
    world.experiment(share=0)
    users = {"challengers": [1, 2], "experiment": "e"}
    shadow = world.publish({1: [10], 2: [20]}, live=False, shadow=True, recipe="ease-1", **users)
    world.publish({1: [10], 2: [10]}, experiment="e", challengers=[])
    world.show(1, 30)
    for user in (1, 2):
        world.rate(user, 10)
    figures = world.judge()
    assert figures[shadow, "all", "all", "hit rate@10"] == (1 / 2, 2)  # as if nobody said a thing
    assert figures[shadow, "challenger - champion", "all", "hit rate@10"] == (-1.0, 1)


def test_a_rollback_counts(world: World) -> None:
    """What people had in the week is judged, whatever week it was made for, and not what went live
    and was taken back.
    """
    old = world.publish({1: [10]}, as_of=FIRST, recipe="popularity-1")
    world.publish({1: [20]})
    world.flip(old, SINCE, "rolled back")
    world.rate(1, 10)
    assert world.judge()[old, "all", "all", "hit rate@10"] == (1.0, 1)
    assert {row.publication_id for row in observed.recorded(world.conn, AS_OF)} == {old}


def test_a_week_that_never_was_live_is_judged_by_its_newest_publication(world: World) -> None:
    world.publish({1: [10]}, as_of=FIRST)
    world.publish({1: [10]}, live=False)
    newest = world.publish({1: [20]}, live=False)
    world.publish({1: [20]}, as_of=AS_OF)  # the present week's own
    world.rate(1, 10)
    assert list(world.judge().values()) == [(0.0, 1)] * 4
    assert {row.publication_id for row in observed.recorded(world.conn, AS_OF)} == {newest}


def test_judged_once(world: World) -> None:
    first = world.publish({1: [10]}, as_of=FIRST)
    publication_id = world.publish({1: [10], 2: [20]})
    world.rate(1, 10)
    world.judge()
    before = observed.recorded(world.conn, AS_OF)
    assert world.judge()
    world.flip(first, SINCE, "rolled back")
    world.rate(2, 99)
    world.judge()
    assert observed.recorded(world.conn, AS_OF) == before
    assert {row.publication_id for row in before} == {publication_id}


def test_a_challenger_in_the_shadow_is_judged_on_the_same_users(world: World) -> None:
    world.experiment(share=0)
    shadow = world.publish(
        {1: [20], 2: [20], 3: [30]},
        recipe="ease-1",
        live=False,
        shadow=True,
        experiment="e",
        challengers=[1, 2, 3],
    )
    seen = world.publish({1: [10], 2: [20]}, experiment="e", challengers=[])
    for user, movie in ((1, 20), (2, 20), (3, 99)):
        world.rate(user, movie)
    figures = world.judge()
    assert figures[seen, "all", "all", "hit rate@10"] == (1 / 2, 2)
    assert figures[shadow, "all", "all", "hit rate@10"] == (2 / 3, 3)
    # user 3 has no list to compare with
    assert figures[shadow, "challenger - champion", "all", "hit rate@10"] == (1 / 2, 2)
    assert {arm for _, arm, _, _ in figures} == {"all", "challenger - champion"}
    keys = {(row.publication_id, row.recipe_key) for row in observed.recorded(world.conn, AS_OF)}
    assert keys == {(seen, "als-1"), (shadow, "ease-1")}


def test_two_arms_are_compared(world: World) -> None:
    world.experiment(share=0.5)
    shadow = world.publish(
        {user: [20] for user in range(1, 6)},
        recipe="ease-1",
        live=False,
        shadow=True,
        experiment="e",
    )
    publication_id = world.publish(
        {1: [20], 2: [20], 3: [10], 4: [10], 5: [10]}, experiment="e", challengers=[1, 2]
    )
    for user in (1, 2, 3, 4, 5):
        world.rate(user, 20 if user != 5 else 10)
    figures = world.judge()
    assert figures[publication_id, "all", "all", "hit rate@10"] == (3 / 5, 5)
    assert figures[publication_id, "challenger", "all", "hit rate@10"] == (1.0, 2)
    assert figures[publication_id, "champion", "all", "hit rate@10"] == (1 / 3, 3)
    assert figures[publication_id, "challenger - champion", "all", "hit rate@10"] == (2 / 3, 5)
    # its readers' lists are its own: no contest
    assert (shadow, "challenger - champion", "all", "hit rate@10") not in figures
    rows = {
        (row.publication_id, row.arm): row
        for row in observed.recorded(world.conn, AS_OF)
        if row.metric == "hit rate@10"
    }
    assert [
        rows[publication_id, arm].recipe_key
        for arm in ("champion", "challenger", "challenger - champion")
    ] == [
        "als-1",
        "ease-1",
        "ease-1",
    ]
    difference = rows[publication_id, "challenger - champion"]
    assert difference.low < 2 / 3 < difference.high  # the champion's users differ


def test_one_arm_alone_is_no_comparison(world: World) -> None:
    publication_id = world.publish({1: [20], 2: [10]}, experiment="e", challengers=[1])
    world.rate(2, 10)  # nobody in the challenger's arm liked anything
    assert {(publication, arm) for publication, arm, _, _ in world.judge()} == {
        (publication_id, "all")
    }


def test_a_publication_whose_rows_are_gone_is_not_judged_and_that_is_said(world: World) -> None:
    publication_id = world.publish({1: [10]})
    world.rate(1, 10)
    world.conn.execute(f"DROP TABLE published_lists_{publication_id}".encode())
    assert world.judge() == {}
    assert report.observed_table(world.conn, week()) == (
        f"Publication {publication_id}, which was live in week {SINCE}, was not judged: "
        "its rows are gone."
    )


def test_nobody_liked_anything_and_nothing_was_published(world: World) -> None:
    assert world.judge() == {}
    assert report.observed_table(world.conn, week()) == ""
    publication_id = world.publish({1: [10]})
    assert world.judge() == {}
    assert (
        f"Publication {publication_id}, which was live in week {SINCE}, was not judged: "
        f"until {AS_OF} nobody" in report.observed_table(world.conn, week())
    )


def lines(text: str) -> list[list[str]]:
    """Lists and users of each line of a table."""
    rows = [line for line in text.split("\n") if line.startswith("|")]
    return [[cell.strip() for cell in row.split("|")[1:3]] for row in rows[2:]]


def test_the_table_and_the_metrics(world: World) -> None:
    shadow = world.publish({1: [10]}, recipe="ease-1", live=False, shadow=True)
    publication_id = world.publish({1: [20], 2: [10]}, fallback=[2])
    world.rate(1, 20)
    world.rate(2, 10)
    world.judge()
    text = report.observed_table(world.conn, week())
    of_readers, of_shadow = text.split("Publication ")[1:]
    assert of_readers.startswith(f"{publication_id}, by als-1:")
    assert of_shadow.startswith(f"{shadow}, in the shadow, by ease-1:")
    assert lines(of_readers) == [["all", "2"], ["model", "1"], ["fallback", "1"]]
    assert lines(of_shadow) == [["all", "1"], ["model", "1"], ["difference", "1"]]
    assert "| 1.0000 (too few users) |" in of_readers
    assert {
        name: value
        for name, value in report.observed_metrics(world.conn, week()).items()
        if "hit" in name
    } == {
        "observed hit rate@10": 1.0,
        "observed hit rate@10 als-1": 1.0,
        "observed hit rate@10 model": 1.0,
        "observed hit rate@10 fallback": 1.0,
        "observed hit rate@10 ease-1": 0.0,
        "observed hit rate@10 challenger - champion": -1.0,
    }


def test_an_interval_is_shown_from_thirty_users_on(world: World) -> None:
    world.publish({user: [20] for user in range(1, 31)})
    for user in range(1, 31):
        world.rate(user, 20)
    world.judge()
    assert "1.0000 (1.0000 to 1.0000)" in report.observed_table(world.conn, week())


def test_the_online_figure_stands_beside_the_offline_one(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    for as_of in weeks:
        steps.run_week(settings, as_of=as_of)
    value = observed.recorded(conn, weeks[1])[0].value
    registry = Registry(settings)
    run = registry.client.get_run(registry.week_run(weeks[0]))
    assert run.data.metrics["observed NDCG_at_10"] == pytest.approx(value)
    assert any(name.startswith("NDCG_at_10 popularity") for name in run.data.metrics)
    assert any(name.startswith("observed NDCG_at_10 ") for name in run.data.metrics)
    page = registry.client.download_artifacts(registry.week_run(weeks[1]), "report.md")
    text = Path(page).read_text()
    assert "## How the last lists did" in text
    assert f"{value:.4f} (" in text
