"""A session's settings are ours, whatever the environment, the role or the database say."""

import os
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from recsys.db.connect import Connection, connect
from recsys.errors import RecsysError, UnreachableError
from recsys.sentences import explain
from recsys.settings import Settings
from stack.postgres import SUPERUSER, Postgres
from tests.databases import execute
from tests.landing import Landing

#: What a careless administrator may have set, and what the code must see all the same.
SETTINGS = {
    "client_encoding": ("LATIN1", "UTF8"),
    "standard_conforming_strings": ("off", "on"),
    "bytea_output": ("escape", "hex"),
    "array_nulls": ("off", "on"),
    "timezone": ("Pacific/Auckland", "UTC"),
    "datestyle": ("SQL, DMY", "ISO, YMD"),
    "intervalstyle": ("iso_8601", "postgres"),
    "extra_float_digits": ("-3", "1"),
    "search_path": ("elsewhere", "public"),
    "row_security": ("off", "on"),
    "restrict_nonsystem_relation_kind": ("view", ""),
    "transform_null_equals": ("on", "off"),
    "default_transaction_isolation": ("serializable", "read committed"),
    "default_transaction_read_only": ("on", "off"),
    "default_transaction_deferrable": ("on", "off"),
    "exit_on_error": ("on", "off"),
    "lock_timeout": ("1ms", "0"),
    "idle_session_timeout": ("1s", "0"),
    "idle_in_transaction_session_timeout": ("1s", "0"),
    "transaction_timeout": ("30s", "0"),
    "statement_timeout": ("7ms", "0"),
}
MOVIES = 'movieId,title,genres\n1,"Cité perdue, La (1995)",Drama\n2,Żądło ⅓ – 東京 (1996),Comedy\n'
TITLES = {1: "Cité perdue, La (1995)", 2: "Żądło ⅓ – 東京 (1996)"}
RATINGS = "userId,movieId,rating,timestamp\n1,1,4.0,1000000000\n1,2,4.5,1000000001\n"
LINKS = "movieId,imdbId,tmdbId\n1,1,1\n2,2,2\n"
TAGS = "userId,movieId,tag,timestamp\n1,1,déjà vu,1000000000\n"
PLACES = ["environment", "role", "database"]


def name_of(url: str) -> str:
    return url.rsplit("/", 1)[-1]


def alter(postgres: Postgres, url: str, place: str, name: str, value: str) -> None:
    """A setting of the test's database, or of the pipeline's role in it."""
    database = sql.Identifier(name_of(url))
    statements = {
        "database": sql.SQL("ALTER DATABASE {} SET {} = {}"),
        "role": sql.SQL("ALTER ROLE recsys_pipeline IN DATABASE {} SET {} = {}"),
    }
    execute(postgres, statements[place].format(database, sql.SQL(name), sql.Literal(value)))  # pyright: ignore[reportArgumentType]


def shown(conn: Connection) -> dict[str, str]:
    return {name: conn.execute(f"SHOW {name}".encode()).fetchone()[0] for name in SETTINGS}


def settled(**ours: str) -> dict[str, str]:
    return {name: right for name, (_, right) in SETTINGS.items()} | ours


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(database_url=SecretStr(database_url))


@pytest.mark.parametrize("place", ["role", "database"])
def test_what_role_or_database_set_does_not_reach_a_session(
    postgres: Postgres, settings: Settings, place: str
) -> None:
    url = settings.database_url.get_secret_value()
    for name, (wrong, _) in SETTINGS.items():
        alter(postgres, url, place, name, wrong)
    with psycopg.connect(url, autocommit=True) as plain:
        # else nothing is tried here
        assert plain.execute("SHOW intervalstyle").fetchone() == ("iso_8601",)
    with connect(settings) as conn:
        assert shown(conn) == settled()
        with pytest.raises(psycopg.errors.DivisionByZero), conn.transaction():
            conn.execute("SELECT 1 / 0")
        assert shown(conn) == settled()  # no setting belonged to a transaction
    limited = settings.model_copy(update={"statement_timeout": timedelta(minutes=7)})
    with connect(limited) as conn:
        assert shown(conn) == settled(statement_timeout="7min")


def test_the_environment_does_not_reach_a_session(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    monkeypatch.setenv("PGTZ", "Pacific/Auckland")
    monkeypatch.setenv("PGDATESTYLE", "SQL, DMY")
    options = {name: wrong for name, (wrong, _) in SETTINGS.items() if " " not in wrong}
    monkeypatch.setenv(
        "PGOPTIONS", " ".join(f"-c {name}={wrong}" for name, wrong in options.items())
    )
    with connect(settings) as conn:
        assert shown(conn) == settled()


def test_an_encoding_of_the_environment_that_is_none_is_ignored(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", "no-such-encoding")
    with connect(settings) as conn:
        assert shown(conn)["client_encoding"] == "UTF8"


@pytest.mark.parametrize("encoding", ["LATIN1", "WIN1252", "SQL_ASCII", "EUC_JP"])
@pytest.mark.parametrize("place", PLACES)
def test_text_is_taken_in_and_read_as_it_was_published(
    postgres: Postgres,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    encoding: str,
) -> None:
    if place == "environment":
        monkeypatch.setenv("PGCLIENTENCODING", encoding)
    else:
        alter(
            postgres, settings.database_url.get_secret_value(), place, "client_encoding", encoding
        )
    files = {"movies.csv": MOVIES, "ratings.csv": RATINGS, "links.csv": LINKS, "tags.csv": TAGS}
    with connect(settings) as conn:
        got = Landing(tmp_path, conn).bring(date(2020, 1, 6), files)
        assert not sum(got.rejected.values())
        assert {
            row.movie_id: row.title for row in conn.execute("SELECT movie_id, title FROM movies")
        } == TITLES
    monkeypatch.setenv("PGCLIENTENCODING", "UTF8")
    with psycopg.connect(settings.database_url.get_secret_value(), client_encoding="UTF8") as plain:
        assert dict(plain.execute("SELECT movie_id, title FROM movies").fetchall()) == TITLES
        assert plain.execute("SELECT tag FROM tags").fetchone() == ("déjà vu",)


@pytest.fixture(params=["LATIN1", "SQL_ASCII"])
def encoded(postgres: Postgres, request: pytest.FixtureRequest) -> Iterator[tuple[str, Settings]]:
    """A database of another encoding, and settings that point at it."""
    name = f"encoded_{request.param.lower()}"
    statement = sql.SQL(
        "CREATE DATABASE {} OWNER recsys_pipeline ENCODING {} LOCALE_PROVIDER libc "
        "LOCALE 'C' TEMPLATE template0"
    )
    execute(postgres, statement.format(sql.Identifier(name), sql.Literal(request.param)))
    yield request.param, Settings(database_url=SecretStr(postgres.url(name)))
    execute(postgres, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def test_a_database_that_cannot_hold_every_title_is_refused(encoded: tuple[str, Settings]) -> None:
    encoding, settings = encoded
    with (
        pytest.raises(
            RecsysError, match=f"the database is encoded in {encoding}; expected UTF8"
        ) as raised,
        connect(settings),
    ):
        pass
    assert not explain(raised.value).retry


def test_a_session_holds_on_to_an_idle_connection(settings: Settings) -> None:
    with connect(settings) as conn:
        options = {option.keyword: option.val for option in conn.pgconn.info}
    assert (
        options[b"keepalives_idle"],
        options[b"keepalives_interval"],
        options[b"keepalives_count"],
    ) == (b"60", b"10", b"6")
    url = SecretStr(
        settings.database_url.get_secret_value() + "?keepalives_idle=5&application_name=mine"
    )
    with connect(settings.model_copy(update={"database_url": url})) as conn:
        options = {option.keyword: option.val for option in conn.pgconn.info}
    assert options[b"keepalives_idle"] == b"5", "what the URL says of them holds"


def test_a_connection_that_is_cut_in_the_middle_is_reported_as_that(
    postgres: Postgres, settings: Settings
) -> None:
    with pytest.raises(psycopg.OperationalError) as raised, connect(settings) as conn:
        with psycopg.connect(postgres.url("postgres", SUPERUSER), autocommit=True) as administrator:
            administrator.execute("SELECT pg_terminate_backend(%s)", [conn.info.backend_pid])
        conn.execute("SELECT 1")
    explanation = explain(raised.value)
    assert (
        "lost in the middle" in explanation.sentence and not explanation.hint and explanation.retry
    )


def test_a_refused_login_is_reported_without_its_password(
    postgres: Postgres, settings: Settings
) -> None:
    url = settings.database_url.get_secret_value().replace(
        postgres.record["passwords"]["recsys_pipeline"], "wr0ng"
    )
    os.environ.pop("PGPASSFILE", None)
    with (
        pytest.raises(UnreachableError) as raised,
        connect(settings.model_copy(update={"database_url": SecretStr(url)})),
    ):
        pass
    explanation = explain(raised.value)
    assert (
        "password authentication failed" in explanation.sentence
        and "wr0ng" not in explanation.sentence
        and "make demo" in explanation.hint
    )
