"""What every page asks of the database, and what it reads of an address."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from fastapi import HTTPException, Request

from recsys.serving.database import Database
from recsys.serving.pages.rendering import Record

__all__ = [
    "Memory",
    "ask",
    "ask_once",
    "ask_one",
    "database_of",
    "date_of",
    "id_of",
    "live_publication",
    "now",
    "number_of",
]

#: The most that a bigint holds.
MOST_ID = 2**63 - 1


@dataclass
class Memory:
    """Figures of what does not change any more, such as a publication's; a few at a time."""

    most: int = 200
    kept: dict[tuple[Any, ...], Any] = field(default_factory=dict)

    def keep(self, key: tuple[Any, ...], value: Any) -> Any:
        """Keep a figure, the oldest makes room; return it."""
        if len(self.kept) >= self.most:
            self.kept.pop(next(iter(self.kept)))
        self.kept[key] = value
        return value


def database_of(request: Request) -> Database:
    """Return the database that the pages read."""
    return request.app.state.database


async def ask(request: Request, topic: str, name: str, **params: object) -> list[Record]:
    """Return the rows of a named query of `pages_<topic>`."""
    return await database_of(request).rows(Record, f"pages_{topic}", name, **params)


async def ask_one(request: Request, topic: str, name: str, **params: object) -> Record | None:
    """Return the first row of a named query of `pages_<topic>`."""
    return await database_of(request).row(Record, f"pages_{topic}", name, **params)


async def ask_once(
    request: Request, key: tuple[Any, ...], topic: str, name: str, **params: object
) -> list[Record]:
    """Return rows that stay as they are for a key, such as a publication: they are read once."""
    memory: Memory = request.app.state.memory
    whole_key = (topic, name, *key)
    if whole_key in memory.kept:
        return memory.kept[whole_key]
    return memory.keep(whole_key, await ask(request, topic, name, **params))


async def live_publication(request: Request) -> Record | None:
    """Return what readers see now, None before anything was published."""
    return await ask_one(request, "home", "live")


def date_of(request: Request, name: str) -> date | None:
    """Return a date of the address. Raises HTTPException 422 for what is none."""
    text = request.query_params.get(name, "").strip()
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise HTTPException(422, f"{name} is no date: expected one such as 2018-12-10.") from None


def number_of(request: Request, name: str, low: int, high: int) -> int | None:
    """Return a whole number of the address. Raises HTTPException 422 for any other."""
    text = request.query_params.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10 and low <= int(text) <= high):
        raise HTTPException(422, f"{name} is no number from {low:,} to {high:,}.")
    return int(text)


def id_of(request: Request, name: str) -> int:
    """Return an id of the path. Raises HTTPException 404 for one that no table can hold."""
    value = int(request.path_params[name])
    if value > MOST_ID:
        raise HTTPException(404)
    return value


def now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)
