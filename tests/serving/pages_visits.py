"""Visits to the pages: signing in, and what a page says."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import httpx

from recsys.db.connect import Connection
from recsys.settings import Settings
from tests.serving.conftest import client_of

Talk = Callable[[httpx.AsyncClient], Any]


def visit(settings: Settings, key: str, talk: Talk) -> Any:
    """Sign in with a key, and have a talk with the pages."""

    async def visited() -> Any:
        async with client_of(settings) as client:
            signed_in = await client.post("/sign-in", data={"key": key})
            assert signed_in.status_code == 303, signed_in.text
            return await talk(client)

    return asyncio.run(visited())


def page(settings: Settings, key: str, path: str, **options: Any) -> httpx.Response:
    async def opened(client: httpx.AsyncClient) -> httpx.Response:
        return await client.get(path, **options)

    return visit(settings, key, opened)


def text_of(response: httpx.Response) -> str:
    """What a page says, without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", response.text))


def send(settings: Settings, key: str, path: str, form: dict[str, Any], at: str) -> httpx.Response:
    """Open a page, and send a form with its token."""

    async def sent(client: httpx.AsyncClient) -> httpx.Response:
        opened = await client.get(at)
        token = re.search(r'name="csrf" value="(\w+)"', opened.text)
        return await client.post(path, data={"csrf": token[1] if token else "", **form})

    return visit(settings, key, sent)


def value(conn: Connection, query: str, *params: Any) -> Any:
    row = conn.execute(query.encode(), params).fetchone()
    return row[0] if row else None
