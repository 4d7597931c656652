"""Open every page in a process of its own, and say which libraries of the models were loaded.

python -m tests.serving.opened_pages DATABASE_URL
"""

import asyncio
import sys
from typing import Any

import httpx

from recsys.serving.database import Database
from recsys.serving.pages.access import Visitor
from recsys.serving.pages.app import pages_app
from tests.serving.pages_routes import routes_of_pages

#: What the api-server of an Airflow without models must not need.
MODELS = ("torch", "implicit", "mlflow", "scipy", "sklearn", "optuna", "sentence_transformers")


class Open:
    """Lets everybody in."""

    secret = b"a test"

    async def visitor(self, _request: Any) -> Visitor:
        return Visitor("ada", "a test", is_operator=True)

    async def refuse(self, _request: Any) -> Any:
        raise AssertionError

    async def is_operator(self, _request: Any, _visitor: Visitor) -> bool:
        return True


async def opened(url: str) -> dict[str, int]:
    """The status of each page."""
    app = pages_app(Database(url), Open(), opens_database=True)
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://pages") as client,
    ):
        paths = [path for method, path in routes_of_pages(app) if method == "GET"]
        return {path: (await client.get(path)).status_code for path in paths}


def main() -> str | int:
    """What is wrong, 0 where nothing is."""
    statuses = asyncio.run(opened(sys.argv[1]))
    failed = {path: status for path, status in statuses.items() if status not in (200, 404)}
    loaded = sorted(set(sys.modules) & set(MODELS))
    return f"{failed} {loaded}" if failed or loaded or len(statuses) < 10 else 0


if __name__ == "__main__":
    sys.exit(main())
