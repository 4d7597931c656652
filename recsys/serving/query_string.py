"""The query of a list, read by hand: FastAPI's own way takes longer than all else in the process,
and the same queries come again and again.
"""

from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from recsys.serving.filters import ListQuery

__all__ = ["parameters_of", "read_query"]

#: Fields that may come several times.
LISTS = frozenset({"genre", "exclude_genre", "exclude", "fields"})
#: Names and values that a query may have in all.
MOST_PARTS = 2_000
#: Bytes of a query that is remembered: some are of a thousand ids, and as large in memory each.
MOST_REMEMBERED = 500


def read_query(text: bytes) -> ListQuery:
    """Return a query as it came in the address. Raises RequestValidationError, a 422, where it is
    not as the API expects it.
    """
    return remembered_query(text) if len(text) <= MOST_REMEMBERED else query_of(text)


@lru_cache(maxsize=1_024)
def remembered_query(text: bytes) -> ListQuery:
    """Return a query that came before without reading it again."""
    return query_of(text)


def query_of(text: bytes) -> ListQuery:
    values: dict[str, Any] = {}
    try:
        parts = parse_qsl(text.decode("latin-1"), keep_blank_values=True, max_num_fields=MOST_PARTS)
    except ValueError as error:
        raise refusal("too many parameters") from error
    for name, value in parts:
        if name in LISTS:
            values.setdefault(name, []).append(value)
        elif name in values:
            raise refusal(f"{name[:50]} comes twice")
        else:
            values[name] = value
    try:
        return ListQuery.model_validate(values)
    except ValidationError as error:
        errors = [each | {"loc": ("query", *each["loc"])} for each in error.errors()]
        raise RequestValidationError(errors) from error


def refusal(message: str) -> RequestValidationError:
    """Return the error of a query as a whole."""
    return RequestValidationError([{"loc": ("query",), "msg": message, "type": "value_error"}])


def parameters_of(model: type[BaseModel]) -> list[dict[str, Any]]:
    """Return a model's fields as OpenAPI's parameters of a query."""
    schema = model.model_json_schema()
    parameters = []
    for name, field in schema["properties"].items():
        described = {key: value for key, value in field.items() if key != "description"}
        parameters.append(
            {
                "name": name,
                "in": "query",
                "required": False,
                "schema": described,
                "description": field.get("description", ""),
            }
        )
    return parameters
