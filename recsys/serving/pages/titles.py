"""Movies' titles as people say them."""

import re

__all__ = ["display_title", "name_and_year"]

_YEAR = re.compile(r"^(?P<name>.*?)\s*\((?P<year>\d{4})\)\s*$", re.DOTALL)
_ARTICLE = re.compile(
    r"^(?P<name>[^(]*), (?P<article>The|A|An|Le|La|Les|Der|Die|Das|El|Il|L')(?P<rest> \(.*\))?$",
    re.DOTALL,
)


def name_and_year(title: str) -> tuple[str, str]:
    """Return a title with its article in front, and its year: "Sixth Sense, The (1999)" is
    ("The Sixth Sense", "1999").
    """
    match = _YEAR.match(title)
    name, year = (match["name"], match["year"]) if match else (title, "")
    article = _ARTICLE.match(name)
    if article:
        name = f"{article['article']} {article['name']}{article['rest'] or ''}"
    return name, year


def display_title(title: str) -> str:
    """Return a title as people say it: The Sixth Sense (1999)."""
    name, year = name_and_year(title)
    return f"{name} ({year})" if year else name
