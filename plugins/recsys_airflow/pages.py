"""The recommender's pages inside Airflow: under /recsys/, behind Airflow's login and by its roles.

Airflow guards none of a plugin's applications. These are guarded as a whole, so that no route or
file of theirs answers nobody. They are made at the first request: the plugin is loaded by every
process of Airflow, and only the api-server needs them.
"""

import asyncio
import hashlib
import hmac
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastapi import FastAPI, Request
    from httpx import AsyncClient
    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

    from recsys.serving.pages.access import Visitor

__all__ = ["EXTERNAL_VIEW", "FASTAPI_APP", "AirflowAccess", "MountedPages"]

PREFIX = "/recsys"
#: Who may start a run of this DAG may do what the page of operations offers.
OPERATORS_DAG = "rollback_publication"
#: Of a request's scope: the application that the pages are mounted in.
AIRFLOW_APP = "recsys.airflow_app"
#: The headers that Airflow knows a person by.
LOGIN = ("authorization", "cookie")


class AirflowAccess:
    """Airflow's login and roles."""

    def __init__(self) -> None:
        from airflow.configuration import conf

        key = conf.get_mandatory_value("api", "secret_key")
        self.secret = hmac.new(key.encode(), b"recsys pages", hashlib.sha256).digest()

    async def visitor(self, request: "Request") -> "Visitor":
        """Return Airflow's user. Raises HTTPException: 401 for nobody, 403 without the right to see
        Airflow's own pages.
        """
        from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
        from airflow.api_fastapi.core_api.security import requires_access_view

        from recsys.serving.pages.access import Visitor

        user = await self._user(request)
        requires_access_view(AccessView.WEBSITE)(request, user)
        return Visitor(
            name=user.get_name(),
            session=f"airflow {user.get_id()}",
            is_operator=may_operate(user),
        )

    async def _user(self, request: "Request") -> Any:
        from airflow.api_fastapi.core_api.security import bearer_scheme, get_user

        return await get_user(request, None, await bearer_scheme(request))

    async def refuse(self, _request: "Request") -> "Response":
        """Answer nobody; `visitor` raises before."""
        from starlette.responses import PlainTextResponse

        return PlainTextResponse("Not authenticated", 401)

    async def is_operator(self, request: "Request", _visitor: "Visitor") -> bool:
        """Ask again whether the person may operate."""
        return may_operate(await self._user(request))


def may_operate(user: Any) -> bool:
    """Return whether a user of Airflow may roll a publication back."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.models.resource_details import (
        DagAccessEntity,
        DagDetails,
    )

    return get_auth_manager().is_authorized_dag(
        method="POST",
        access_entity=DagAccessEntity.RUN,
        details=DagDetails(id=OPERATORS_DAG),
        user=user,
    )


class OwnAirflow:
    """The REST API of the Airflow that the pages are in, asked in this process with the login of
    the person who asks: Airflow itself says whether they may.
    """

    is_visitors = True

    def client(self, request: "Request") -> "AsyncClient":
        """Return a client with the person's login."""
        import httpx

        return httpx.AsyncClient(
            transport=httpx.ASGITransport(app=request.scope[AIRFLOW_APP]),
            base_url=str(request.base_url.replace(path="")),
            headers={name: request.headers[name] for name in LOGIN if name in request.headers},
        )


class MountedPages:
    """The pages as Airflow mounts them. Their pool of connections lives as long as the process."""

    def __init__(self) -> None:
        self._app: FastAPI | None = None
        self._making = asyncio.Lock()

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        if scope["type"] != "http":
            return
        app = await self.app()
        await app({**scope, AIRFLOW_APP: scope["app"]}, receive, send)

    async def app(self) -> "FastAPI":
        """Return the pages, made once."""
        async with self._making:
            if self._app is None:
                self._app = await made_pages()
            return self._app

    async def close(self) -> None:
        """Close the pool, as the end of a process does."""
        if self._app is not None:
            await self._app.state.database.__aexit__()
            self._app = None


async def made_pages() -> "FastAPI":
    """Return the pages, their pool open. Postgres may come later."""
    from recsys.serving.database import Database
    from recsys.serving.pages.app import pages_app
    from recsys.serving.pages.asks import HttpAsks
    from recsys.serving.pages.means import Means
    from recsys.serving.pages.operator import Operator
    from recsys_airflow.hook import RecsysHook

    settings = RecsysHook().settings()
    database = await Database.of(settings).__aenter__()
    means = Means(
        asks=HttpAsks(settings),
        operator=Operator(settings) if settings.operator_database_url else None,
        airflow=OwnAirflow(),
    )
    return pages_app(database, AirflowAccess(), means, in_airflow=True)


FASTAPI_APP = {"name": "Recommender", "app": MountedPages(), "url_prefix": PREFIX}
EXTERNAL_VIEW = {
    "name": "Recommender",
    "href": f"{PREFIX[1:]}/",  # beside Airflow's own root, wherever a proxy puts it
    "url_route": "recommender",
    "destination": "nav",
    "nav_top_level": True,
}
