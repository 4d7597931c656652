"""A publication goes live in the middle of a reader's planning: the reader has a whole list, of the
one publication or of the other.

The planner reads which partitions there are, then waits for a lock on one that the test holds; what
it reads after that is newer. Only what it reads first may decide what is live.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from recsys.db.connect import Connection, connect
from recsys.db.queries import queries
from recsys.serving.filters import ListQuery
from recsys.settings import Settings
from stack.postgres import Postgres

COPY = """
CREATE TABLE next_lists (LIKE published_lists INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
INSERT INTO next_lists (publication_id, user_id, movie_ids, scores, n_model, arm, reason_kind,
                        cited, contributions)
SELECT 2, user_id, movie_ids, scores, n_model, arm, reason_kind, cited, contributions
FROM published_lists WHERE publication_id = 1;
ALTER TABLE next_lists ADD PRIMARY KEY (publication_id, user_id);
ALTER TABLE next_lists RENAME TO published_lists_2;
"""

PUBLISH = """
INSERT INTO publications OVERRIDING SYSTEM VALUE
SELECT (jsonb_populate_record(p, '{"publication_id": 2, "publication_key": "two",
                                   "is_live": false}')).*
FROM publications p WHERE publication_id = 1;
ALTER TABLE published_lists ATTACH PARTITION published_lists_2 FOR VALUES IN (2);
INSERT INTO live_history (publication_id, as_of, cause)
SELECT 2, as_of, 'published' FROM publications WHERE publication_id = 1;
"""

READER_LIST = "SELECT movie_id, publication_id FROM recommendations WHERE user_id = %(user_id)s"
OF_THE_API = {
    "user_ids": [0],
    "explain": False,
    "is_fresh": False,
    **ListQuery().params,
}
OF_THE_CHAMPION = {
    "as_of": None,
    "user_id": 0,
    "movie_ids": [],
    "genres": [],
    "excluded_genres": [],
    "year_from": None,
    "year_to": None,
    "excluded_ids": [],
    "is_filtered": False,
}


@pytest.fixture
def user_id(conn: Connection) -> int:
    (row,) = conn.execute("SELECT min(user_id) AS id FROM recommendations").fetchall()
    return row.id


@contextmanager
def locked(settings: Settings) -> Iterator[None]:
    """Hold the partition of the first publication, so that whoever plans waits for it."""
    with connect(settings) as holder, holder.transaction():
        holder.execute("LOCK TABLE published_lists_1 IN ACCESS EXCLUSIVE MODE")
        yield


def read_while_published(
    settings: Settings, reader: psycopg.Connection, query: str, params: dict[str, Any]
) -> list[tuple[Any, ...]]:
    """Return the rows of a query that was being planned while publication 2 went live."""
    with connect(settings) as publisher, ThreadPoolExecutor(1) as others:
        publisher.execute(COPY)
        with locked(settings):
            reading = others.submit(lambda: reader.execute(query.encode(), params).fetchall())
            wait_for_a_waiter(publisher, reader.info.backend_pid)
            with publisher.transaction():
                publisher.execute(PUBLISH)
                publisher.execute(
                    "DO $$ BEGIN EXECUTE (SELECT format('CREATE OR REPLACE FUNCTION "
                    "newest_change_of_live() RETURNS bigint LANGUAGE sql STABLE RETURN %s::bigint',"
                    " max(seq)) FROM live_history); END $$"
                )
        return reading.result(30)


def wait_for_a_waiter(conn: Connection, pid: int) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        (row,) = conn.execute("SELECT cardinality(pg_blocking_pids(%s)) AS n", [pid]).fetchall()
        if row.n:
            return
        time.sleep(0.01)
    raise AssertionError("the reader never waited for the partition")


def test_the_view_of_readers(settings: Settings, postgres: Postgres, user_id: int) -> None:
    database = settings.database_url.get_secret_value().rsplit("/", 1)[1]
    with psycopg.connect(postgres.url(database, "recsys_reader"), autocommit=True) as reader:
        rows = read_while_published(settings, reader, READER_LIST, {"user_id": user_id})
        assert len(rows) == 10
        assert {publication for _, publication in rows} == {1}
        assert {row[1] for row in reader.execute(READER_LIST, {"user_id": user_id})} == {2}


def test_the_list_of_the_api(settings: Settings, user_id: int) -> None:
    assert settings.api_database_url
    params = {**OF_THE_API, "user_ids": [user_id]}
    query = queries("serving_lists")["lists"]
    with psycopg.connect(settings.api_database_url.get_secret_value(), autocommit=True) as reader:
        (row,) = read_while_published(settings, reader, query, params)
        assert (row[1], b'"known" : true' in row[-1]) == (1, True)


def test_whose_arm_the_champion_is_asked_for(
    settings: Settings, conn: Connection, user_id: int
) -> None:
    assert settings.api_database_url
    conn.execute("UPDATE published_lists SET arm = 'challenger'")
    conn.execute("UPDATE publications SET experiment = 'one'")
    query = queries("serving_champion")["champion"]
    params = {**OF_THE_CHAMPION, "user_id": user_id}
    with psycopg.connect(settings.api_database_url.get_secret_value(), autocommit=True) as reader:
        (row,) = read_while_published(settings, reader, query, params)
        assert (row[0], "challenger" in row) == (1, True)
