"""The description of the API is what the API does."""

import re
from typing import Any

import pytest

from recsys.serving.app import create_app
from recsys.serving.openapi import openapi_of
from recsys.serving.problems import PROBLEM
from recsys.settings import Settings
from stack.reference import FOLDER, openapi_json

#: What a browser, a load balancer and Prometheus ask without a version.
OPEN = {"/healthz"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    settings = Settings(
        database_url="postgresql://nobody@127.0.0.1/none",  # pyright: ignore[reportArgumentType]
        api_database_url="postgresql://nobody@127.0.0.1/none",  # pyright: ignore[reportArgumentType]
    )
    return openapi_of(create_app(settings))


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_the_committed_description_is_of_this_code() -> None:
    assert (FOLDER / "openapi.json").read_text() == openapi_json(), "run: make reference"


def test_every_operation_says_what_it_is_for_and_what_it_needs(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        assert operation.get("summary") and operation.get("description"), name
        if name.split()[1] not in OPEN:
            assert operation["x-scope"] in {"read", "predict", "write", "admin"}, name
            assert operation["security"], name


def test_every_error_of_an_operation_is_a_problem(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        errors = {status for status in operation["responses"] if int(status) >= 400}
        if name.split()[1] not in OPEN:
            assert {"401", "403", "422", "429", "503"} <= errors, name
        for status in errors:
            assert list(operation["responses"][status]["content"]) == [PROBLEM], (name, status)


def test_every_number_of_a_request_has_bounds(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        for parameter in operation.get("parameters", ()):
            schema = parameter["schema"]
            if schema.get("type") == "integer":
                assert "minimum" in schema and "maximum" in schema, (name, parameter["name"])


def test_every_route_of_the_api_has_an_example_in_its_page(document: dict[str, Any]) -> None:
    page = (FOLDER / "api.md").read_text()
    missing = [name for name, _ in operations(document) if f"| `{name}` |" not in page]
    assert not missing, "add it to the table of docs/reference/api.md, with an example"
    assert not re.findall(r"recsys_\d+_\w{20,}", page), "a key is in the page"
