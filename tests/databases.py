"""Databases of a test server, made as sql/bootstrap.sql makes `recsys`."""

import psycopg
from psycopg import sql

from stack.postgres import SUPERUSER, Postgres


def create_database(postgres: Postgres, name: str, *, template: str) -> None:
    """As `recsys` is in sql/bootstrap.sql: owned by the pipeline's role, open to the reader's,
    closed to all others.
    """
    database = sql.Identifier(name)
    owner = sql.Identifier("recsys_pipeline")
    statement = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} STRATEGY file_copy")
    execute(postgres, statement.format(database, owner, sql.Identifier(template)))
    execute(postgres, sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
    grant = "GRANT CONNECT ON DATABASE {} TO recsys_reader, recsys_api, recsys_operator"
    execute(postgres, sql.SQL(grant).format(database))


def execute(postgres: Postgres, statement: sql.Composed) -> None:
    """One statement as superuser, outside any transaction."""
    with psycopg.connect(postgres.url("postgres", SUPERUSER), autocommit=True) as conn:
        conn.execute(statement)
