"""Every route of the pages, as an address that could be asked for."""

import re

from fastapi import FastAPI
from starlette.routing import Mount, Route

from recsys.serving.pages.rendering import HERE

__all__ = ["routes_of", "routes_of_pages"]


def pages_of(app: FastAPI) -> FastAPI:
    """The pages that are mounted in an application."""
    mounts = [route for route in app.routes if isinstance(route, Mount)]
    (pages,) = [mount.app for mount in mounts if mount.name == "pages"]
    assert isinstance(pages, FastAPI)
    return pages


def routes_of(app: FastAPI) -> list[tuple[str, str]]:
    """The method and path of every route, and of every file, of the pages in an application."""
    return routes_of_pages(pages_of(app))


def routes_of_pages(pages: FastAPI) -> list[tuple[str, str]]:
    """The same of the pages themselves."""
    routes = []
    for route in pages.routes:
        if isinstance(route, Route):
            path = re.sub(r"\{as_of[^}]*\}", "2018-12-10", route.path)
            path = re.sub(r"\{[^}]*\}", "1", path)
            routes += [(method, path) for method in sorted(route.methods or ())]
        else:
            assert isinstance(route, Mount)
            files = sorted((HERE / "static").iterdir())
            routes += [("GET", f"{route.path}/{path.name}") for path in files]
    return routes
