"""Taking drops in: one module a source; loading is staging → checks → merge.

A new source is one module, one line here, and one test class that inherits the contract.
"""

from recsys.ingest.imdb import Imdb
from recsys.ingest.movielens import MovieLens
from recsys.ingest.source import Source

__all__ = ["SOURCES"]

#: In the order in which drops of one date are taken in: IMDb is cut down to the movies that
#: MovieLens brought.
SOURCES: dict[str, Source] = {source.name: source for source in (MovieLens(), Imdb())}
