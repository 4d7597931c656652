"""Templates, and the words and figures in them. Everything is escaped."""

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.datastructures import QueryParams
from starlette.responses import HTMLResponse

from recsys.serving.pages.access import CSRF_FIELD, csrf_token
from recsys.serving.pages.markdown import parts
from recsys.serving.pages.titles import display_title, name_and_year

__all__ = ["Record", "is_part", "parsed", "render"]

HERE = Path(__file__).parent
#: Hues of movies' spines; the stylesheet has as many.
HUES = 9


class Record(SimpleNamespace):
    """A row of a query: a field for each column. A template that names another column fails."""


def parsed(rows: Iterable[Record], *columns: str) -> list[Record]:
    """Return rows with the columns that hold JSON as values."""
    rows = list(rows)
    for row in rows:
        for column in columns:
            text = getattr(row, column)
            setattr(row, column, json.loads(text) if isinstance(text, str) else text)
    return rows


def render(
    request: Request, template: str, status: int = 200, /, **context: object
) -> HTMLResponse:
    """Return a page, or, where htmx asks for a part of one, that part alone."""
    context |= {"request": request, "root": root_of(request), "csrf": _csrf(request)}
    context |= {"visitor": getattr(request.state, "visitor", None), "csrf_field": CSRF_FIELD}
    context["in_airflow"] = bool(getattr(request.app.state, "in_airflow", False))
    context["layout"] = "part.html.jinja" if is_part(request) else "layout.html.jinja"
    return HTMLResponse(ENVIRONMENT.get_template(template).render(context), status)


def is_part(request: Request) -> bool:
    """Return whether htmx asks, which takes a part of the page."""
    return request.headers.get("hx-request") == "true"


def root_of(request: Request) -> str:
    """Return the way from the page to the root, relative: a proxy may put a prefix before all."""
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    return "../" * (path.count("/") - 1) or "./"


def _csrf(request: Request) -> str:
    visitor = getattr(request.state, "visitor", None)
    access = getattr(request.app.state, "access", None)
    return csrf_token(access.secret, visitor.session) if visitor and access else ""


def day(value: date | datetime | None) -> str:
    """Return a date as a page shows it: 3 Dec 2018."""
    return f"{value.day} {value:%b %Y}" if value else "–"


def moment(value: datetime | None) -> str:
    """Return a moment to the minute, UTC."""
    return f"{value.day} {value:%b %Y, %H:%M} UTC" if value else "–"


def count(value: float | None) -> str:
    """Return a whole number with commas."""
    return f"{value:,.0f}" if value is not None else "–"


def share(value: float | None) -> str:
    """Return a part of a whole in percent."""
    if value is None:
        return "–"
    return f"{value:.1%}" if 0 < value < 0.1 else f"{value:.0%}"


def figure(value: float | None, digits: int = 4) -> str:
    """Return a metric's value."""
    return f"{value:.{digits}f}" if value is not None else "–"


def duration(seconds: float | None) -> str:
    """Return a time as people say it: `48 s`, `3.5 min`, `2 h 5 min`."""
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    if seconds < 6_000:
        return f"{seconds / 60:.1f} min"
    return f"{int(seconds // 3600)} h {seconds % 3600 / 60:.0f} min"


def size(n_bytes: float | None) -> str:
    """Return an amount of memory."""
    if n_bytes is None:
        return "–"
    return f"{n_bytes / 2**30:.1f} GB" if n_bytes >= 2**30 else f"{n_bytes / 2**20:.0f} MB"


def age(moment: datetime, now: datetime) -> str:
    """Return how long ago something was: 3 days."""
    seconds = max(0.0, (now - moment).total_seconds())
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        n = int(seconds // length)
        if n:
            return f"{n:,} {unit}{'' if n == 1 else 's'}"
    return "less than a minute"


def stars(rating: float) -> str:
    """Return a rating as words for who cannot see stars: 4.5."""
    return f"{rating:g}"


def recipe_name(key: str | None) -> str:
    """Return the recipe's name in a recipe key: als-0a6d5e90 is als."""
    return (key or "–").rpartition("-")[0] or key or "–"


def hue(genres: Iterable[str] | None) -> int:
    """Return the hue of a movie's spine, by its first genre."""
    first = next(iter(sorted(genres or ())), "")
    return sum(map(ord, first)) % HUES if first else HUES


def plural(n: float, one: str, many: str = "") -> str:
    """Return a number with its noun: 1 user, 2 users."""
    return f"{count(n)} {one if n == 1 else many or one + 's'}"


def query(params: Mapping[str, Any], **changes: object) -> str:
    """Return the query of a link: these parameters with changes; None and "" leave one out."""
    given = params.multi_items() if isinstance(params, QueryParams) else params.items()
    merged: dict[str, Any] = {}
    for name, value in given:
        merged[name] = [*merged.get(name, []), value]
    merged |= changes
    pairs = [
        (name, each)
        for name, value in merged.items()
        for each in (value if isinstance(value, list | tuple) else [value])
    ]
    return "?" + urlencode([(name, each) for name, each in pairs if each not in (None, "", False)])


FILTERS = (
    age,
    count,
    day,
    display_title,
    duration,
    figure,
    hue,
    moment,
    name_and_year,
    parts,
    plural,
    query,
    recipe_name,
    share,
    size,
    stars,
)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {each.__name__: each for each in FILTERS}
    return environment


ENVIRONMENT = _environment()
