"""MovieLens in all layouts that GroupLens published: CSV, `::`, tabs and pipes."""

from collections.abc import Iterator, Mapping

import pyarrow as pa

from recsys.drops.zone import Member
from recsys.ingest import tables
from recsys.ingest.delimited import read_delimited
from recsys.ingest.layouts import GENRES_100K, LayoutFile, layout_of
from recsys.ingest.numbers import with_whole_numbers
from recsys.ingest.ratings import rating_rows
from recsys.ingest.source import Reject, Rows, Source


class MovieLens(Source):
    """Ratings, movies, and what stands beside them: tags, links, demographics."""

    name = "movielens"
    tables = (
        tables.MOVIES,
        tables.LINKS,
        tables.USERS,
        tables.UNREAD_RATINGS,
        tables.RATINGS,
        tables.TAGS,
    )

    def population(self, members: Mapping[str, Member]) -> str | None:
        return layout_of(members).population

    def rows_alone(self, members: Mapping[str, Member]) -> Iterator[Rows | Reject]:
        for file in layout_of(members).present(members):
            for part in read_delimited(members[file.name], file.spec):
                if isinstance(part, Reject):
                    yield part
                else:
                    yield from _rows(file, part)


def _rows(file: LayoutFile, batch: pa.RecordBatch) -> Iterator[Rows]:
    if file.table == "ratings":
        return rating_rows(file.name, batch)
    rows = with_whole_numbers(with_genres(batch))
    return iter([Rows(file.table, file.name, rows, batch.num_rows)])


def with_genres(batch: pa.RecordBatch) -> pa.RecordBatch:
    """ml-100k's nineteen flags as the other layouts write genres; other batches as they are."""
    if GENRES_100K[0] not in batch.schema.names:
        return batch
    flags = [batch[genre].to_pylist() for genre in GENRES_100K]
    genres = pa.array([genres_of(row) for row in zip(*flags, strict=True)])
    return batch.select(["line", "movie_id", "title"]).append_column("genres", genres)


def genres_of(flags: tuple[str, ...]) -> str:
    """The names of the flags that are set, but for `unknown`."""
    named = zip(GENRES_100K[1:], flags[1:], strict=True)
    return "|".join(genre for genre, flag in named if flag == "1")
