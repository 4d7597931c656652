"""Drift, on a real Postgres, with weeks made by hand."""

import logging
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from psycopg.types.json import Jsonb

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.drift.measures import MEASURES
from recsys.drift.watch import read_exam_scores, read_weeks, recorded
from recsys.errors import DriftError
from recsys.report import sections
from recsys.settings import Settings
from recsys.week import WeekPlan
from tests import steps

AS_OF = date(2020, 6, 1)


def week(as_of: date = AS_OF) -> WeekPlan:
    return WeekPlan(
        as_of,
        1,
        (),
        10,
        seed=0,
        like_threshold=4.0,
        exam_min_users=9,
        min_history=5,
        half_life_days=30.0,
    )


class World:
    def __init__(self, conn: Connection) -> None:
        self.conn = conn
        conn.execute(
            """INSERT INTO drops (source, drop_date, revision, sha256, files, admitted_for, state)
               VALUES ('movielens', %s, 1, 'x', '[]', %s, 'ingested'), ('movielens', %s, 2, 'x',
               '[]', %s, 'ingested')""",
            [AS_OF] * 4,
        )
        for ago in range(12):
            conn.execute(
                "INSERT INTO weeks (as_of, watermark, params, resolved_late) VALUES (%s, 1, %s, "
                "false)",
                [AS_OF - timedelta(7 * ago), Jsonb({})],
            )

    def rate(self, user: int, movie: int, rating: float, before: timedelta, drop: int = 1) -> None:
        at = datetime(AS_OF.year, AS_OF.month, AS_OF.day, tzinfo=UTC) - before
        self.conn.execute(
            "INSERT INTO ratings VALUES (%s, %s, %s, %s, %s)", [user, movie, at, drop, rating]
        )

    def week(
        self, ago: int, *, users: int, each: int, first_movie: int, stars: float | None = None
    ) -> None:
        """So many users with `each` ratings of movies from `first_movie` on; stars of all kinds by
        default.
        """
        self.conn.execute(
            """INSERT INTO ratings
               SELECT u, %(first)s + m, %(at)s, 1, coalesce(%(stars)s::real,
               (1 + (u + m) %% 10) / 2.0)
               FROM generate_series(1, %(users)s) u, generate_series(0, %(each)s - 1) m""",
            {
                "first": first_movie,
                "at": AS_OF - timedelta(7 * ago + 6),
                "stars": stars,
                "users": users,
                "each": each,
            },
        )

    def exam(
        self,
        ago: int,
        scores: dict[str, float],
        *,
        kind: str = "dated",
        incumbent: str | None = None,
    ) -> None:
        as_of = AS_OF - timedelta(7 * ago)
        self.conn.execute(
            "INSERT INTO exams (as_of, kind, fingerprint, n_users, n_ratings, incumbent) VALUES "
            "(%s, %s, 'f', 1, 1, %s)",
            [as_of, kind, incumbent],
        )
        for key, score in scores.items():
            for part, metric, value in (
                ("all", "NDCG@10", score),
                ("cold users", "NDCG@10", 9.0),
                ("all", "Recall@10", 9.0),
            ):
                self.conn.execute(
                    "INSERT INTO exam_results (as_of, recipe_key, slice, metric, value, n) VALUES "
                    "(%s, %s, %s, %s, %s, 1)",
                    [as_of, key, part, metric, value],
                )

    def decide(self, ago: int, key: str, decision: str = "promoted", forced: bool = False) -> None:
        self.conn.execute(
            """INSERT INTO promotions (as_of, decision, recipe_key, recipe, model_version,
               fit_key, comparisons, reasons, forced,
                                       run_id)
               VALUES (%s, %s, %s, '{}', '1', 'f', '[]', '{}', %s, gen_random_uuid())""",
            [AS_OF - timedelta(7 * ago), decision, key, forced],
        )

    def alike(self, n: int = 8) -> None:
        """So many weeks before this one, of 50 users and 500 ratings each; all users and movies
        were there before.
        """
        for ago in range(1, n + 2):
            self.week(ago, users=50, each=10, first_movie=100 * ago)
        self.conn.execute(
            "INSERT INTO ratings SELECT 999, m, '2000-01-01', 1, 3 FROM generate_series(1, 2000) m"
        )

    def refresh(self) -> None:
        self.conn.execute(queries("ingest")["find_rerated"])
        self.conn.execute("REFRESH MATERIALIZED VIEW mv_rerated")


@pytest.fixture
def world(conn: Connection) -> World:
    return World(conn)


def test_what_is_counted_of_each_week(world: World) -> None:
    second, day = timedelta(seconds=1), timedelta(1)
    # the week's first moment, the user's and the movie's first rating
    world.rate(1, 1, 5.0, 7 * day)
    world.rate(1, 2, 0.5, second)  # its last moment
    world.rate(2, 1, 5.0, day)
    world.rate(3, 1, 4.5, timedelta(0))  # the next week's
    world.rate(4, 3, 3.0, day, drop=2)  # not in the snapshot
    # nor is this, so that neither user nor movie is older for it
    world.rate(2, 2, 3.0, 30 * day, drop=2)
    # the last moment of the week before: where user 2 is new
    world.rate(2, 4, 3.5, 7 * day + second)
    world.rate(5, 4, 3.5, 21 * day)  # the first moment of the oldest week
    # before all of them, so that movie 4 is not new to any
    world.rate(6, 4, 3.5, 21 * day + second)
    world.rate(6, 5, 1.0, 10 * day)
    world.rate(6, 5, 2.0, day)  # again: it counts for this week, and the movie is not new in it
    world.refresh()
    counts = read_weeks(world.conn, week(), 2)
    assert counts.ratings.tolist() == [4, 1, 1]
    assert counts.users.tolist() == [3, 1, 1]
    assert counts.new_users.tolist() == [1, 1, 1]
    assert counts.movies.tolist() == [3, 1, 1]
    assert counts.new_movies.tolist() == [2, 0, 0]
    assert counts.of_top_movie.tolist() == [2, 1, 1]
    assert counts.histogram.tolist() == [
        [1, 0, 0, 1, 0, 0, 0, 0, 0, 2],
        [0, 0, 0, 0, 0, 0, 1, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 1, 0, 0, 0],
    ]


def test_a_week_without_ratings_is_counted_as_none(world: World) -> None:
    world.refresh()
    counts = read_weeks(world.conn, week(), 2)
    assert counts.ratings.tolist() == [0, 0, 0]
    assert counts.histogram.shape == (3, 10)


def test_the_champions_scores(world: World) -> None:
    """This week's incumbent, as it is not decided; before, who was decided on, by a forced decision
    at the last, no rollback.
    """
    world.exam(0, {"als": 0.1, "ease": 0.9}, incumbent="als")
    world.exam(1, {"als": 0.2, "ease": 0.9}, incumbent="ease")
    world.decide(1, "als")
    world.exam(2, {"als": 0.9, "ease": 0.3}, incumbent="als")
    world.decide(2, "als")
    world.decide(2, "ease", forced=True)
    world.decide(2, "als", "rolled back")
    world.exam(3, {"als": 0.9}, kind="leave-newest-out", incumbent="als")  # another kind of exam
    world.exam(4, {"als": 0.4}, incumbent="als")
    world.exam(5, {"als": 0.9}, incumbent="als")  # too long ago
    assert read_exam_scores(world.conn, week(), 4).tolist() == [0.1, 0.2, 0.3, 0.4]


def test_no_score_without_an_incumbent(world: World) -> None:
    world.exam(0, {"als": 0.1})
    assert np.isnan(read_exam_scores(world.conn, week(), 8)).tolist() == [True]


def test_weeks_that_are_alike_warn_of_nothing(world: World, settings: Settings) -> None:
    world.alike()
    world.week(0, users=50, each=10, first_movie=1500)
    for ago in range(9):
        world.exam(ago, {"als": 0.2}, incumbent="als")
    world.refresh()
    assert steps.watch_drift(settings, week()) == []
    assert {row.measure: row.drifted for row in recorded(world.conn, week())} == dict.fromkeys(
        MEASURES, False
    )


def test_what_is_unlike_is_warned_of_and_recorded_once(
    world: World, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """Five movies a user instead of ten, by 100 users of whom 50 are new, all five stars, movies
    that are new.
    """
    world.alike()
    world.week(0, users=100, each=5, first_movie=5_000, stars=5)
    for ago in range(9):
        world.exam(ago, {"als": 0.2 if ago else 0.1}, incumbent="als")
    world.refresh()
    with caplog.at_level(logging.WARNING):
        warnings = steps.watch_drift(settings, week())
    findings = {row.measure: row for row in recorded(world.conn, week())}
    values = {name: findings[name].value for name in MEASURES if name != "rating histogram"}
    assert values == pytest.approx(
        {
            "ratings a user": 5.0,
            "share of new users": 0.5,
            "share of new movies": 1.0,
            "share of the top movie": 0.2,
            "exam score": 0.1,
        }
    )
    drifted = {name for name, row in findings.items() if row.drifted}
    assert drifted == set(MEASURES) - {"ratings a user"}  # 5 is half of 10, and still allowed
    assert sorted(warnings) == sorted(findings[name].sentence for name in drifted)
    assert "exam score: 0.1; after the 8 weeks before, expected 0.15 to 0.25." in warnings
    assert "drift: exam score: 0.1" in caplog.text
    assert "- **drifted**: exam score: 0.1" in sections.drift(world.conn, week())
    world.conn.execute("DELETE FROM ratings WHERE rated_at > %s", [AS_OF - timedelta(7)])
    world.refresh()
    assert steps.watch_drift(settings, week()) == warnings
    assert {row.measure: row for row in recorded(world.conn, week())} == findings


def test_a_measure_that_the_settings_name_stops_the_week_after_it_was_recorded(
    world: World, settings: Settings
) -> None:
    world.alike()
    world.week(0, users=50, each=10, first_movie=1500, stars=5)
    world.refresh()
    strict = settings.model_copy(update={"drift_fails": ("rating histogram", "exam score")})
    for _ in range(2):  # a retry does not get past it
        with pytest.raises(
            DriftError,
            match=f"week {AS_OF} has drifted, and RECSYS_DRIFT_FAILS .*: rating histogram: ",
        ):
            steps.watch_drift(strict, week())
    assert len(recorded(world.conn, week())) == len(MEASURES)
    other = settings.model_copy(update={"drift_fails": ("exam score",)})
    assert len(steps.watch_drift(other, week())) == 1


def test_too_little_to_judge_by_is_recorded_and_warns_of_nothing(
    world: World, settings: Settings
) -> None:
    world.alike(5)
    world.conn.execute(
        "DELETE FROM ratings WHERE rated_at < %s AND user_id < 999", [AS_OF - timedelta(7 * 6)]
    )
    world.week(0, users=50, each=10, first_movie=1500, stars=5)
    world.refresh()
    strict = settings.model_copy(update={"drift_fails": tuple(MEASURES)})
    assert steps.watch_drift(strict, week()) == []
    findings = {row.measure: row for row in recorded(world.conn, week())}
    assert {name: (row.low, row.drifted) for name, row in findings.items()} == dict.fromkeys(
        MEASURES, (None, None)
    )
    assert findings["ratings a user"].value == 10
    assert findings["exam score"].value is None
    assert sections.drift(world.conn, week()).count("not judged") == len(MEASURES)
