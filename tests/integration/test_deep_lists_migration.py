"""Lists that were published as rows become arrays: readers see the same, and so does the ledger."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import LiteralString

import pytest
from psycopg import sql
from pydantic import SecretStr

from recsys.db.connect import Connection, connect
from recsys.db.migrate import migrate
from recsys.db.queries import SQL
from recsys.promotion.partitions import count_rows
from recsys.settings import Settings
from stack.postgres import Postgres
from tests.databases import create_database, execute

BEFORE: LiteralString = """
    INSERT INTO weeks (as_of, watermark, params, resolved_late)
    VALUES ('2020-01-06', 1, '{}', false);
    INSERT INTO publications (publication_key, as_of, watermark, params, recipe_key, model_version,
                              n_users, n_rows, n_fallback, rows_sha256, is_live, dropped_at)
    SELECT n, '2020-01-06', 1, '{"top_n": 3}', 'als', '1', 40, 119, 60, 'old', n = 3,
           CASE WHEN n = 4 THEN now() END
    FROM generate_series(1, 4) n;
    CREATE TABLE batch_recommendations_1 PARTITION OF batch_recommendations FOR VALUES IN (1);
    CREATE TABLE batch_recommendations_2 PARTITION OF batch_recommendations FOR VALUES IN (2);
    CREATE TABLE batch_recommendations_3 PARTITION OF batch_recommendations FOR VALUES IN (3);
    CREATE TABLE batch_recommendations_4 (LIKE batch_recommendations);
    INSERT INTO batch_recommendations
    SELECT p, u, r, 100 * p + 10 * u - r, 1.0 / r,
           CASE WHEN u % 4 < r THEN 'fallback' ELSE 'model' END,
           CASE WHEN p = 2 THEN 'champion' END
    FROM generate_series(1, 3) p, generate_series(1, 40) u, generate_series(3, 1, -1) r
    WHERE (u, r) <> (7, 3);
    INSERT INTO publication_erasures (publication_id, n_rows, rows_sha256)
    VALUES (1, 3, 'first'), (1, 3, 'newest');
    INSERT INTO live_history (publication_id, as_of, cause) VALUES (3, '2020-01-06', 'published');
    CREATE OR REPLACE FUNCTION newest_change_of_live() RETURNS bigint
    LANGUAGE sql STABLE RETURN 1::bigint;
    INSERT INTO candidates VALUES ('k', 0, 1, 1, 1);
    INSERT INTO scored_shards VALUES ('k', 0, 1, 1);
"""
ROWS: LiteralString = """
    SELECT publication_id, user_id, rank, movie_id, score, source, arm
    FROM batch_recommendations ORDER BY 1, 2, 3"""
SHOWN: LiteralString = "SELECT * FROM recommendations ORDER BY user_id, rank"


def rows(conn: Connection, query: LiteralString) -> list[tuple]:
    return [tuple(row) for row in conn.execute(query)]


@pytest.fixture
def old(postgres: Postgres, tmp_path: Path) -> Iterator[Connection]:
    """A database of the first numbered file alone, with lists as rows, and its views."""
    folder = tmp_path / "sql"
    shutil.copytree(SQL, folder)
    for path in (folder / "schema").glob("*.sql"):
        if path.name > "001_baseline.sql":
            path.unlink()
    shutil.rmtree(folder / "views")
    (folder / "views").mkdir()
    (folder / "views" / "07_recommendations.sql").write_text(
        "CREATE VIEW recommendations AS SELECT publication_id, user_id, rank, movie_id, score, "
        "source, arm FROM batch_recommendations WHERE publication_id = 3;"
    )
    create_database(postgres, "old_lists", template="template1")
    with connect(Settings(database_url=SecretStr(postgres.url("old_lists")))) as conn:
        migrate(conn, folder)
        conn.execute(BEFORE)
        yield conn
    execute(postgres, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier("old_lists")))


def test_lists_that_were_rows_are_read_as_before(old: Connection) -> None:
    before, shown = rows(old, ROWS), rows(old, SHOWN)
    assert migrate(old)[0] == "002_deep_lists.sql"
    assert rows(old, ROWS) == before
    query: LiteralString = (
        "SELECT publication_id, user_id, rank, movie_id, score, source, arm FROM recommendations "
        "ORDER BY user_id, rank"
    )
    assert rows(old, query) == shown
    left = "SELECT relname FROM pg_class WHERE relname ~ '^batch_rec' AND relkind IN ('r', 'p')"
    assert rows(old, left) == []
    assert rows(old, "SELECT * FROM candidates") == rows(old, "SELECT * FROM scored_shards") == []


def test_the_ledger_has_digests_of_the_rows_as_they_are_now(old: Connection) -> None:
    migrate(old)
    now = {each: count_rows(old, each)["rows_sha256"] for each in (1, 2, 3)}
    assert len(set(now.values())) == 3
    query = "SELECT publication_id, rows_sha256 FROM publications ORDER BY 1"
    # of the first, rows were erased: what was published can't be computed anew
    assert rows(old, query) == [(1, "old"), (2, now[2]), (3, now[3]), (4, "old")]
    query = "SELECT rows_sha256 FROM publication_erasures ORDER BY erasure_id"
    assert rows(old, query) == [("first",), (now[1],)]
    assert rows(old, "SELECT DISTINCT params FROM publications") == [({"top_n": 3, "depth": 3},)]
