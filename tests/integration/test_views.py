"""The materialized views against brute force: for every (as_of, watermark) just the newest visible
version, once.
"""

import random
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.features.visible import read_interactions, read_rerated
from recsys.snapshot import Snapshot

START = date(2020, 1, 1)
DAYS = range(8)
N_DROPS = 6
N_HISTORIES = 150


def day(n: int) -> date:
    return START + timedelta(days=n)


def noon(n: int, hour: int = 12) -> datetime:
    return datetime.combine(day(n), datetime.min.time(), tzinfo=UTC) + timedelta(hours=hour)


def make_drops(conn: Connection, dice: random.Random) -> dict[int, tuple[date, int]]:
    """drop_id → (date, revision): dates in any order, some twice. Ids are in order of arrival."""
    ranks: dict[int, tuple[date, int]] = {}
    for place in range(N_DROPS):
        when = day(dice.randrange(5))
        revision = 1 + sum(date_ == when for date_, _ in ranks.values())
        row = conn.execute(
            "INSERT INTO drops (source, drop_date, revision, sha256, files, admitted_for) "
            "VALUES ('movielens', %s, %s, %s, '[]', %s) RETURNING drop_id",
            [when, revision, str(place), when],
        ).fetchone()
        ranks[row.drop_id] = (when, revision)
    return ranks


def copy(conn: Connection, statement: str, rows: list[tuple]) -> None:
    with conn.cursor() as cursor, cursor.copy(statement.encode()) as into:
        for row in rows:
            into.write_row(row)


def refresh(conn: Connection) -> None:
    for statement in queries("views").values():
        conn.execute(statement)


def rate(
    conn: Connection, dice: random.Random, drops: list[int]
) -> dict[int, dict[tuple[datetime, int], float]]:
    """user → (rated_at, drop_id) → stars, each of one movie: re-ratings, late arrivals and
    corrections; at midnight too.
    """
    versions: dict[int, dict[tuple[datetime, int], float]] = {}
    for user in range(N_HISTORIES):
        keys = {
            (noon(dice.randrange(7), dice.choice([0, 12])), dice.choice(drops))
            for _ in range(dice.choice([1, 2, 3, 5, 9]))
        }
        versions[user] = {key: dice.randrange(1, 11) / 2 for key in keys}
    rows = [
        (user, 1, at, drop, stars)
        for user, history in versions.items()
        for (at, drop), stars in history.items()
    ]
    copy(conn, "COPY ratings (user_id, movie_id, rated_at, drop_id, rating) FROM STDIN", rows)
    conn.execute(queries("ingest")["find_rerated"])
    refresh(conn)
    return versions


@pytest.mark.parametrize("seed", range(4))
def test_ratings_are_the_newest_visible_version(conn: Connection, seed: int) -> None:
    """Midnight is not before as_of."""
    dice = random.Random(seed)
    ranks = make_drops(conn, dice)
    versions = rate(conn, dice, list(ranks))
    for as_of in map(day, DAYS):
        for watermark in range(N_DROPS + 2):
            expected = {}
            for user, history in versions.items():
                seen = [
                    (at, *ranks[drop], stars)
                    for (at, drop), stars in history.items()
                    if at < noon(0, 0) + (as_of - START) and drop <= watermark
                ]
                if seen:
                    at, _, _, stars = max(seen)
                    expected[user] = (1, stars, at)
            rows = conn.execute(
                queries("visible")["ratings"], {"as_of": as_of, "watermark": watermark}
            ).fetchall()
            assert len(rows) == len(expected), (as_of, watermark)
            assert {row.user_id: tuple(row[1:]) for row in rows} == expected, (as_of, watermark)


def test_earlier_ratings_follow_from_todays_and_from_what_was_rated_again(
    conn: Connection,
) -> None:
    dice = random.Random(0)
    rate(conn, dice, list(make_drops(conn, dice)))
    movie_ids = np.array([1])
    added = 0
    for watermark in range(1, N_DROPS + 1):
        now = read_interactions(conn, Snapshot(day(max(DAYS)), watermark), movie_ids)
        for hours in range(0, 24 * max(DAYS), 12):
            cut = noon(0, hours)
            snapshot = Snapshot(cut, watermark)
            still_so = now.where(now.rated_at < cut.timestamp())
            then = still_so.adding(read_rerated(conn, snapshot, movie_ids))
            assert (
                then.fingerprint() == read_interactions(conn, snapshot, movie_ids).fingerprint()
            ), (
                watermark,
                cut,
            )
            added += len(then) - len(still_so)
    assert added > 100


@pytest.mark.parametrize("seed", range(4))
def test_movies_titles_and_casts_are_the_newest_visible_version(
    conn: Connection, seed: int
) -> None:
    dice = random.Random(100 + seed)
    ranks = make_drops(conn, dice)
    drops_of = {
        movie: dice.sample(list(ranks), dice.randint(1, N_DROPS)) for movie in range(N_HISTORIES)
    }
    pairs = [(movie, drop) for movie, drops in drops_of.items() for drop in drops]
    cast = [
        (movie, drop, role, place, 10 * drop + place)
        for movie, drop in pairs
        for role in ("actor", "director")
        for place in range(1, dice.randint(1, 3) + 1)
    ]
    copy(
        conn,
        "COPY movies (movie_id, drop_id, title, genres) FROM STDIN",
        [(m, d, f"title of {d}", []) for m, d in pairs],
    )
    copy(
        conn,
        "COPY imdb_titles (movie_id, drop_id, imdb_id, title_type, primary_title, genres) "
        "FROM STDIN",
        [(m, d, d, "movie", f"title of {d}", []) for m, d in pairs],
    )
    copy(conn, "COPY movie_persons (movie_id, drop_id, role, position, person_id) FROM STDIN", cast)
    refresh(conn)
    for watermark in range(N_DROPS + 2):
        seen = {
            movie: [drop for drop in drops if drop <= watermark]
            for movie, drops in drops_of.items()
        }
        newest = {
            movie: max(drops, key=lambda drop: ranks[drop])
            for movie, drops in seen.items()
            if drops
        }
        for view in ("mv_movies", "mv_imdb_titles"):
            rows = conn.execute(
                f"SELECT movie_id, drop_id FROM {view} WHERE drop_id <= %s AND %s < "
                "superseded_by".encode(),
                [watermark] * 2,
            )
            assert sorted(tuple(row) for row in rows) == sorted(newest.items()), (view, watermark)
        for role in ("actor", "director"):
            params = {"watermark": watermark, "role": role}
            rows = conn.execute(queries("visible")["movie_persons"], params).fetchall()
            expected = [
                (movie, person)
                for movie, drop, own, place, person in sorted(cast)
                if newest.get(movie) == drop and own == role
            ]
            assert [tuple(row) for row in rows] == expected, (watermark, role)


@pytest.fixture
def drops(conn: Connection) -> Connection:
    """Two drops: 1 of day 2, 2 of day 6."""
    for when in (2, 6):
        conn.execute(
            "INSERT INTO drops (source, drop_date, revision, sha256, files, admitted_for) "
            "VALUES ('movielens', %s, 1, 'x', '[]', %s)",
            [day(when)] * 2,
        )
    return conn


def visible(conn: Connection, as_of: int, watermark: int) -> list[tuple]:
    rows = conn.execute(
        "SELECT movie_id, title FROM visible_movies(%s, %s) ORDER BY movie_id",
        [day(as_of), watermark],
    )
    return [tuple(row) for row in rows]


def test_a_film_of_the_future_is_not_known(drops: Connection) -> None:
    rows = [
        (1, 1, "old", []),
        (1, 2, "renamed", []),
        (2, 2, "new", []),
        (3, 2, "rated before", []),
        (4, 2, "tagged before", []),
    ]
    copy(drops, "COPY movies (movie_id, drop_id, title, genres) FROM STDIN", rows)
    copy(
        drops,
        "COPY ratings (user_id, movie_id, rated_at, drop_id, rating) FROM STDIN",
        [(1, 3, noon(3, 0), 2, 4)],
    )
    copy(
        drops,
        "COPY tags (user_id, movie_id, tag, tagged_at, drop_id) FROM STDIN",
        [(1, 4, "t", noon(3, 12), 2)],
    )
    refresh(drops)
    assert visible(drops, 1, 0) == []
    assert visible(drops, 5, 1) == [(1, "old")]
    assert visible(drops, 1, 1) == []  # its drop is dated after this week, and nobody had rated it
    # rated at this very midnight, which is not before it
    assert visible(drops, 3, 2) == [(1, "renamed")]
    assert visible(drops, 4, 2) == [(1, "renamed"), (3, "rated before"), (4, "tagged before")]
    assert visible(drops, 5, 2) == visible(drops, 4, 2)
    assert visible(drops, 6, 2) == [
        (1, "renamed"),
        (2, "new"),
        (3, "rated before"),
        (4, "tagged before"),
    ]


def test_a_rating_that_the_watermark_hides_shows_no_film(drops: Connection) -> None:
    copy(drops, "COPY movies (movie_id, drop_id, title, genres) FROM STDIN", [(1, 1, "film", [])])
    copy(
        drops,
        "COPY ratings (user_id, movie_id, rated_at, drop_id, rating) FROM STDIN",
        [(1, 1, noon(0), 2, 4)],
    )
    refresh(drops)
    assert visible(drops, 1, 1) == []
    assert visible(drops, 1, 2) == [(1, "film")]
