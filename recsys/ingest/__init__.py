"""Taking drops in: one module a source; loading is staging → checks → merge.

A new source is one module, one line here, and one test class that inherits the contract.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recsys.ingest.source import Source

__all__ = ["SOURCES", "source_of"]

#: Name, as of the folder in the landing zone → module and class, imported when it is used. In the
#: order in which drops of one date are taken in: IMDb is cut down to the movies that MovieLens
#: brought, and what people rated through the API is of movies that are there.
SOURCES = {
    "movielens": "recsys.ingest.movielens:MovieLens",
    "imdb": "recsys.ingest.imdb:Imdb",
    "feedback": "recsys.ingest.feedback:Feedback",
}


def source_of(name: str) -> "Source":
    """Return the source of that name, one of SOURCES."""
    module, attribute = SOURCES[name].split(":")
    return getattr(import_module(module), attribute)()
