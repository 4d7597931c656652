"""A published week, once a session; each test has a copy of it, an API of its own, and a key of
each scope.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from psycopg import sql
from pydantic import SecretStr

from recsys.db.connect import Connection, connect
from recsys.drops.replay import replay
from recsys.promotion.contest import Contest
from recsys.promotion.gates import EXAM_GATES
from recsys.promotion.verdict import Answer
from recsys.serving.app import create_app
from recsys.serving.key_ledger import NewKey, create_key
from recsys.settings import Settings
from stack.datasets.imdb import generate_imdb
from stack.datasets.movielens import generate_movielens
from stack.postgres import Postgres
from tests.databases import create_database, execute
from tests.steps import run_week

_numbers = count(1)


class World(NamedTuple):
    """A published week: its database, its MLflow store and its drops. Nothing is to change it."""

    database: str
    folder: Path
    as_of: date


@pytest.fixture(scope="session")
def world(
    postgres: Postgres,
    template: str,
    empty_mlflow_store: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    """One week of 80 users and 150 movies, published by als: popularity, which so few users are not
    enough to beat, answers any history alike.
    """
    folder = tmp_path_factory.mktemp("serving")
    generate_movielens(folder / "movielens", users=80, movies=150, ratings=4_000, seed=7)
    generate_imdb(folder / "imdb", folder / "movielens", seed=7)
    shutil.copy(empty_mlflow_store, folder / "mlflow.db")
    create_database(postgres, "serving_world", template=template)
    settings = settings_of(postgres, "serving_world", folder)
    days = replay(folder / "movielens", settings.drops, weeks=2, imdb=folder / "imdb")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("_MLFLOW_SERVER_ARTIFACT_ROOT", str(folder / "mlflow-artifacts"))
        for gate in EXAM_GATES:
            patch.setitem(EXAM_GATES, gate, passes_all_but_popularity)
        run_week(settings, as_of=days[-2])
    yield World("serving_world", folder, days[-2])
    drop_database(postgres, "serving_world")


def passes_all_but_popularity(contest: Contest, challenger: str) -> Answer:
    return Answer(challenger != contest.popularity, None, None, "It is a test's.")


def settings_of(postgres: Postgres, database: str, folder: Path) -> Settings:
    return Settings(
        database_url=SecretStr(postgres.url(database)),
        api_database_url=SecretStr(postgres.url(database, "recsys_api")),
        operator_database_url=SecretStr(postgres.url(database, "recsys_operator")),
        drops=str(folder / "drops"),
        mlflow_tracking_uri=f"sqlite:///{folder}/mlflow.db",
        title_model="/nonexistent/title-model",
        threads=1,
        bootstrap_resamples=200,
        api_models=str(folder / "champions"),
        recipes=("popularity", "als"),
    )


def drop_database(postgres: Postgres, name: str) -> None:
    execute(postgres, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def settings(
    postgres: Postgres, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    """Settings of a copy of the published week."""
    name = f"serving_{next(_numbers)}"
    shutil.copy(world.folder / "mlflow.db", tmp_path / "mlflow.db")
    shutil.copytree(world.folder / "drops", tmp_path / "drops")
    monkeypatch.setenv("_MLFLOW_SERVER_ARTIFACT_ROOT", str(tmp_path / "mlflow-artifacts"))
    create_database(postgres, name, template=world.database)
    yield settings_of(postgres, name, tmp_path)
    drop_database(postgres, name)


@pytest.fixture
def conn(settings: Settings) -> Iterator[Connection]:
    """The pipeline's connection to it."""
    with connect(settings) as connection:
        yield connection


class Keys(NamedTuple):
    """A key of each scope."""

    read: str
    predict: str
    write: str
    admin: str


@pytest.fixture
def keys(conn: Connection) -> Keys:
    return Keys(*(new_key(conn, scope) for scope in Keys._fields))


def new_key(conn: Connection, scope: str = "read", **options: int | None) -> str:
    return create_key(conn, NewKey(scope=scope, created_by="a test", **options))  # pyright: ignore[reportArgumentType]


@asynccontextmanager
async def client_of(settings: Settings, key: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the whole application, in this process; it sends a key with each request."""
    app = create_app(settings)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers) as client,
    ):
        yield client


class Api:
    """Requests to the application from a test that is no coroutine, each with its own loop."""

    def __init__(self, settings: Settings, key: str | None) -> None:
        self.settings = settings
        self.key = key

    def get(self, path: str, *, key: str | None = None, **options: object) -> httpx.Response:
        return self.request("GET", path, key=key, **options)

    def post(self, path: str, *, key: str | None = None, **options: object) -> httpx.Response:
        return self.request("POST", path, key=key, **options)

    def request(
        self, method: str, path: str, *, key: str | None = None, **options: object
    ) -> httpx.Response:
        (answer,) = self.many([(method, path, options)], key=key)
        return answer

    def many(
        self, requests: list[tuple[str, str, dict[str, Any]]], *, key: str | None = None
    ) -> list[httpx.Response]:
        """Ask one application several things, one after another."""

        async def answers() -> list[httpx.Response]:
            async with client_of(self.settings, self.key if key is None else key) as client:
                return [await client.request(*request[:2], **request[2]) for request in requests]

        return asyncio.run(answers())


@pytest.fixture
def api(settings: Settings, keys: Keys) -> Api:
    """The API, asked with a read key unless a request has its own; "" is none."""
    return Api(settings, keys.read)


@pytest.fixture(scope="session")
def still_keys(postgres: Postgres, world: World) -> Iterator[tuple[Settings, Keys]]:
    create_database(postgres, "serving_still", template=world.database)
    settings = settings_of(postgres, "serving_still", world.folder)
    with connect(settings) as conn:
        yield settings, Keys(*(new_key(conn, scope) for scope in Keys._fields))
    drop_database(postgres, "serving_still")


@pytest.fixture
def still_api(still_keys: tuple[Settings, Keys]) -> Api:
    """An API that all tests share, of requests that change nothing: a copy of the world takes each
    test a second. It is asked with a predict key.
    """
    settings, keys = still_keys
    return Api(settings, keys.predict)
