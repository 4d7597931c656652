"""`python -m bench.serving.generator URL < load`: puts a load on an HTTP server, and prints what it
measured.
"""

import sys
import time

import aiohttp
import uvloop

from bench.serving.driving import drive
from bench.serving.load import Answer, Load, Measured, Request

TIMEOUT = aiohttp.ClientTimeout(total=30)


async def main(url: str, load: Load) -> Measured:
    """Return what the load measured on the server at the address."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(url, connector=connector, timeout=TIMEOUT) as session:
        return await drive(load, lambda request, measured: ask(session, load, request, measured))


async def ask(
    session: aiohttp.ClientSession, load: Load, request: Request, measured: Measured
) -> int | str:
    """Send a request and read the answer whole; return its status, or the error's name."""
    began = time.time()
    try:
        async with session.request(
            request.method, request.path, headers=request.headers, json=request.body
        ) as response:
            body = await response.read()
            if load.keeps_answers and response.status == 200:
                kept = Answer(began, request.user_id, response.status, await response.json())
                measured.answers.append(kept)
            del body
            return response.status
    except (aiohttp.ClientError, TimeoutError) as error:
        return type(error).__name__


if __name__ == "__main__":
    print(uvloop.run(main(sys.argv[1], Load.from_json(sys.stdin.read()))).to_json())
