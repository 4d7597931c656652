"""What readers look movies up in: fresh, found by a key, and never waited for."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

from recsys.db.connect import Connection
from recsys.promotion.live import go_live
from recsys.removal import erase_user, withdraw_movie
from recsys.settings import Settings
from stack.postgres import Postgres
from tests import steps
from tests.landing import Landing

T = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp())
DAY, NEXT = date(2020, 1, 6), date(2020, 1, 13)
RATINGS = f"userId,movieId,rating,timestamp\n1,1,5,{T}\n"
COLUMNS = [
    *(
        "movie_id",
        "title",
        "year",
        "genres",
        "imdb_id",
        "runtime_minutes",
        "average_rating",
        "votes",
        "directors",
        "actors",
    ),
    "withdrawn_at",
]
FIRST_QUERY: LiteralString = """
    SELECT r.rank, c.title, r.score, r.source, r.recipe_key, r.as_of
    FROM recommendations r JOIN catalogue c USING (movie_id) WHERE r.user_id = 42 ORDER BY r.rank
"""
FACTS = {"movies", "imdb_titles", "movie_persons", "persons", "drops", "ratings"}


def movies(**titles: str) -> dict[str, str]:
    rows = [f"{number.removeprefix('m')},{title},Drama\n" for number, title in titles.items()]
    return {"movies.csv": "movieId,title,genres\n" + "".join(rows), "ratings.csv": RATINGS}


def titles(conn: Connection) -> list[tuple]:
    return [
        tuple(row)
        for row in conn.execute(
            "SELECT movie_id, title FROM catalogue ORDER BY movie_id"
        ).fetchall()
    ]


@pytest.fixture
def landing(settings: Settings, conn: Connection) -> Landing:
    return Landing(Path(settings.drops), conn)


def test_a_movie_is_there_as_soon_as_its_drop_is_in(landing: Landing) -> None:
    landing.bring(DAY, movies(m1="Toy Story (1995)"))
    assert titles(landing.conn) == [(1, "Toy Story (1995)")]
    landing.bring(NEXT, movies(m1="Toy Story Again (1995)", m2="Heat (1995)"))
    assert titles(landing.conn) == [(1, "Toy Story Again (1995)"), (2, "Heat (1995)")]


def test_the_catalogue_says_what_it_said_when_it_was_computed_on_each_read(
    conn: Connection, settings: Settings
) -> None:
    """The newest drop's word on each, whatever the order of arrival; people of the newest cast,
    under their newest names.
    """
    conn.execute(
        "INSERT INTO drops (source, drop_date, revision, sha256, files, admitted_for) SELECT "
        "'imdb', day, rev, 'x', '[]', day "
        "FROM (VALUES (date '2020-01-13', 1), ('2020-01-06', 1), ('2020-01-13', 2)) AS d (day, rev)"
    )
    conn.execute(
        "INSERT INTO movies VALUES (1, 1, 'New', 1999, '{Drama}'), (1, 2, 'Old', 1998, '{}'), (2, "
        "2, 'Alone', NULL, '{}')"
    )
    conn.execute(
        "INSERT INTO imdb_titles VALUES (1, 2, 7, 'movie', 'x', 1998, 90, '{}', 7.5, 10), "
        "(1, 3, 8, 'movie', 'x', 1, 91, '{}', 8, 11)"
    )
    conn.execute(
        "INSERT INTO persons VALUES (5, 2, 'Ann'), (5, 3, 'Anna'), (6, 1, 'Ben'), (7, 1, 'Cy')"
    )
    conn.execute(
        "INSERT INTO movie_persons VALUES (1, 2, 'actor', 1, 7), (1, 3, 'actor', 2, 6), "
        "(1, 3, 'actor', 1, 5), (1, 3, 'director', 1, 6)"
    )
    steps.refresh_views(settings)
    rows = conn.execute("SELECT * FROM catalogue ORDER BY movie_id").fetchall()
    assert [tuple(row) for row in rows] == [
        (1, "New", 1999, ["Drama"], 8, 91, 8.0, 11, ["Ben"], ["Anna", "Ben"], None),
        (2, "Alone", None, [], None, None, None, None, None, None, None),
    ]


def test_a_withdrawal_shows_at_once(landing: Landing, settings: Settings) -> None:
    landing.bring(DAY, movies(m1="Toy Story (1995)", m2="Heat (1995)"))
    withdraw_movie(settings, 2, "rights")
    withdrawn = "SELECT movie_id FROM catalogue WHERE withdrawn_at IS NOT NULL"
    assert landing.rows(withdrawn) == [(2,)]


def test_an_erasure_leaves_the_catalogue_fresh(landing: Landing, settings: Settings) -> None:
    landing.bring(DAY, movies(m1="Toy Story (1995)"))
    landing.conn.execute("UPDATE movies SET title = 'Renamed'")
    erase_user(settings, 1)
    assert titles(landing.conn) == [(1, "Renamed")]


def test_readers_see_the_columns_that_they_saw_each_with_a_comment(
    conn: Connection, postgres: Postgres
) -> None:
    with psycopg.connect(postgres.url(conn.info.dbname, "recsys_reader")) as reader:
        cursor = reader.execute("SELECT * FROM catalogue")
        assert [column.name for column in cursor.description or ()] == COLUMNS
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("SELECT FROM mv_catalogue")
    bare = conn.execute(
        "SELECT attrelid::regclass, attname FROM pg_attribute "
        "WHERE attrelid IN ('catalogue'::regclass, 'recommendations'::regclass) "
        "AND attnum > 0 AND col_description(attrelid, attnum) IS NULL"
    ).fetchall()
    assert bare == []


# ---------------------------------------------------------------- how it is found


@pytest.fixture
def large(conn: Connection) -> Connection:
    """Twenty thousand movies with people, and a live list of user 42 among a thousand others'."""
    conn.execute(
        "INSERT INTO drops (source, drop_date, revision, sha256, files, admitted_for) VALUES "
        "('movielens', %s, 1, 'x', '[]', %s)",
        [DAY, DAY],
    )
    conn.execute(
        "INSERT INTO movies SELECT n, 1, 'Movie ' || n, 1990, '{Drama}' FROM "
        "generate_series(1, 20000) n"
    )
    conn.execute("INSERT INTO persons SELECT n, 1, 'Person ' || n FROM generate_series(1, 5000) n")
    conn.execute(
        "INSERT INTO movie_persons SELECT n, 1, 'actor', 1, n % 5000 + 1 FROM "
        "generate_series(1, 20000) n"
    )
    conn.execute(
        "INSERT INTO weeks (as_of, watermark, params, resolved_late) VALUES (%s, 1, '{}', false)",
        [DAY],
    )
    conn.execute(
        "INSERT INTO publications (publication_key, as_of, watermark, params, recipe_key, "
        "model_version, n_users, "
        "n_rows, n_fallback, rows_sha256) VALUES ('k', %s, 1, '{}', 'als', '1', 1000, 10000, 0, "
        "'x')",
        [DAY],
    )
    go_live(
        conn,
        {
            "publication_id": 1,
            "cause": "published",
            "reason": None,
            "requested_by": None,
            "run_id": "",
        },
    )
    conn.execute("CREATE TABLE published_lists_1 PARTITION OF published_lists FOR VALUES IN (1)")
    conn.execute(
        "INSERT INTO published_lists SELECT 1, u, array_agg(u * 10 + r), array_agg(1::real), 10 "
        "FROM generate_series(1, 1000) u, generate_series(1, 10) r GROUP BY u"
    )
    conn.execute("REFRESH MATERIALIZED VIEW mv_catalogue")
    conn.execute("ANALYZE")
    return conn


def nodes(plan: dict) -> list[dict]:
    return [plan, *(node for child in plan.get("Plans", ()) for node in nodes(child))]


@pytest.mark.parametrize("query", ["SELECT * FROM catalogue WHERE movie_id = 7", FIRST_QUERY])
def test_a_movie_is_found_by_its_key_and_no_fact_is_read(
    large: Connection, query: LiteralString
) -> None:
    ((explained,),) = large.execute("EXPLAIN (FORMAT JSON) " + query).fetchall()
    plan = nodes((json.loads(explained) if isinstance(explained, str) else explained)[0]["Plan"])
    read = {node["Relation Name"]: node["Node Type"] for node in plan if "Relation Name" in node}
    assert read["mv_catalogue"] == "Index Scan"
    assert not FACTS & set(read)


def test_a_reader_never_waits_for_a_refresh(
    large: Connection, settings: Settings, postgres: Postgres
) -> None:
    """A reader polls while all is made again: it waits for no lock, and sees each movie with its
    old title or its new one.
    """
    seen, stop = [], threading.Event()

    def poll() -> None:
        with psycopg.connect(
            postgres.url(large.info.dbname, "recsys_reader"), autocommit=True
        ) as reader:
            reader.execute("SET lock_timeout = '50ms'")
            while not stop.is_set():
                seen.extend(
                    reader.execute("SELECT title FROM catalogue WHERE movie_id = 7").fetchall()
                )

    with ThreadPoolExecutor() as pool:
        reader = pool.submit(poll)
        for title in ("Second", "Third"):
            large.execute("UPDATE movies SET title = %s", [title])
            steps.refresh_views(settings)
        stop.set()
        reader.result()  # raises what the reader met
    assert len(seen) > 10
    assert set(seen) <= {("Movie 7",), ("Second",), ("Third",)}
