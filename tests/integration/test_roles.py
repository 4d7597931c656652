"""Who may do what: the roles that sql/bootstrap.sql makes on a real server."""

from typing import Any, LiteralString

import psycopg
import pytest

from stack.postgres import PASSWORD_VARIABLES, SUPERUSER, Postgres

OWNERS = {"recsys": "recsys_pipeline", "airflow": "airflow", "mlflow": "mlflow"}
ROLES = tuple(PASSWORD_VARIABLES)
OPEN_TO = ("recsys_reader", "recsys_api", "recsys_operator")  # of `recsys`, beside its owner


def ask(
    postgres: Postgres, query: LiteralString, database: str = "recsys", role: str = SUPERUSER
) -> list[tuple[Any, ...]]:
    with psycopg.connect(postgres.url(database, role)) as conn:
        return conn.execute(query).fetchall()


def test_no_role_of_the_project_is_privileged(postgres: Postgres) -> None:
    query = (
        "SELECT rolname, rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR "
        "rolbypassrls, rolcanlogin FROM pg_roles"
    )
    attributes = {row[0]: row[1:] for row in ask(postgres, query)}
    assert {role: attributes[role] for role in ROLES} == dict.fromkeys(ROLES, (False, True))


def test_each_database_has_its_owner(postgres: Postgres) -> None:
    owners: dict[str, str] = dict(
        ask(postgres, "SELECT datname, pg_get_userbyid(datdba)::text FROM pg_database")
    )
    assert {name: owners[name] for name in OWNERS} == OWNERS


@pytest.mark.parametrize("role", ROLES)
def test_who_may_connect_where(postgres: Postgres, role: str) -> None:
    expected = {name for name, owner in OWNERS.items() if owner == role} | (
        {"recsys"} if role in OPEN_TO else set()
    )
    allowed = set()
    for database in (*OWNERS, "postgres"):
        try:
            ask(postgres, "SELECT 1", database, role)
            allowed.add(database)
        except psycopg.OperationalError as error:
            assert "permission denied for database" in str(error)  # noqa: PT017 - some may
    assert allowed == expected


@pytest.mark.parametrize("role", ROLES)
def test_every_role_speaks_utc(postgres: Postgres, role: str) -> None:
    database = next((name for name, owner in OWNERS.items() if owner == role), "recsys")
    assert ask(postgres, "SHOW timezone", database, role) == [("UTC",)]


def test_reader_creates_nothing(postgres: Postgres) -> None:
    statements: tuple[LiteralString, ...] = (
        "CREATE TABLE mine (a int)",
        "CREATE TEMP TABLE mine (a int)",
        "CREATE SCHEMA mine",
    )
    for statement in statements:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ask(postgres, statement, "recsys", "recsys_reader")


def test_a_wrong_or_missing_password_is_refused(postgres: Postgres) -> None:
    for password in ("", "wrong"):
        url = f"postgresql://recsys_pipeline:{password}@127.0.0.1:{postgres.port}/recsys"
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(url, passfile="/nonexistent")


def test_bootstrap_again_changes_nothing_and_logs_no_password(postgres: Postgres) -> None:
    before = (
        ask(postgres, "SELECT oid, rolname FROM pg_roles ORDER BY 1"),
        ask(postgres, "SELECT oid, datname FROM pg_database ORDER BY 1"),
    )
    postgres.start()
    assert before == (
        ask(postgres, "SELECT oid, rolname FROM pg_roles ORDER BY 1"),
        ask(postgres, "SELECT oid, datname FROM pg_database ORDER BY 1"),
    )
    log = postgres.log.read_text()
    assert not [role for role, password in postgres.record["passwords"].items() if password in log]


def test_a_failing_bootstrap_logs_no_password(postgres: Postgres) -> None:
    """psql stops at a statement that fails; what it sent stays out of the server's log."""
    from stack.errors import StackError
    from stack.postgres import BOOTSTRAP

    secrets = {variable: f"not-in-the-log-{role}" for role, variable in PASSWORD_VARIABLES.items()}
    broken = BOOTSTRAP.read_text().replace(
        "ALTER ROLE airflow LOGIN", "ALTER ROLE nobody_here LOGIN"
    )
    script = postgres.state / "broken.sql"
    script.write_text(broken)
    try:
        with pytest.raises(StackError, match="nobody_here"):
            postgres.psql("--file", str(script), environment=secrets)
        assert "not-in-the-log" not in postgres.log.read_text()
    finally:
        postgres.start()  # the right passwords again


def test_what_the_operator_makes_is_the_pipelines(postgres: Postgres) -> None:
    query = "SELECT current_user::text, session_user::text"
    assert ask(postgres, query, "recsys", "recsys_operator") == [
        ("recsys_pipeline", "recsys_operator")
    ]


def test_the_api_is_no_member_of_any_role(postgres: Postgres) -> None:
    query = "SELECT count(*) FROM pg_auth_members WHERE member = 'recsys_api'::regrole"
    assert ask(postgres, query) == [(0,)]
