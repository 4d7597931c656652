"""Movies' titles as people say them."""

import re

__all__ = ["display_title", "name_and_year"]

#: As display_title of sql/views/10_reasons.sql has it; a test holds the two together.
_ARTICLE = re.compile(
    r"([^(]*), "
    r"(The|A|An|Le|La|Les|L'|Un|Une|El|Los|Las|Il|Lo|I|Gli|Der|Die|Das|Det|Den|De)"
    r"( \(.+\))?",
    re.DOTALL,
)
_YEAR = re.compile(r"(.*?)\s*\(([0-9]{4})\)\s*", re.DOTALL)


def display_title(title: str) -> str:
    """Return a title with its article in front: The Sixth Sense (1999)."""
    match = _ARTICLE.fullmatch(title)
    if match is None:
        return title
    name, article, rest = match.groups(default="")
    between = "" if article == "L'" else " "
    return f"{article}{between}{name}{rest}"


def name_and_year(title: str) -> tuple[str, str]:
    """Return a title as people say it and its year: "Sixth Sense, The (1999)" is
    ("The Sixth Sense", "1999"). Without a year that is "".
    """
    shown = display_title(title)
    match = _YEAR.fullmatch(shown)
    return (match[1], match[2]) if match else (shown, "")
