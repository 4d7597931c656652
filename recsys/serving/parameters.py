"""Values of requests that several routes take, each within bounds that the OpenAPI states."""

import re
from datetime import date
from typing import Annotated, TypeAlias

from fastapi import Path, Query
from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema

from recsys.arguments import DAY, MOST_ID

__all__ = ["Day", "Length", "MovieId", "Number", "Offset", "Text", "UserId"]

#: Beyond it nobody pages by hand, and each further page costs more.
MOST_OFFSET = 10_000


def storable(text: str) -> str:
    """Return a text that Postgres can hold. Raises ValueError for one with a zero byte, or that is
    half of a character.
    """
    if "\0" in text or re.search(r"[\ud800-\udfff]", text):
        raise ValueError("the text has a zero byte or half of a character; expected neither")
    return text


def day_of(value: object) -> date:
    """Return a date. Raises ValueError for what is not written like 2018-09-24."""
    text = str(value)
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        raise ValueError("expected a date as 2018-09-24")
    day = date.fromisoformat(text)
    if not DAY.first <= day <= DAY.last:
        raise ValueError(f"expected a date from {DAY.first} to {DAY.last}")
    return day


#: An id of MovieLens, or one that the API issued: what bigint holds.
Number: TypeAlias = Annotated[int, Field(ge=0, le=MOST_ID)]
UserId: TypeAlias = Annotated[Number, Path(description="the user's number, as in MovieLens")]
MovieId: TypeAlias = Annotated[Number, Path(description="the movie's number, as in MovieLens")]
Length: TypeAlias = Annotated[int, Query(ge=1, le=100, description="how many items at most")]
Offset: TypeAlias = Annotated[
    int, Query(ge=0, le=MOST_OFFSET, description="how many items to leave out before them")
]
Text: TypeAlias = Annotated[
    str, StringConstraints(min_length=1, max_length=200), AfterValidator(storable)
]
Day: TypeAlias = Annotated[
    date, BeforeValidator(day_of), WithJsonSchema({"type": "string", "format": "date"})
]
