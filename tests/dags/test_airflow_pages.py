"""The pages inside Airflow: who gets in, and what they import."""

import asyncio
import os
import subprocess
import sys
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from recsys.settings import Settings
from stack.postgres import Postgres
from tests.airflow_home import ROOT
from tests.serving.pages_routes import routes_of_pages

#: What FastAPI adds to an application, unless it is turned off.
ADDED = ("docs", "redoc", "openapi.json")


@pytest.fixture
def airflow(postgres: Postgres, database_url: str, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    """Airflow's own application, with its plugins, over a migrated and empty database of ours."""
    database = database_url.rsplit("/", 1)[1]
    monkeypatch.setenv("RECSYS_API_DATABASE_URL", postgres.url(database, "recsys_api"))
    monkeypatch.setenv("AIRFLOW_CONN_RECSYS_DB", database_url)
    monkeypatch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "s" * 64)
    from airflow import settings
    from airflow.api_fastapi.app import create_app, purge_cached_app
    from airflow.models.revoked_token import RevokedToken

    from recsys_airflow import pages

    # the one table of Airflow's own that a login is checked against
    RevokedToken.__table__.create(settings.engine, checkfirst=True)
    purge_cached_app()
    monkeypatch.setitem(pages.FASTAPI_APP, "app", pages.MountedPages())
    return create_app(apps="core")


def token(role: str) -> str:
    """A login of Airflow's simple auth manager, without its password."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    return get_auth_manager().generate_jwt(SimpleAuthManagerUser(username="ada", role=role))


def answers(
    airflow: FastAPI, requests: list[tuple[str, str]], **options: Any
) -> list[httpx.Response]:
    from recsys_airflow.pages import FASTAPI_APP

    async def talk() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=airflow)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://airflow", **options
        ) as client:
            answers = [await client.request(method, path) for method, path in requests]
        await FASTAPI_APP["app"].close()
        return answers

    return asyncio.run(talk())


def mounted() -> list[tuple[str, str]]:
    """Every route and file of the pages, where Airflow has them."""
    from recsys.serving.database import Database
    from recsys.serving.pages.app import pages_app
    from recsys_airflow.pages import AirflowAccess

    app = pages_app(Database("postgresql://nobody@127.0.0.1:1/none"), AirflowAccess())
    return [(method, f"/recsys{path}") for method, path in routes_of_pages(app)]


def test_nobody_opens_any_route_or_file(airflow: FastAPI) -> None:
    requests = mounted()
    assert len(requests) > 6
    assert ("GET", "/recsys/static/style.css") in requests
    added = [("GET", f"/recsys/{name}") for name in (*ADDED, "nowhere")]
    for request, answer in zip(
        [*requests, *added], answers(airflow, [*requests, *added]), strict=True
    ):
        assert answer.status_code in (401, 403), request


def test_airflows_user_opens_the_pages_under_its_prefix(airflow: FastAPI) -> None:
    login = {"_token": token("viewer")}
    home, style, *added = answers(
        airflow,
        [("GET", f"/recsys/{path}") for path in ("", "static/style.css", "nowhere", *ADDED)],
        cookies=login,
    )
    assert home.status_code == 200
    assert "Nothing is published yet" in home.text
    assert 'href="./static/style.css"' in home.text
    assert "ada" in home.text
    assert style.status_code == 200
    assert {answer.status_code for answer in added} == {404}


def test_a_token_that_airflow_did_not_make_opens_nothing(airflow: FastAPI) -> None:
    (answer,) = answers(airflow, [("GET", "/recsys/")], cookies={"_token": "a.b.c"})
    assert answer.status_code in (401, 403)


@pytest.mark.parametrize(("role", "operates"), [("viewer", False), ("admin", True)])
def test_airflows_roles_say_who_operates(airflow: FastAPI, role: str, *, operates: bool) -> None:
    (home,) = answers(airflow, [("GET", "/recsys/")], cookies={"_token": token(role)})
    assert ("Operations" in home.text) is operates


def test_the_navigation_has_the_pages(airflow: FastAPI) -> None:
    from airflow.plugins_manager import get_plugin_info

    (plugin,) = [each for each in get_plugin_info() if each["name"] == "recsys"]
    (view,) = plugin["external_views"]
    assert view["href"] == "recsys/"
    assert view["nav_top_level"]


def test_pages_import_nothing_of_the_models(settings: Settings) -> None:
    assert settings.api_database_url
    url = settings.api_database_url.get_secret_value()
    done = subprocess.run(
        [sys.executable, "-m", "tests.serving.opened_pages", url],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
