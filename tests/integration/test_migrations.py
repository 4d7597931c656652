"""A database that holds data follows the schema's files: tables go forward, edited views take the
place of the old ones, and readers notice nothing.
"""

import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from recsys.db import views
from recsys.db.connect import Connection, Lock, advisory_lock, connect
from recsys.db.migrate import check_schema, migrate
from recsys.db.queries import SQL
from recsys.db.schema_files import numbered_files
from recsys.errors import LedgerError
from recsys.settings import Settings
from stack.postgres import Postgres
from stack.schema import schema_text
from tests.databases import create_database, execute

NUMBERED = [(file.name,) for file in numbered_files(SQL)]
FILLED: LiteralString = """
    INSERT INTO drops (source, drop_date, revision, sha256, files, admitted_for)
    VALUES ('movielens', '2020-01-06', 1, 'x', '[]', '2020-01-06');
    INSERT INTO movies SELECT n, 1, 'Movie ' || n || ' (1990)', 1990, '{Drama}'
    FROM generate_series(1, 100) n;
    INSERT INTO ratings VALUES (1, 1, '2020-01-01', 1, 5), (1, 1, '2020-01-02', 1, 4);
    INSERT INTO rerated VALUES (1, 1);
    INSERT INTO withdrawals (movie_id, reason) VALUES (7, 'rights');
    INSERT INTO weeks (as_of, watermark, params, resolved_late)
    VALUES ('2020-01-06', 1, '{}', false);
    INSERT INTO publications (publication_key, as_of, watermark, params, recipe_key, model_version,
                              n_users, n_rows, n_fallback, rows_sha256, is_live)
    VALUES ('k', '2020-01-06', 1, '{"top_n": 10}', 'als', '1', 10, 100, 0, 'x', true);
    CREATE TABLE published_lists_1 PARTITION OF published_lists FOR VALUES IN (1);
    INSERT INTO published_lists
    SELECT 1, u, array_agg(r), array_agg(1::real), 10
    FROM generate_series(1, 10) u, generate_series(1, 10) r
    GROUP BY u;
    INSERT INTO live_history (publication_id, as_of, cause) VALUES (1, '2020-01-06', 'published');
    CREATE OR REPLACE FUNCTION newest_change_of_live() RETURNS bigint
    LANGUAGE sql STABLE RETURN 1::bigint;
    REFRESH MATERIALIZED VIEW mv_movies;
    REFRESH MATERIALIZED VIEW mv_rerated;
    REFRESH MATERIALIZED VIEW mv_catalogue;
"""
ADDED_COLUMN = "ALTER TABLE movies ADD COLUMN language text NOT NULL DEFAULT 'en';\n"
BUILDING: LiteralString = (
    "SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
)
#: As publishing does: a table of its own, attached, and the change told to plans at once.
GOES_LIVE: LiteralString = """
    BEGIN;
    INSERT INTO publications (publication_key, as_of, watermark, params, recipe_key, model_version,
                              n_users, n_rows, n_fallback, rows_sha256)
    VALUES ('l', '2020-01-06', 1, '{"top_n": 10}', 'als', '2', 10, 110, 0, 'y');
    CREATE TABLE published_lists_2 (LIKE published_lists INCLUDING CONSTRAINTS);
    INSERT INTO published_lists_2
    SELECT 2, u, array_agg(r), array_agg(1::real), 10
    FROM generate_series(1, 11) u, generate_series(1, 10) r
    GROUP BY u;
    ALTER TABLE published_lists ATTACH PARTITION published_lists_2 FOR VALUES IN (2);
    UPDATE publications SET is_live = false WHERE publication_id = 1;
    UPDATE publications SET is_live = true WHERE publication_id = 2;
    INSERT INTO live_history (publication_id, as_of, cause) VALUES (2, '2020-01-06', 'published');
    CREATE OR REPLACE FUNCTION newest_change_of_live() RETURNS bigint
    LANGUAGE sql STABLE RETURN 2::bigint;
    COMMIT;
"""
LISTS: LiteralString = "SELECT count(movie_id), sum(rank) FROM recommendations"
MOVIES: LiteralString = "SELECT count(title), count(withdrawn_at) FROM catalogue"


@dataclass
class Code:
    """A copy of the project's SQL, to be edited; `conn` is of a database filled by the original."""

    sql: Path
    conn: Connection

    def add(self, name: str, text: str) -> None:
        (self.sql / "schema" / name).write_text(text)

    def edit(self, name: str, **replaced: str) -> None:
        """Replace text in a view file: `old` by `new`, wherever it stands."""
        path = self.sql / "views" / name
        text = path.read_text()
        assert replaced["old"] in text
        path.write_text(text.replace(replaced["old"], replaced["new"]))

    def add_language(self, slow: str = "") -> None:
        """A numbered file adds a column to the movies, and the catalogue shows it."""
        self.add("902_language.sql", ADDED_COLUMN)
        self.edit(
            "06_catalogue.sql", old="title, year, genres\n", new="title, year, genres, language\n"
        )
        self.edit("06_catalogue.sql", old="m.genres, i.", new="m.genres, m.language, i.")
        self.edit("06_catalogue.sql", old="c.genres, c.", new="c.genres, c.language, c.")
        self.edit("06_catalogue.sql", old="FROM movie m\n", new=f"FROM movie m {slow}\n")

    def migrate(self) -> list[str]:
        """What was applied, without the API's views, which depend on most of the others."""
        applied = migrate(self.conn, self.sql)
        return [name for name in applied if not name.startswith("api/")]

    def rows(self, query: LiteralString) -> list[tuple]:
        return [tuple(row) for row in self.conn.execute(query).fetchall()]


@pytest.fixture
def code(tmp_path: Path, conn: Connection) -> Code:
    shutil.copytree(SQL, tmp_path / "sql")
    conn.execute(FILLED)
    return Code(tmp_path / "sql", conn)


@dataclass
class Poll:
    """What a reader got by asking again and again, and how long the slowest answer took."""

    answers: set[tuple] = field(default_factory=set)
    errors: list[Exception] = field(default_factory=list)
    slowest: float = 0.0
    n: int = 0


@pytest.fixture
def reader(postgres: Postgres, database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(reader_url(postgres, database_url), autocommit=True) as connection:
        yield connection


@pytest.fixture
def poll(reader: psycopg.Connection) -> Iterator[Poll]:
    """A reader who polls the lists and the catalogue, as recsys_reader, until the test ends."""
    result, stop = Poll(), threading.Event()

    def ask() -> None:
        while not stop.is_set():
            began = time.monotonic()
            try:
                for query in (LISTS, MOVIES):
                    result.answers.add(reader.execute(query).fetchall()[0])
            except Exception as error:  # noqa: BLE001 - the test shows it
                result.errors.append(error)
                return
            result.slowest = max(result.slowest, time.monotonic() - began)
            result.n += 1

    thread = threading.Thread(target=ask)
    thread.start()
    while result.n < 10 and thread.is_alive():
        time.sleep(0.01)
    yield result
    stop.set()
    thread.join()


def reader_url(postgres: Postgres, database_url: str) -> str:
    return postgres.url(database_url.rpartition("/")[2], "recsys_reader")


def let_poll(poll: Poll) -> None:
    """Wait until the reader has asked some more; raise what it met."""
    aim = poll.n + 10
    while poll.n < aim and not poll.errors:
        time.sleep(0.01)
    assert poll.errors == []


# ---------------------------------------------------------------- a filled database goes forward


def test_a_new_column_reaches_a_filled_database_while_readers_poll(code: Code, poll: Poll) -> None:
    code.add_language(slow="CROSS JOIN (SELECT pg_sleep(2)) AS slow")
    began = time.monotonic()
    assert code.migrate()[:2] == ["902_language.sql", "06_catalogue.sql"]
    assert time.monotonic() - began > 2
    let_poll(poll)
    assert poll.answers == {(100, 550), (100, 1)}
    assert poll.slowest < 1  # and not the two seconds in which the view was filled
    assert code.rows("SELECT DISTINCT language FROM catalogue") == [("en",)]
    assert code.rows("SELECT count(*) FROM movies") == [(100,)]
    assert code.migrate() == []


@pytest.fixture
def new_database(postgres: Postgres) -> Iterator[str]:
    name = "never_migrated"
    create_database(postgres, name, template="template1")
    yield name
    execute(postgres, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def test_a_database_that_went_forward_is_as_a_new_one(
    code: Code, postgres: Postgres, database_url: str, new_database: str
) -> None:
    """Columns, indexes, comments and grants, as pg_dump writes them."""
    code.add_language()
    code.edit("03_withdrawn.sql", old="withdrawn_at, reason", new="withdrawn_at, requested_by")
    code.edit("staging/01_published_values.sql", old="1870", new="1880")
    code.migrate()
    code.conn.execute("DROP TABLE published_lists_1")
    code.conn.execute(
        "CREATE OR REPLACE FUNCTION newest_change_of_live() RETURNS bigint "
        "LANGUAGE sql STABLE RETURN 0::bigint"
    )
    with connect(Settings(database_url=SecretStr(postgres.url(new_database)))) as conn:
        migrate(conn, code.sql)
    went_forward = schema_text(postgres, database_url.rpartition("/")[2])
    assert went_forward.splitlines() == schema_text(postgres, new_database).splitlines()


def test_a_numbered_file_may_drop_a_view_that_is_in_its_way(code: Code, poll: Poll) -> None:
    """The view comes back in the same transaction, though its own file was not edited."""
    code.add(
        "902_no_reason.sql",
        "DROP VIEW catalogue, withdrawn CASCADE; ALTER TABLE withdrawals DROP COLUMN reason;",
    )
    code.edit("03_withdrawn.sql", old="withdrawn_at, reason", new="withdrawn_at")
    code.conn.execute("GRANT SELECT ON catalogue TO mlflow")
    assert code.migrate()[:3] == ["902_no_reason.sql", "03_withdrawn.sql", "06_catalogue.sql"]
    let_poll(poll)
    assert poll.answers == {(100, 550), (100, 1)}
    assert code.rows("SELECT has_table_privilege('mlflow', 'catalogue', 'SELECT')") == [(True,)]


def test_numbered_files_are_applied_once_and_in_order(code: Code) -> None:
    code.add("903_second.sql", "ALTER TABLE first RENAME TO second;")
    code.add("902_first.sql", "CREATE TABLE first (number integer);")
    assert code.migrate() == ["902_first.sql", "903_second.sql"]
    code.add("902_first.sql", "SELECT 1 / 0;")  # applied already: its text is history
    assert code.migrate() == []


def test_what_fails_leaves_everything_as_it_was(code: Code, poll: Poll) -> None:
    code.add_language()
    code.edit("08_lineage.sql", old="COMMENT ON VIEW lineage", new="COMMENT ON VIEW line_age")
    with pytest.raises(psycopg.errors.UndefinedTable, match="line_age"):
        code.migrate()
    let_poll(poll)
    assert code.rows("SELECT name FROM migrations ORDER BY name") == NUMBERED
    assert code.rows("SELECT to_regnamespace('incoming')::text") == [(None,)]
    check_schema(code.conn)  # is still the original's


# ---------------------------------------------------------------- views and functions


def test_an_edited_function_is_the_one_that_is_called(code: Code) -> None:
    code.edit("staging/01_published_values.sql", old="BETWEEN 1870 AND", new="BETWEEN 1880 AND")
    assert code.migrate() == ["staging/01_published_values.sql"]
    assert code.rows("SELECT staging.film_year(1875), staging.title_year('A (1875)')") == [
        (None, None)
    ]


def test_an_edited_function_may_have_other_columns(code: Code) -> None:
    columns = "movie_id bigint, {} timestamptz)\nLANGUAGE"
    code.edit("04_ratings.sql", old=columns.format("rated_at"), new=columns.format("at"))
    assert code.migrate() == ["04_ratings.sql", "09_training.sql"]
    assert code.rows("SELECT count(at) FROM visible_versions('2020-01-06', 1)") == [(2,)]
    assert code.rows("SELECT count(*) FROM mv_rerated") == [(2,)]


def test_what_depends_on_an_edited_view_is_made_again(code: Code, poll: Poll) -> None:
    """And nothing else: the view of the lists stays the one that it was."""
    lists = code.rows("SELECT 'recommendations'::regclass::oid")
    code.edit(
        "03_withdrawn.sql", old="movie_id, withdrawn_at", new="movie_id, now() AS withdrawn_at"
    )
    assert code.migrate()[:2] == ["03_withdrawn.sql", "06_catalogue.sql"]
    let_poll(poll)
    assert code.rows("SELECT count(*) FROM catalogue WHERE withdrawn_at = now()") == [(1,)]
    assert code.rows("SELECT 'recommendations'::regclass::oid") == lists
    assert code.rows("SELECT obj_description('catalogue'::regclass) IS NOT NULL") == [(True,)]


def test_what_is_live_survives_an_edit_of_the_view_that_shows_it(code: Code, poll: Poll) -> None:
    """The number that plans know is no view's text: it is the newest change of what is live."""
    code.edit("07_recommendations.sql", old="b.score, b.source", new="b.source, b.score")
    assert code.migrate() == ["07_recommendations.sql"]
    let_poll(poll)
    assert poll.answers == {(100, 550), (100, 1)}
    assert code.rows("SELECT newest_change_of_live()") == [(1,)]


def test_a_file_that_was_removed_takes_its_views_along(code: Code) -> None:
    extra = code.sql / "views" / "99_extra.sql"
    extra.write_text("CREATE VIEW extra AS SELECT 1 AS one;")
    assert code.migrate() == ["99_extra.sql"]
    extra.unlink()
    assert code.migrate() == []
    assert code.rows("SELECT to_regclass('extra')::text") == [(None,)]
    assert code.migrate() == []
    check_schema(code.conn, code.sql)


def test_a_view_may_move_to_another_file(code: Code) -> None:
    folder = code.sql / "views"
    (folder / "07_recommendations.sql").rename(folder / "09_lists.sql")
    assert code.migrate() == ["09_lists.sql"]
    assert code.rows(LISTS) == [(100, 550)]


def test_grants_by_hand_stay_and_a_file_that_grants_no_more_takes_its_grant_back(
    code: Code, reader: psycopg.Connection
) -> None:
    code.conn.execute("GRANT SELECT ON recommendations TO mlflow WITH GRANT OPTION")
    code.conn.execute("GRANT SELECT (rank, arm) ON recommendations TO airflow")
    code.edit("07_recommendations.sql", old="GRANT SELECT ON", new="-- GRANT SELECT ON")
    code.edit("07_recommendations.sql", old="       b.arm\n", new="       b.arm AS part\n")
    code.edit("07_recommendations.sql", old="recommendations.arm", new="recommendations.part")
    code.migrate()
    assert code.rows(
        "SELECT has_table_privilege('mlflow', oid, 'SELECT WITH GRANT OPTION') AS all, "
        "has_column_privilege('airflow', oid, 'rank', 'SELECT') AS rank, "
        "has_column_privilege('airflow', oid, 'part', 'SELECT') AS part "
        "FROM pg_class WHERE oid = 'recommendations'::regclass"
    ) == [(True, True, False)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        reader.execute(LISTS)


def test_a_reader_whose_snapshot_is_older_sees_a_whole_catalogue(
    code: Code, reader: psycopg.Connection
) -> None:
    code.add_language()
    reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    with reader.transaction():
        reader.execute("SELECT 1 FROM recommendations LIMIT 1")
        code.migrate()
        assert reader.execute(MOVIES).fetchall() == [(100, 1)]


# ---------------------------------------------------------------- what is refused


def test_a_database_from_before_the_baseline_is_refused(code: Code) -> None:
    """And left as it is."""
    code.conn.execute("TRUNCATE migrations")
    code.conn.execute(
        "INSERT INTO migrations (name) VALUES ('001_ledger_of_drops.sql'), ('002_facts.sql'), "
        "('003_staging.sql'), ('mv_movies.sql')"
    )
    code.conn.execute("DROP TABLE applied_objects, applied_views")
    for refuse in (migrate, check_schema):
        with pytest.raises(
            LedgerError,
            match=r"found 001_ledger_of_drops.sql, 002_facts.sql, 003_staging.sql and 1 more in "
            r"its table migrations, expected 001_baseline.sql; make a new database",
        ):
            refuse(code.conn)
    assert code.rows("SELECT to_regclass('applied_views')::text") == [(None,)]


def test_check_schema_says_what_differs(code: Code) -> None:
    check_schema(code.conn, code.sql)
    code.edit("08_lineage.sql", old="p.run_id, ", new="")
    with pytest.raises(LedgerError, match=r"08_lineage.sql under sql/views differ from what was"):
        check_schema(code.conn, code.sql)
    code.add("902_language.sql", ADDED_COLUMN)
    with pytest.raises(LedgerError, match=r"schema lacks 902_language.sql; run: python -m recsys"):
        check_schema(code.conn, code.sql)
    code.migrate()
    check_schema(code.conn, code.sql)


def test_a_view_that_is_gone_is_missed_and_made_again(code: Code) -> None:
    code.conn.execute("DROP VIEW lineage CASCADE")
    with pytest.raises(LedgerError, match=r"08_lineage.sql.* under sql/views"):
        check_schema(code.conn)
    assert migrate(code.conn)[0] == "08_lineage.sql"
    check_schema(code.conn)


def test_code_that_is_older_than_the_database_leaves_its_views_alone(code: Code) -> None:
    code.add_language()
    code.migrate()
    check_schema(code.conn)
    assert migrate(code.conn) == []
    assert code.rows("SELECT count(language) FROM catalogue") == [(100,)]


def test_a_view_of_somebody_else_is_never_dropped(code: Code) -> None:
    code.conn.execute("CREATE VIEW theirs AS SELECT title FROM catalogue")
    code.add_language()
    with pytest.raises(LedgerError, match=r"no part of recsys .* view theirs depends on view cat"):
        code.migrate()
    assert code.rows("SELECT count(*) FROM theirs") == [(100,)]
    assert code.rows("SELECT name FROM migrations ORDER BY name") == NUMBERED


def test_a_view_file_that_makes_a_table_is_refused(code: Code) -> None:
    """It would be lost, or in the way, when the file is applied again."""
    code.edit("08_lineage.sql", old="COMMENT ON", new="CREATE TABLE notes (note text); COMMENT ON")
    with pytest.raises(LedgerError, match=r"no view and no function: found table incoming\.notes"):
        code.migrate()
    check_schema(code.conn)


# ---------------------------------------------------------------- who else works on the database


def test_facts_that_come_in_meanwhile_are_in_the_new_view(
    code: Code, database_url: str, settings: Settings
) -> None:
    """Who has merged facts refreshes the views next, and would refresh the old one."""
    code.edit("06_catalogue.sql", old="m.title, m.year", new="upper(m.title) AS title, m.year")
    with ThreadPoolExecutor(1) as pool, connect(settings) as ingest:
        with advisory_lock(ingest, Lock.VIEWS):
            migration = pool.submit(code.migrate)
            ingest.execute("INSERT INTO movies VALUES (200, 1, 'Heat (1995)', 1995, '{}')")
            time.sleep(0.5)
            assert not migration.done()
            ingest.execute("REFRESH MATERIALIZED VIEW CONCURRENTLY mv_catalogue")
        assert migration.result(timeout=20)[0] == "06_catalogue.sql"
    assert code.rows("SELECT title FROM catalogue WHERE movie_id = 200") == [("HEAT (1995)",)]


def test_a_publication_may_go_live_meanwhile(
    code: Code, settings: Settings, reader: psycopg.Connection, poll: Poll
) -> None:
    code.add_language(slow="CROSS JOIN (SELECT pg_sleep(1)) AS slow")
    code.edit("07_recommendations.sql", old="b.score, b.source", new="b.source, b.score")
    with ThreadPoolExecutor(1) as pool, connect(settings) as publisher:
        migration = pool.submit(code.migrate)
        while not migration.done() and publisher.execute(BUILDING).fetchall() == []:
            time.sleep(0.01)
        publisher.execute(GOES_LIVE)
        assert not migration.done()
        migration.result(timeout=20)
    let_poll(poll)
    assert poll.answers == {(100, 550), (110, 605), (100, 1)}
    assert code.rows("SELECT newest_change_of_live()") == [(2,)]
    assert reader.execute(LISTS).fetchall() == [(110, 605)]


@pytest.fixture
def holder(database_url: str) -> Iterator[psycopg.Connection]:
    """Somebody in the middle of a transaction that has read the catalogue."""
    with psycopg.connect(database_url) as connection:
        connection.execute(MOVIES)
        yield connection


def test_readers_go_on_while_a_long_transaction_holds_a_view(
    code: Code, holder: psycopg.Connection, poll: Poll, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They wait half a second at most for each attempt; then it says who holds the view."""
    monkeypatch.setattr(views, "ATTEMPTS", 3)
    code.add_language()
    pid = holder.info.backend_pid
    with pytest.raises(LedgerError, match=rf"in use by session .*\b{pid}\b.*; expected a moment"):
        code.migrate()
    let_poll(poll)
    assert poll.slowest < 1
    holder.rollback()
    assert code.migrate()[:2] == ["902_language.sql", "06_catalogue.sql"]


def test_a_view_is_replaced_once_the_transaction_that_holds_it_ends(
    code: Code, holder: psycopg.Connection, poll: Poll
) -> None:
    code.add_language()
    end = threading.Timer(1.5, holder.rollback)
    end.start()
    assert code.migrate()[:2] == ["902_language.sql", "06_catalogue.sql"]
    end.join()
    let_poll(poll)
    assert poll.answers == {(100, 550), (100, 1)}
