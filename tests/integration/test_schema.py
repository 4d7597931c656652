"""The schema is the sum of its migrations; every named query fits it; each role may do what it
needs and nothing else.
"""

import re
from datetime import date
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from recsys.db.connect import Connection
from recsys.db.migrate import migrate
from recsys.db.queries import SQL, checks, queries, sql_file
from recsys.db.schema_files import numbered_files, view_files
from recsys.ingest import SOURCES, source_of
from stack.postgres import Postgres
from stack.schema import SCHEMA, schema_text

ROOT = SQL.parent
TOPICS = sorted(path.stem for path in (SQL / "queries").glob("*.sql"))
BLOCKS = [(topic, name) for topic in TOPICS for name in queries(topic)]
HEADER = re.compile(r"^-- name: (\w+)\(([\w,\s-]*)\)\s*$", re.MULTILINE)
PARAMETER = re.compile(r"%\((\w+)\)s")

#: A value for each parameter that is not an id or a count, as its Python caller gives it.
VALUES: dict[str, Any] = {
    "as_of": date(2020, 1, 6),
    "drop_date": date(2020, 1, 6),
    "admitted_for": date(2020, 1, 6),
    "files": Jsonb([]),
    "counts": Jsonb({}),
    "is_known": True,
    "params": Jsonb({}),
    "recipe": Jsonb({}),
    "comparisons": Jsonb([]),
    "incumbent_recipe": None,
    "sources": ["movielens"],
    "reasons": ["r"],
    "user_ids": [1],
    "off_offer": [1],
    "ndcg": [0.5],
    "source": "movielens",
    "sha256": "x",
    "state": "registered",
    "reason": "r",
    "population": "csv",
    "publication_key": "k",
    "recipe_key": "als",
    "run_id": "r",
    "model_version": "1",
    "fit_key": "f",
    "incumbent": None,
    "decision": "kept",
    "decision_json": Jsonb({}),
    "inputs": "x",
    "champion": Jsonb({}),
    "fallback": Jsonb({}),
    "proposal_id": None,
    "kind": "dated",
    "study": "s",
    "name": "als",
    "tuned_for": date(2020, 1, 6),
    "failure": None,
    "fingerprint": "f",
    "rows_sha256": "x",
    "resolved_late": False,
    "slice": "all",
    "metric": "ndcg",
    "cut": None,
    "weeks": None,
    "role": "director",
    "digest": b"x",
    "genres": ["Drama"],
    "excluded_genres": ["Drama"],
    "excluded_ids": [1],
    "fields": ["title"],
    "is_filtered": True,
    "is_fresh": False,
    "request": "r",
    "rated_ids": [1],
    "ratings": [4.0],
    "scores": [0.5],
    "cited": [1],
    "contributions": [0.5],
    "explain": True,
    "scope": "read",
    "created_by": "r",
    "note": "n",
    "step": "train_model",
    "since": date(2020, 1, 6),
    "arm": "all",
    "measure": "m",
    "drifted": None,
    "sketch": [1],
    "earlier": date(2020, 1, 6),
    "first_as_of": date(2020, 1, 6),
    "last_as_of": date(2020, 1, 6),
    "forced": False,
    "approval": None,
    "approved_by": None,
    "users_needed": None,
    "git_sha": "g",
    "gate": "g",
    "lead_gates": ["g"],
    "evidence_gate": "g",
    "passed": True,
    "sentence": "s",
    "is_shadow": False,
    "experiment": "e",
    "cause": "published",
    "requested_by": "r",
    "before": None,
    "part": "als",
    "until": None,
    "statement_timeout": "0",
    "started_by": None,
    "left_out": [1],
    "movie_ids": [1],
    "is_accepted": True,
    "q": "heat",
    "directors": ["Ann Lee"],
    "actors": ["Ann Lee"],
    "went_live_at": None,
    "offset": 0,
    "entries": Jsonb([]),
    "api_key_id": "1",
    "idempotency_key": None,
    "for_new_user": False,
    "names": ["08_lineage.sql"],
    "home": "staging",
    "statement": "GRANT SELECT ON lineage TO mlflow",
    "milliseconds": "500",
    "view_file": "08_lineage.sql",
}


def test_migrating_again_applies_nothing(conn: Connection) -> None:
    assert migrate(conn) == []
    applied = conn.execute("SELECT name FROM migrations UNION ALL SELECT name FROM applied_views")
    assert sorted(row.name for row in applied) == sorted(
        file.name for file in [*numbered_files(SQL), *view_files(SQL)]
    )


def test_the_schema_file_is_what_the_migrations_make(postgres: Postgres, template: str) -> None:
    assert SCHEMA.read_text().splitlines() == schema_text(postgres, template).splitlines(), (
        "sql/schema.sql is not the schema that sql/schema and sql/views make: run make schema"
    )


def test_every_view_and_function_is_of_a_view_file(conn: Connection) -> None:
    """So that it is made again when it is edited; but for one, whose text is not its file's."""
    present = conn.execute(
        "SELECT c.oid::regclass::text FROM pg_class c WHERE c.relkind IN ('v', 'm') "
        "AND c.relnamespace <> 'pg_catalog'::regnamespace "
        "AND c.relnamespace <> 'information_schema'::regnamespace "
        "UNION ALL SELECT p.oid::regprocedure::text FROM pg_proc p "
        "WHERE p.pronamespace <> 'pg_catalog'::regnamespace "
        "AND p.pronamespace <> 'information_schema'::regnamespace"
    ).fetchall()
    recorded = conn.execute(
        "SELECT CASE kind WHEN 'routine' THEN to_regprocedure(identity)::text "
        "ELSE to_regclass(identity)::text END FROM applied_objects"
    ).fetchall()
    assert {row[0] for row in present} - {row[0] for row in recorded} == {"newest_change_of_live()"}


def test_every_view_names_its_columns() -> None:
    """A star would show the columns of the day on which the view was made."""
    starred = [file.name for file in view_files(SQL) if re.search(r"(SELECT|\.)\s*\*", file.text)]
    assert starred == []


def test_every_view_has_the_index_that_a_concurrent_refresh_needs(conn: Connection) -> None:
    bare = conn.execute(
        "SELECT c.relname FROM pg_class c WHERE c.relkind = 'm' AND NOT EXISTS "
        "(SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indpred IS NULL "
        "AND i.indexprs IS NULL)"
    ).fetchall()
    assert bare == []


def test_every_view_is_refreshed(conn: Connection) -> None:
    views = {
        row.relname for row in conn.execute("SELECT relname FROM pg_class WHERE relkind = 'm'")
    }
    assert views == {text.split()[-1] for text in queries("views").values() if "REFRESH" in text}


def test_no_line_of_sql_is_over_100_columns() -> None:
    long = [
        f"{path.relative_to(SQL)}:{number}"
        for path in SQL.rglob("*.sql")
        if path != SCHEMA  # which pg_dump writes
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if len(line) > 100
    ]
    assert long == []


# ---------------------------------------------------------------- named queries


@pytest.mark.parametrize("topic", TOPICS)
def test_the_header_names_just_the_parameters_used(topic: str) -> None:
    headers = dict(HEADER.findall((SQL / "queries" / f"{topic}.sql").read_text()))
    assert set(headers) == set(queries(topic))
    for name, params in headers.items():
        by_format = set(re.findall(r"\{(\w+)\}", queries(topic)[name]))
        assert {*re.findall(r"\w+", params)} - by_format == set(
            PARAMETER.findall(queries(topic)[name])
        ), f"{topic}.{name}"


@pytest.mark.parametrize("topic", TOPICS)
def test_no_name_stands_twice_and_nothing_stands_before_the_first(topic: str) -> None:
    text = (SQL / "queries" / f"{topic}.sql").read_text()
    names = [name for name, _ in HEADER.findall(text)]
    assert len(names) == len(set(names))
    assert len(names) == text.count("-- name:")
    before = HEADER.split(text)[0]
    assert all(not line or line.startswith("--") for line in before.splitlines())


@pytest.mark.parametrize(("topic", "name"), BLOCKS)
def test_every_named_query_is_used(topic: str, name: str) -> None:
    tables = [table.name for source in map(source_of, SOURCES) for table in source.tables]
    if (
        topic in ("views", "equality")
        or (topic == "ingest" and name in {f"copy_{table}" for table in [*tables, "rejects"]})
        or (topic == "removal" and name.startswith("erase_"))
    ):
        return  # asked for by the name of a table, or all in a row
    sources = (
        path.read_text()
        for folder in ("recsys", "stack", "plugins")
        for path in (ROOT / folder).rglob("*.py")
    )
    assert any(f'"{name}"' in source for source in sources), (
        f"sql/queries/{topic}.sql: nothing asks for {name}"
    )


def test_every_named_query_can_be_planned(conn: Connection) -> None:
    faults = []
    for topic, name in BLOCKS:
        try:
            plan(conn, queries(topic)[name])
        except psycopg.Error as error:
            faults.append(f"sql/queries/{topic}.sql: {name}: {error}")
    assert faults == []


def plan(conn: Connection, text: str) -> None:
    """EXPLAIN a query; select what a COPY would fill; run what is neither. Partitions' DDL is left
    to publishing.
    """
    if re.search(r"^(CREATE|ALTER|DROP) TABLE", text, re.MULTILINE):
        return
    text = text.replace("{partition}", "published_lists").replace("{seq}", "0")
    params = {param: VALUES.get(param, 1) for param in PARAMETER.findall(text)}
    statement = re.sub(r"^(--.*\n|\s)+", "", text)
    copied = re.match(r"COPY ([\w.]+) \(([^)]*)\)\s+FROM STDIN", statement)
    if copied:
        conn.execute(f"SELECT {copied[2]} FROM {copied[1]}".encode())
    elif statement.split()[0] in ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE"):
        conn.execute(f"EXPLAIN {text}".encode(), params or None)
    else:
        conn.execute(text.encode(), params or None)


def test_every_check_answers_one_boolean(conn: Connection) -> None:
    for path in checks():
        answers = conn.execute(sql_file(f"checks/{path.name}")).fetchall()
        assert [tuple(row) for row in answers] == [(True,)], path.name


# ---------------------------------------------------------------- roles


def test_the_reader_may_read_the_recommendations_and_the_catalogue_and_nothing_else(
    conn: Connection,
) -> None:
    readable = conn.execute(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', "
        "'information_schema', 'pg_toast') "
        "AND (has_table_privilege('recsys_reader', c.oid, 'SELECT') "
        "OR has_any_column_privilege('recsys_reader', c.oid, 'SELECT'))"
    ).fetchall()
    assert {row.relname for row in readable} == {"recommendations", "catalogue"}


def test_the_reader_may_write_nothing(conn: Connection) -> None:
    writable = conn.execute(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', "
        "'information_schema', 'pg_toast') "
        "AND has_table_privilege('recsys_reader', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')"
    ).fetchall()
    assert writable == []
    schemas = conn.execute(
        "SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> "
        "'information_schema' "
        "AND has_schema_privilege('recsys_reader', oid, 'CREATE')"
    ).fetchall()
    assert schemas == []


def test_the_reader_does_read_what_it_may(conn: Connection, postgres: Postgres) -> None:
    with psycopg.connect(postgres.url(conn.info.dbname, "recsys_reader")) as reader:
        assert reader.execute("SELECT count(*) FROM recommendations, catalogue").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("SELECT FROM ratings")


def test_the_pipeline_is_no_superuser_and_owns_what_it_made(conn: Connection) -> None:
    role = conn.execute(
        "SELECT rolname, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls "
        "FROM pg_roles WHERE rolname = current_user"
    ).fetchall()
    assert role == [("recsys_pipeline", False, False, False, False, False)]
    assert conn.execute("SHOW timezone").fetchone() == ("UTC",)
