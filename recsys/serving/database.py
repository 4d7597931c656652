"""Postgres as the API asks it: one pool a process, and the named queries of `sql/queries`.

Every statement is prepared once a connection and planned once: a plan costs as much as the query.
Nothing is left behind on a connection, so that no second round trip resets it.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Self, TypeVar

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from recsys.db.queries import queries
from recsys.errors import RecsysError
from recsys.settings import Settings

__all__ = ["Database", "Statement", "statement"]

Row = TypeVar("Row")
Value = TypeVar("Value")

#: Connections of one process. One worker keeps no more than a few busy at a time.
MOST_CONNECTIONS = 8
#: Seconds after which a reader is answered that the database is away.
PATIENCE = 10.0

#: What the API's session relies on. A plan for all parameters is made once: a plan for each list of
#: filters took 3 ms, the query itself less than 1.
SESSION = {
    "application_name": "recsys api",
    "search_path": "public",
    "timezone": "UTC",
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
    "statement_timeout": str(int(PATIENCE * 1000)),
}

_PARAMETER = re.compile(r"%\((?P<name>\w+)\)s|%%")


@dataclass(frozen=True)
class Statement:
    """A query with numbered parameters, and their names in that order."""

    text: str
    names: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Self:
        """Number the parameters `%(x)s` of a query by where each comes first."""
        names = tuple(dict.fromkeys(re.findall(r"%\((\w+)\)s", text)))

        def numbered(match: re.Match[str]) -> str:
            name = match["name"]
            return "%" if name is None else f"${names.index(name) + 1}"

        return cls(_PARAMETER.sub(numbered, text), names)

    def arguments(self, params: dict[str, object]) -> list[object]:
        """Return the parameters in their order. Raises RecsysError where they are others."""
        if params.keys() != set(self.names):
            raise RecsysError(
                f"a query takes other parameters: found {', '.join(sorted(params))}; "
                f"expected {', '.join(sorted(self.names))}; the query is {self.text[:80]!r}"
            )
        return [params[name] for name in self.names]


@cache
def statement(topic: str, name: str) -> Statement:
    """Return a named query of `sql/queries/<topic>.sql`."""
    return Statement.of(queries(topic)[name])


class Database:
    """A pool of connections, opened by `async with`. Without Postgres it opens too: then each
    question raises what asyncpg raises, until Postgres is back.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._pool: asyncpg.Pool | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the database as the API's own role. Raises RecsysError without its address."""
        if settings.api_database_url is None:
            raise RecsysError(
                "the API has no database: RECSYS_API_DATABASE_URL is empty; expected "
                "postgresql://recsys_api:password@host:port/database"
            )
        return cls(settings.api_database_url.get_secret_value())

    async def __aenter__(self) -> Self:
        self._pool = await asyncpg.create_pool(
            self.url,
            min_size=0,
            max_size=MOST_CONNECTIONS,
            max_queries=1 << 31,  # a new connection has to plan everything anew
            command_timeout=PATIENCE,
            timeout=PATIENCE,
            reset=_leave,
            server_settings=SESSION,
        )
        return self

    async def __aexit__(self, *_error: object) -> None:
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[PoolConnectionProxy]:
        """Lend a connection, for several statements of one transaction."""
        if self._pool is None:
            raise RecsysError("the database is not open: expected `async with`")
        async with self._pool.acquire(timeout=PATIENCE) as connection:
            yield connection

    async def rows(self, kind: type[Row], topic: str, name: str, /, **params: object) -> list[Row]:
        """Return all rows of a named query as instances of a class whose fields are its columns."""
        query = statement(topic, name)
        arguments = query.arguments(params)
        async with self.connection() as connection:
            records = await connection.fetch(query.text, *arguments)
        return [kind(**record) for record in records]

    async def row(self, kind: type[Row], topic: str, name: str, /, **params: object) -> Row | None:
        """Return the first row of a named query, None where it has none."""
        query = statement(topic, name)
        arguments = query.arguments(params)
        async with self.connection() as connection:
            record = await connection.fetchrow(query.text, *arguments)
        return None if record is None else kind(**record)

    async def value(
        self, kind: type[Value], topic: str, name: str, /, **params: object
    ) -> Value | None:
        """Return the first column of the first row, None where there is none or it is NULL.

        Raises RecsysError where it is of another type.
        """
        query = statement(topic, name)
        arguments = query.arguments(params)
        async with self.connection() as connection:
            value: Any = await connection.fetchval(query.text, *arguments)
        if value is not None and not isinstance(value, kind):
            raise RecsysError(
                f"{topic}.{name} has a value of another type: found {type(value).__name__}, "
                f"expected {kind.__name__}"
            )
        return value


async def _leave(_connection: object) -> None:
    """Leave a connection as it is: no statement of ours changes its session."""
