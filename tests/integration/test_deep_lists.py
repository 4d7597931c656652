"""Lists of many movies a user, in arrays: they are what the rules give row by row, in every part of
them, and the reasons move with their movies.
"""

from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import LiteralString, cast

import numpy as np
import pytest

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.errors import ModelError
from recsys.experiment import Experiment
from recsys.promotion.partitions import count_rows
from recsys.removal import withdraw_movie
from recsys.scoring.candidates import refuse_unranked
from recsys.scoring.spec import PublicationSpec
from recsys.settings import Settings
from tests.integration.test_publication import AS_OF, RECIPE, World, spec_of

DEPTH, TOP_N = 12, 4
PLAIN_RULES = cast("LiteralString", (Path(__file__).parent / "plain_rules.sql").read_text())
EXPERIMENT = Experiment("e", RECIPE, 0.4, AS_OF)
GENRES = ["Comedy", "Drama", "Horror", "War"]


@dataclass(frozen=True)
class Offered:
    """A user's candidates and their reasons, as a model gives them."""

    movie_ids: list[int]
    scores: list[float]
    reason_kind: str
    cited: list[int | None]
    contributions: list[float | None]


def deep(spec: PublicationSpec, experiment: Experiment | None = None) -> PublicationSpec:
    """Return the spec with lists of DEPTH movies and, with an experiment, a challenger."""
    week = replace(spec.week, top_n=TOP_N, depth=DEPTH, experiment=experiment)
    spec = replace(spec, week=week)
    if experiment is None:
        return spec
    model = replace(spec.model, fit_key="challenger")
    return replace(spec, challenger=PublicationSpec(week, model, promotion_id=None))


def random_world(world: World, rng: Random) -> None:
    """Forty movies, of which few are withdrawn; users with no, few and many ratings, and one who
    has rated nearly all.
    """
    for movie in range(7, 41):
        genres = rng.sample(GENRES, rng.randrange(3))
        world.conn.execute(
            "INSERT INTO movies (movie_id, drop_id, title, genres) VALUES (%s, 1, %s, %s)",
            [movie, f"Movie {movie}", genres],
        )
    for user in range(1, 40):
        n_rated = rng.choice([0, 1, 2, 5, 10]) if user > 1 else 36
        for movie in rng.sample(range(1, 41), n_rated):
            world.rate(user, movie, rng.choice([1, 3, 4, 5]), rng.randrange(1, 200))
    world.conn.execute("INSERT INTO users (user_id, drop_id) VALUES (100, 1), (101, 1)")
    for movie in rng.sample(range(1, 41), 3):
        world.conn.execute(
            "INSERT INTO withdrawals (movie_id, reason) VALUES (%s, 'rights')", [movie]
        )


def candidates(rng: Random) -> Offered:
    """Return a list of a model that does not know what was rated or withdrawn, with ties."""
    n = rng.choice([0, 1, 3, DEPTH - 1, DEPTH, DEPTH, DEPTH, DEPTH + 3])
    movies = rng.sample([*range(1, 41), 999], n)  # and one that nobody offers
    ranked = sorted((-rng.randrange(6), movie) for movie in movies)
    n_places = 3 * min(n, TOP_N)
    return Offered(
        [movie for _, movie in ranked],
        [-score for score, _ in ranked],
        "exact",
        [rng.choice([None, place]) for place in range(n_places)],
        [rng.choice([None, place / 8]) for place in range(n_places)],
    )


def offer(world: World, spec: PublicationSpec, rng: Random) -> dict[int, Offered]:
    """Give candidates to most users, and to one whom the week does not know."""
    offered = {user: candidates(rng) for user in (*range(1, 36), 100, 777)}
    offered = {user: each for user, each in offered.items() if each.movie_ids}
    for user, each in offered.items():
        world.conn.execute(
            "INSERT INTO candidates VALUES (%s, 0, %s, %s, %s, %s, %s, %s)",
            [spec.key, user, *asdict(each).values()],
        )
    world.conn.execute("INSERT INTO scored_shards VALUES (%s, 0, 1, %s)", [spec.key, len(offered)])
    return offered


def plain_rows(conn: Connection, spec: PublicationSpec) -> list[tuple]:
    """Return what the rules give row by row, of the candidates in the table `offered`."""
    params = {"challenger_key": spec.challenger.key if spec.challenger else None, **spec.rules}
    with conn.transaction(force_rollback=True):
        conn.execute(queries("publication")["gather_readers"], params)
        conn.execute(queries("publication")["weigh_likes"], params)
        return [tuple(row) for row in conn.execute(PLAIN_RULES, params)]


def stored_rows(conn: Connection, *, shadow: bool = False) -> list[tuple]:
    """Return the lists of the live publication, or of its challenger's, whole, as rows."""
    query = """
        SELECT user_id, rank::integer, movie_id, score,
               CASE WHEN rank <= n_model THEN 'model' ELSE 'fallback' END, arm
        FROM published_lists JOIN publications USING (publication_id),
             unnest(movie_ids, scores) WITH ORDINALITY AS m (movie_id, score, rank)
        WHERE is_shadow = %s AND (is_shadow OR is_live)
        ORDER BY user_id, rank"""
    return [tuple(row) for row in conn.execute(query, [shadow])]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("experiment", [None, EXPERIMENT])
def test_the_arrays_are_what_the_rules_give_row_by_row(
    world: World, seed: int, experiment: Experiment | None
) -> None:
    rng = Random(seed)
    random_world(world, rng)
    spec = deep(spec_of(), experiment)
    for part in filter(None, (spec, spec.challenger)):
        offer(world, part, rng)
    world.conn.execute("CREATE TEMP TABLE offered AS SELECT * FROM candidates")
    world.publish(spec)
    rows = stored_rows(world.conn)
    assert rows == plain_rows(world.conn, spec)
    assert {row[5] for row in rows} == ({"champion", "challenger"} if experiment else {None})
    assert {row[4] for row in rows} == {"model", "fallback"}
    assert max(row[1] for row in rows) == DEPTH
    shown = world.conn.execute(
        "SELECT user_id, rank, movie_id, score, source, arm FROM recommendations ORDER BY 1, 2"
    ).fetchall()
    assert shown == [row for row in rows if row[1] <= TOP_N]


@pytest.mark.parametrize("seed", range(2))
def test_a_shadow_is_as_deep_and_has_its_own_digest(world: World, seed: int) -> None:
    rng = Random(seed)
    random_world(world, rng)
    spec = deep(spec_of(), EXPERIMENT)
    assert spec.challenger is not None
    for part in (spec, spec.challenger):
        offer(world, part, rng)
    world.conn.execute("CREATE TEMP TABLE offered AS SELECT * FROM candidates")
    world.publish(spec)
    rows = stored_rows(world.conn, shadow=True)
    expected = plain_rows(world.conn, spec.challenger)
    assert [row[:5] for row in rows] == [row[:5] for row in expected]
    assert {row[5] for row in rows} == {"challenger"}
    assert max(row[1] for row in rows) == DEPTH
    of_readers = {row for row in stored_rows(world.conn) if row[5] == "challenger"}
    assert of_readers < set(rows)
    (kept,) = world.conn.execute(
        "SELECT publication_id, n_rows, rows_sha256 FROM publications WHERE is_shadow"
    ).fetchall()
    counts = count_rows(world.conn, kept.publication_id)
    assert (kept.n_rows, kept.rows_sha256) == (counts["n_rows"], counts["rows_sha256"])


def reasons(each: Offered, n: int) -> dict[int, tuple]:
    """Return each of the first n movies' cited movies and contributions."""
    return {
        movie: (each.cited[3 * i : 3 * i + 3], each.contributions[3 * i : 3 * i + 3])
        for i, movie in enumerate(each.movie_ids[:n])
    }


@pytest.mark.parametrize("seed", range(3))
def test_reasons_stay_with_their_movies(world: World, seed: int) -> None:
    rng = Random(seed)
    random_world(world, rng)
    spec = deep(spec_of())
    offered = offer(world, spec, rng)
    world.publish(spec)
    query = """SELECT user_id, movie_ids, scores, reason_kind, cited, contributions
               FROM published_lists WHERE n_model > 0"""
    lists = {row[0]: Offered(*row[1:]) for row in world.conn.execute(query)}
    assert len(lists) > 15
    n_moved = 0
    for user, now in lists.items():
        before = reasons(offered[user], TOP_N)
        assert now.reason_kind == "exact"
        for movie, reason in reasons(now, TOP_N).items():
            none = ([], [])  # of the fallback's movies, which come after the model's
            expected = before.get(movie, ([None] * 3, [None] * 3))
            assert reason in (expected, none)
            n_moved += movie in before and offered[user].movie_ids[:TOP_N] != now.movie_ids[:TOP_N]
    assert n_moved > 10
    kinds = "SELECT DISTINCT reason_kind, cited FROM published_lists WHERE n_model = 0"
    assert world.conn.execute(kinds).fetchall() == [("rule", None)]


def publish_one(world: World) -> None:
    """A user with five movies of the model, three of which have reasons, and a fallback of one."""
    for movie in (7, 8):
        world.conn.execute(
            "INSERT INTO movies (movie_id, drop_id, title, genres) VALUES (%s, 1, 'A', '{}')",
            [movie],
        )
    for movie in (1, 2):
        world.rate(1, movie)
    week = replace(spec_of().week, depth=5)
    spec = replace(spec_of(), week=week)
    cited, contributions = [1, 2, None, 2, None, None, 1, None, None], [*"321654987"]
    world.conn.execute(
        "INSERT INTO candidates VALUES (%s, 0, 1, '{3,4,5,6,7}', '{9,8,7,6,5}', 'exact', %s, %s)",
        [spec.key, cited, [float(each) for each in contributions]],
    )
    world.conn.execute("INSERT INTO scored_shards VALUES (%s, 0, 1, 1)", [spec.key])
    world.publish(spec)


def test_a_copy_keeps_the_deeper_list_and_the_reasons_of_what_stays(
    world: World, settings: Settings
) -> None:
    publish_one(world)
    withdraw_movie(settings, 4, "rights", now=True)
    query = """SELECT movie_ids, scores, n_model, reason_kind, cited, contributions
               FROM published_lists JOIN publications USING (publication_id) WHERE is_live"""
    assert world.conn.execute(query).fetchall() == [
        (
            [3, 5, 6, 7, 8],
            [9, 7, 6, 5, 0],
            4,
            "exact",
            [1, 2, None, 1, None, None, None, None, None],
            [3, 2, 1, 9, 8, 7, None, None, None],
        )
    ]
    assert world.conn.execute("SELECT count(*) FROM candidates").fetchall() == [(0,)]


def test_a_movie_that_is_withdrawn_goes_from_the_depth_too(
    world: World, settings: Settings
) -> None:
    publish_one(world)
    withdraw_movie(settings, 7, "rights", now=True)
    query = """SELECT movie_ids FROM published_lists JOIN publications USING (publication_id)
               WHERE is_live"""
    assert world.conn.execute(query).fetchall() == [([3, 4, 5, 6, 8],)]


@pytest.mark.parametrize(
    "change",
    [
        "movie_ids[5] = 8",
        "scores[5] = 4",
        "n_model = 4",
        "arm = 'champion'",
        "reason_kind = 'leave_one_out'",
        "cited[9] = 2",
        "cited = NULL",
        "contributions[9] = 1",
    ],
)
def test_the_digest_is_of_the_whole_list_and_its_reasons(world: World, change: str) -> None:
    publish_one(world)
    before = count_rows(world.conn, 1)
    recorded = "SELECT n_users, n_rows, n_fallback, rows_sha256 FROM publications"
    assert world.conn.execute(recorded).fetchone()._asdict() == before
    assert (before["n_users"], before["n_rows"], before["n_fallback"]) == (1, 3, 0)
    world.conn.execute(f"UPDATE published_lists SET {change}".encode())
    assert count_rows(world.conn, 1)["rows_sha256"] != before["rows_sha256"]


def test_a_week_without_a_depth_keeps_its_key_and_is_no_deeper_than_its_lists() -> None:
    """As those of before there was a depth."""
    old = spec_of(top_n=3)
    assert old.depth == 3
    assert old.key == "20d957637dbc24aa80f3f31667af597f", "as before lists had a depth"
    deeper = [replace(old, week=replace(old.week, depth=depth)) for depth in (2, 3, 100)]
    assert [spec.depth for spec in deeper] == [3, 3, 100]
    assert len({spec.key for spec in (old, *deeper)}) == 3


def test_a_list_that_is_not_ranked_is_refused() -> None:
    users = np.array([5, 6, 7])
    ids = np.array([[3, 1, 2], [1, 2, -1], [-1, -1, -1]])
    scores = np.array([[0.9, 0.5, 0.5], [0.5, 0.4, -np.inf], [-np.inf] * 3], dtype=np.float32)
    lengths = np.array([3, 2, 0])
    refuse_unranked(users, ids, scores, lengths)
    wrong_scores = np.array([[0.9, 0.5, 0.6], [0.5, 0.5, 0.1], [0.9, np.nan, 0.1]], np.float32)
    cases = [(ids[0], wrong) for wrong in wrong_scores]
    cases.append((np.array([3, 1, 3]), np.array([0.9, 0.5, 0.4])))
    for movies, wrong in cases:
        with pytest.raises(ModelError, match="lists of 1 users are not ranked, that of user 5"):
            refuse_unranked(users[:1], movies[None], wrong[None], lengths[:1])


def test_readers_of_a_later_week_are_not_asked_for_another_depth(world: World) -> None:
    """Each publication is shown by its own top_n."""
    publish_one(world)
    later = deep(spec_of(as_of=AS_OF + timedelta(7)))
    world.conn.execute("INSERT INTO scored_shards VALUES (%s, 0, 1, 0)", [later.key])
    assert len(world.publish(later)[1]) == TOP_N
    lengths = "SELECT publication_id, count(*) FROM batch_recommendations GROUP BY 1 ORDER BY 1"
    assert world.conn.execute(lengths).fetchall() == [(1, 3), (2, TOP_N)]


@pytest.fixture
def world(conn: Connection) -> World:
    return World(conn)
