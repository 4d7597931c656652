"""`python -m bench.serving.loop < load`: the statement of the API's list, asked of Postgres by
nothing but asyncpg: what no server in front can be faster than.

RECSYS_API_DATABASE_URL says where.
"""

import os
import sys

import asyncpg
import uvloop

from bench.serving.driving import drive
from bench.serving.load import Load, Measured, Request
from bench.serving.statement import arguments_of, text
from recsys.serving.database import SESSION


async def main(url: str, load: Load) -> Measured:
    """Return what the load measured, one connection for each request under way."""
    query = text()
    async with asyncpg.create_pool(
        url, min_size=load.connections, max_size=load.connections, server_settings=SESSION
    ) as pool:

        async def ask(request: Request, _: Measured) -> int:
            answer = await pool.fetchval(query, *arguments_of(request.user_id, request.n))
            return 200 if answer else 404

        return await drive(load, ask)


if __name__ == "__main__":
    load = Load.from_json(sys.stdin.read())
    print(uvloop.run(main(os.environ["RECSYS_API_DATABASE_URL"], load)).to_json())
