"""The rules of sql/batch_recommendations.sql, on cases small enough to work out by hand."""

from datetime import date, timedelta
from decimal import Decimal
from random import Random

import numpy as np
import psycopg
import pytest
from psycopg.types.json import Jsonb

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.errors import PublicationError
from recsys.features.visible import read_histories, read_users
from recsys.promotion.ledger import ModelVersion, Origin
from recsys.recipe import Recipe
from recsys.scoring.publish import publish
from recsys.scoring.spec import PublicationSpec
from recsys.week import WeekPlan
from stack.postgres import Postgres

AS_OF = date(2020, 1, 6)
RECIPE = Recipe("popularity", ())


def spec_of(
    top_n: int = 3, min_history: int = 2, as_of: date = AS_OF, fit_key: str = "fit"
) -> PublicationSpec:
    week = WeekPlan(
        as_of,
        1,
        (RECIPE,),
        top_n,
        seed=0,
        like_threshold=4.0,
        exam_min_users=9,
        min_history=min_history,
        half_life_days=30.0,
    )
    return PublicationSpec(
        week, ModelVersion(RECIPE, "7", fit_key), promotion_id=1 + (as_of - AS_OF).days // 7
    )


class World:
    """Facts put in by hand: one drop, six movies, and what a test adds."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn
        conn.execute(
            """INSERT INTO drops (source, drop_date, revision, sha256, files, admitted_for, state)
               VALUES ('movielens', %s, 1, 'x', '[]', %s, 'ingested')""",
            [AS_OF, AS_OF],
        )
        for as_of in (AS_OF, AS_OF + timedelta(7)):
            conn.execute(
                "INSERT INTO weeks (as_of, watermark, params, resolved_late) VALUES (%s, 1, %s, "
                "false)",
                [as_of, Jsonb({})],
            )
            conn.execute(
                """INSERT INTO exams (as_of, kind, fingerprint, n_users, n_ratings) VALUES (%s,
                   'leave-newest-out', 'x', 1, 1)""",
                [as_of],
            )
            conn.execute(
                """INSERT INTO promotions (as_of, decision, recipe_key, recipe, model_version,
                   fit_key, comparisons, reasons)
                   VALUES (%s, 'first', 'popularity', '{}', '7', 'fit', '[]', '{}')""",
                [as_of],
            )
        genres = {1: ["Comedy"], 2: ["Comedy"], 3: ["Drama"], 4: ["Drama"], 5: ["Horror"], 6: []}
        for movie, names in genres.items():
            conn.execute(
                "INSERT INTO movies (movie_id, drop_id, title, genres) VALUES (%s, 1, %s, %s)",
                [movie, f"Movie {movie}", names],
            )

    def rate(self, user: int, movie: int, rating: float = 5, days_ago: int = 1) -> None:
        at = AS_OF - timedelta(days_ago)
        self.conn.execute(
            "INSERT INTO ratings VALUES (%s, %s, %s, 1, %s)", [user, movie, at, rating]
        )

    def rate_again(self, user: int, movie: int, rating: float = 5) -> None:
        self.rate(user, movie, rating, days_ago=0)
        self.conn.execute(
            "UPDATE ratings SET rated_at = rated_at - interval '1 hour' WHERE rated_at = %s",
            [AS_OF],
        )
        self.conn.execute("INSERT INTO rerated VALUES (%s, %s)", [user, movie])

    def candidates(
        self, spec: PublicationSpec, rows: list[tuple[int, int, float]], n_shards: int = 1
    ) -> None:
        users = {user for user, _, _ in rows}
        for user in users:
            ranked = sorted((-score, movie) for other, movie, score in rows if other == user)
            self.conn.execute(
                "INSERT INTO candidates VALUES (%s, 0, %s, %s, %s)",
                [spec.key, user, [movie for _, movie in ranked], [-score for score, _ in ranked]],
            )
        self.conn.execute(
            "INSERT INTO scored_shards VALUES (%s, 0, %s, %s)", [spec.key, n_shards, len(users)]
        )

    def publish(self, spec: PublicationSpec) -> dict[int, list[tuple[int, str]]]:
        for view in ("mv_movies", "mv_imdb_titles", "mv_movie_persons", "mv_rerated"):
            self.conn.execute(f"REFRESH MATERIALIZED VIEW {view}")  # pyright: ignore
        publish(self.conn, spec, Origin("", ""))
        lists: dict[int, list[tuple[int, str]]] = {}
        for row in self.conn.execute(
            "SELECT user_id, movie_id, source FROM recommendations ORDER BY user_id, rank"
        ):
            lists.setdefault(row.user_id, []).append((row.movie_id, row.source))
        return lists


@pytest.fixture
def world(conn: Connection) -> World:
    return World(conn)


def test_model_first_best_first_and_ties_by_movie(world: World) -> None:
    world.rate(1, 1)
    world.rate(1, 2)
    world.candidates(spec_of(), [(1, 5, 0.5), (1, 4, 0.9), (1, 3, 0.5), (1, 6, 0.1)])
    assert world.publish(spec_of()) == {1: [(4, "model"), (3, "model"), (5, "model")]}


def test_what_was_rated_or_withdrawn_is_left_out(world: World) -> None:
    world.rate(1, 1)
    world.rate(1, 2)
    world.conn.execute("INSERT INTO withdrawals (movie_id, reason) VALUES (4, 'rights')")
    world.candidates(spec_of(), [(1, 1, 0.9), (1, 4, 0.8), (1, 3, 0.7), (1, 5, 0.6), (1, 6, 0.5)])
    assert world.publish(spec_of()) == {1: [(3, "model"), (5, "model"), (6, "model")]}


def test_a_short_history_gets_the_fallback_in_the_genres_that_the_user_likes(world: World) -> None:
    for user in (2, 3, 4):
        world.rate(user, 5)
        world.rate(user, 1)
    world.rate(2, 4)
    # likes a drama, nothing else: below min_history, so that the model is not asked
    world.rate(9, 3)
    world.candidates(spec_of(), [(9, 2, 0.9)])
    # the other drama, though few like it; then, in genres that the user has not liked, by
    # popularity
    assert world.publish(spec_of())[9] == [(4, "fallback"), (1, "fallback"), (5, "fallback")]


def test_recent_likes_count_more_than_old_ones(world: World) -> None:
    for user in (2, 3, 4):
        world.rate(user, 1, days_ago=300)
    for user in (5, 6):
        world.rate(user, 2, days_ago=1)
    world.conn.execute("INSERT INTO users (user_id, drop_id) VALUES (100, 1)")
    world.candidates(spec_of(), [])
    assert world.publish(spec_of())[100] == [(2, "fallback"), (1, "fallback"), (3, "fallback")]


def test_a_low_rating_is_no_like(world: World) -> None:
    for user in (2, 3, 4):
        world.rate(user, 1, rating=3.5)
    world.rate(5, 2)
    world.conn.execute("INSERT INTO users (user_id, drop_id) VALUES (100, 1)")
    world.candidates(spec_of(), [])
    assert world.publish(spec_of())[100][0] == (2, "fallback")


def test_a_user_with_little_left_gets_what_is_left(world: World) -> None:
    for movie in (1, 2, 3, 4, 5):
        world.rate(1, movie)
    for movie in (1, 2, 3, 4, 5, 6):
        world.rate(2, movie)
    world.candidates(spec_of(), [(1, 6, 0.4)])
    assert world.publish(spec_of()) == {1: [(6, "model")]}


def test_a_publication_without_a_row_is_refused_and_readers_keep_theirs(world: World) -> None:
    world.rate(1, 1)
    world.candidates(spec_of(), [(1, 2, 0.5)])
    before = world.publish(spec_of())
    for movie in (2, 3, 4, 5, 6):
        world.rate(1, movie)
    later = spec_of(as_of=AS_OF + timedelta(7))
    world.candidates(later, [])
    with pytest.raises(
        PublicationError,
        match=r"would have no row: nobody has a movie "
        r"left.*Nothing goes live",
    ):
        world.publish(later)
    assert (
        world.conn.execute("SELECT count(*) AS n FROM recommendations").fetchone().n
        == len(before[1])
        > 0
    )
    assert world.conn.execute("SELECT count(*) AS n FROM publications").fetchone().n == 1


def test_the_fallback_fills_up_behind_the_model(world: World) -> None:
    world.rate(1, 1)
    world.rate(1, 3)
    for user in (2, 3):
        world.rate(user, 5)
        world.rate(user, 6)
    world.rate(2, 4)
    world.candidates(spec_of(), [(1, 2, 0.9)])
    assert world.publish(spec_of())[1] == [(2, "model"), (4, "fallback"), (5, "fallback")]


def test_a_missing_shard_and_a_wrong_result_stop_it(world: World) -> None:
    world.rate(1, 1)
    world.rate(1, 2)
    with pytest.raises(PublicationError, match=r"no candidates of shard \[0\]"):
        world.publish(spec_of())
    world.candidates(spec_of(), [(1, 3, 0.9)], n_shards=2)
    with pytest.raises(PublicationError, match=r"no candidates of shard \[1\]"):
        world.publish(spec_of())
    assert world.conn.execute("SELECT count(*) AS n FROM publications").fetchall() == [(0,)]


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        (
            "UPDATE {partition} SET movie_ids = movie_ids[:2], scores = scores[:2], n_model = 2",
            "1 users with a list of the wrong length",
        ),
        (
            "UPDATE {partition} SET movie_ids[3] = 1",
            "1 users with a movie they had rated",
        ),
        (
            "UPDATE {partition} SET movie_ids[3] = 77",
            "1 users with a movie that is not on offer",
        ),
        (
            "UPDATE {partition} SET movie_ids[3] = movie_ids[1], n_model = 2",
            "1 users with a movie twice",
        ),
        ("UPDATE {partition} SET scores[3] = NULL", "1 users with holes in their lists"),
        ("UPDATE {partition} SET scores = scores[:2]", "1 users with holes in their lists"),
        ("UPDATE {partition} SET n_model = 4", "1 users with holes in their lists"),
        ("UPDATE {partition} SET user_id = 8", "1 users outside the week's snapshot"),
    ],
)
def test_every_fault_is_found(
    world: World, broken: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from recsys.promotion import partitions as module

    world.rate(1, 1)
    world.rate(1, 2)
    world.candidates(spec_of(), [(1, 3, 0.9), (1, 4, 0.8), (1, 5, 0.7)])
    rules = module.sql_file("batch_recommendations.sql")
    run = module.run_on

    def then_break(
        conn: Connection, query: str, publication_id: int, params: dict | None = None
    ) -> object:
        result = run(conn, query, publication_id, params)  # pyright: ignore[reportArgumentType]
        if query == rules:
            run(conn, broken, publication_id)  # pyright: ignore[reportArgumentType]
        return result

    monkeypatch.setattr(module, "run_on", then_break)
    with pytest.raises(PublicationError, match=fault):
        world.publish(spec_of())
    assert world.conn.execute("SELECT count(*) AS n FROM recommendations").fetchall() == [(0,)]


def test_one_user_is_read_by_an_index(world: World) -> None:
    for user in range(1, 400):
        world.rate(user, 1)
        world.rate(user, 2)
    for fit_key in ("fit", "fit2", "fit3"):
        spec = spec_of(fit_key=fit_key)
        world.candidates(
            spec, [(user, movie, 0.5) for user in range(1, 400) for movie in (3, 4, 5)]
        )
        world.publish(spec)
    world.conn.execute("ANALYZE")
    plan = "\n".join(
        row[0]
        for row in world.conn.execute(
            "EXPLAIN (ANALYZE, COSTS off) SELECT * FROM recommendations WHERE user_id = 17"
        )
    )
    assert (
        "Index Scan using published_lists" in plan
        or "Index Scan on published_lists" in plan
        or "Bitmap Index Scan" in plan
    )
    assert "Seq Scan on published_lists" not in plan
    assert plan.count("never executed") == 2  # the publications that are not live are not looked at


def test_the_same_key_adds_nothing_and_an_older_week_does_not_go_live(world: World) -> None:
    world.rate(1, 1)
    world.rate(1, 2)
    new, old = spec_of(as_of=AS_OF + timedelta(7)), spec_of()
    for spec in (new, old):
        world.candidates(spec, [(1, 3, 0.9), (1, 4, 0.8), (1, 5, 0.7)])
        world.publish(spec)
        world.publish(spec)
    rows = world.conn.execute(
        "SELECT as_of, is_live, first_live_at IS NOT NULL AS was_live FROM publications ORDER BY "
        "publication_id"
    ).fetchall()
    assert rows == [(AS_OF + timedelta(7), True, True), (AS_OF, False, False)]


def test_a_movie_rated_twice_is_one_of_the_history(world: World) -> None:
    world.rate(1, 1)
    world.rate_again(1, 1)
    world.candidates(spec_of(), [(1, 5, 0.9), (1, 4, 0.8), (1, 3, 0.7)])
    # one movie, where two are asked for
    assert {source for _, source in world.publish(spec_of())[1]} == {"fallback"}


def test_readers_are_counted_by_the_movies_that_they_rated(world: World) -> None:
    rng = Random(1)
    for _ in range(400):  # of the second drop, and of the future, they know nothing
        pair, seconds = (rng.randrange(12), rng.randrange(1, 7)), rng.randrange(4 * 86_400)
        rated = (*pair, AS_OF - timedelta(3), seconds, rng.choice([1, 1, 1, 2]))
        world.conn.execute(
            "INSERT INTO ratings VALUES (%s, %s, %s::timestamptz + "
            "make_interval(secs => %s), %s, 5)",
            rated,
        )
    world.conn.execute(
        "INSERT INTO rerated SELECT user_id, movie_id FROM ratings GROUP BY 1, 2 "
        "HAVING count(*) > 1"
    )
    world.conn.execute("INSERT INTO users (user_id, drop_id) VALUES (3, 1), (100, 1)")
    params = spec_of().params | spec_of().week.snapshot.params
    with world.conn.transaction(force_rollback=True):
        world.conn.execute(queries("publication")["gather_readers"], params)
        readers = world.conn.execute(
            "SELECT user_id, history, newest FROM readers ORDER BY user_id"
        ).fetchall()
    plainly = world.conn.execute(
        """SELECT user_id, count(DISTINCT movie_id), max(rated_at) FROM ratings
           WHERE drop_id = 1 AND rated_at < %s
           GROUP BY user_id ORDER BY user_id""",
        [AS_OF],
    ).fetchall()
    assert readers == [*plainly, (100, 0, None)]


def test_a_like_is_worth_half_for_every_half_life_to_twelve_decimals(world: World) -> None:
    ages = Random(0)
    for user in range(3_000):
        seconds = ages.choice([60, 86_400, 10_000_000]) * ages.random() ** 2 * 100
        world.conn.execute(
            "INSERT INTO ratings VALUES (%s, %s, %s::timestamptz - make_interval(secs => "
            "floor(%s)), 1, 5)",
            [user, 1 + user % 3, AS_OF - timedelta(1), seconds],
        )
    params = spec_of().params | spec_of().week.snapshot.params
    with world.conn.transaction(force_rollback=True):
        for name in ("gather_readers", "weigh_likes"):
            world.conn.execute(queries("publication")[name], params)
        likes = dict(world.conn.execute("SELECT movie_id, likes FROM likes").fetchall())
    worth = world.conn.execute(
        """SELECT movie_id, count(*), sum(power(0.5, extract(epoch
           FROM newest - rated_at)::float8 / 86400 / 30)::numeric)
           FROM ratings, (SELECT max(rated_at) AS newest FROM ratings) GROUP BY movie_id"""
    ).fetchall()
    for movie, n, total in worth:
        assert likes[movie] == round(likes[movie], 12)
        assert abs(likes[movie] - total) < Decimal(n).sqrt() * Decimal("1e-12"), (
            "n roundings add up to three of their standard deviations"
        )


def test_nobody_waits_for_a_publication_that_is_attached_and_flipped_to(
    world: World, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    from recsys.scoring import publish as module

    world.rate(1, 1)
    world.rate(1, 2)
    for spec in (spec_of(), spec_of(as_of=AS_OF + timedelta(7))):
        world.candidates(spec, [(1, 3, 0.9), (1, 4, 0.8), (1, 5, 0.7)])
    world.publish(spec_of())
    flip, seen = module.go_live, []

    def look_and_flip(conn: Connection, flip_to: dict[str, object]) -> None:
        flip(conn, flip_to)
        locks = conn.execute(
            "SELECT mode FROM pg_locks WHERE pid = pg_backend_pid() AND relation = "
            "'published_lists'::regclass"
        ).fetchall()
        with psycopg.connect(
            postgres.url(conn.info.dbname, "recsys_reader"), options="-c lock_timeout=1s"
        ) as reader:
            lists = reader.execute("SELECT DISTINCT as_of FROM recommendations").fetchall()
        seen.append(({row.mode for row in locks}, lists))

    monkeypatch.setattr(module, "go_live", look_and_flip)
    world.publish(spec_of(as_of=AS_OF + timedelta(7)))
    assert seen == [({"AccessShareLock", "ShareUpdateExclusiveLock"}, [(AS_OF,)])]
    assert world.conn.execute("SELECT DISTINCT as_of FROM recommendations").fetchall() == [
        (AS_OF + timedelta(7),)
    ]


def test_a_history_holds_each_movie_once_and_none_that_the_model_lacks(world: World) -> None:
    for movie in (1, 2, 6):
        world.rate(3, movie)
    world.rate_again(3, 2)
    world.rate(5, 4)
    world.rate(6, 1, days_ago=-1)  # which the week is too early for
    world.conn.execute("REFRESH MATERIALIZED VIEW mv_rerated")
    users, movie_ids = np.array([2, 3, 4, 5, 6]), np.array([1, 2, 3, 4])
    histories = read_histories(world.conn, spec_of().week.snapshot, users, movie_ids)
    seen = histories.seen_by(users)
    assert seen.has_canonical_format
    assert (seen.toarray() > 0).tolist() == [
        [False, False, False, False],
        [True, True, False, False],
        [False, False, False, False],
        [False, False, False, True],
        [False, False, False, False],
    ]


def test_users_are_all_whom_the_week_may_know(world: World) -> None:
    assert read_users(world.conn, spec_of().week.snapshot).tolist() == []
    world.conn.execute("INSERT INTO users (user_id, drop_id) VALUES (4, 1), (100, 1)")
    assert read_users(world.conn, spec_of().week.snapshot).tolist() == [4, 100]
    for user, days_ago in ((2, -1), (3, 1), (4, 1), (7, -1), (8, 1), (9, -1)):
        for movie in (1, 2):
            world.rate(user, movie, days_ago=days_ago)
    # beyond the watermark
    world.conn.execute("INSERT INTO ratings VALUES (11, 1, %s, 2, 5)", [AS_OF - timedelta(1)])
    assert read_users(world.conn, spec_of().week.snapshot).tolist() == [3, 4, 8, 100]
