"""The API's description: what FastAPI makes of the routes, with scopes and errors as they are."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from recsys.serving.problems import PROBLEM

__all__ = ["openapi_of"]

#: Errors that any route with a key may answer: status → when.
ERRORS = {
    "400": "the body is no text in UTF-8",
    "401": "no key, or one that does not hold",
    "403": "the key opens other scopes, or is for another user",
    "413": "the body is too large",
    "422": "the request is not as the API expects it",
    "429": "the key has made its requests of this minute",
    "503": "the database, or another service that the answer needs, is away",
}
#: Those that only a body can be the cause of.
OF_BODIES = {"400", "413"}
PROBLEM_SCHEMA: dict[str, Any] = {
    "title": "Problem",
    "description": "An error (RFC 9457).",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "description": "of a 422: each part of the request that is wrong",
            "items": {"type": "object"},
        },
    },
}


def openapi_of(app: FastAPI) -> dict[str, Any]:
    """Return the description of an application's routes as OpenAPI."""
    document = get_openapi(
        title=app.title, version=app.version, summary=app.summary, routes=app.routes
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = PROBLEM_SCHEMA
    for route in api_routes(app):
        for method in route.methods:
            operation = document["paths"][route.path_format][method.lower()]
            complete(operation, scope_of(route))
    return document


def api_routes(app: FastAPI) -> Iterator[APIRoute]:
    """Yield the routes that the description has."""
    for route in app.routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            yield route


def scope_of(route: APIRoute) -> str | None:
    """Return the scope that a route's key needs, None where it needs no key."""
    return next(scopes_of(route.dependant), None)


def scopes_of(dependant: Dependant) -> Iterator[str]:
    """Yield the scopes that a function's dependencies ask for."""
    for each in dependant.dependencies:
        scope = getattr(each.call, "scope", None)
        if isinstance(scope, str):
            yield scope
        yield from scopes_of(each)


def complete(operation: dict[str, Any], scope: str | None) -> None:
    """Write scope and errors into an operation."""
    responses = operation["responses"]
    responses.pop("422", None)
    if scope is None:
        return
    operation["x-scope"] = scope
    text = operation.get("description", "").rstrip()
    operation["description"] = f"{text}\n\nScope: {scope}.".lstrip()
    without_body = {} if "requestBody" in operation else OF_BODIES
    for status, meaning in ERRORS.items():
        if status not in without_body:
            responses.setdefault(status, {"description": meaning})
    for status, response in responses.items():
        if int(status) >= 400:
            response["content"] = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
