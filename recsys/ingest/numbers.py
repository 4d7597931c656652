"""Whole numbers as other tools write them: `862.0` is 862."""

# pyarrow.compute makes its functions when it is imported:
# pyright: reportAttributeAccessIssue=false

import pyarrow as pa
import pyarrow.compute as pc

from recsys.ingest.text import holds_byte

_WHOLE = ("user_id", "movie_id", "imdb_id", "tmdb_id", "age", "rated_at", "tagged_at")


def with_whole_numbers(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with the zeros after the point gone from ids, ages and times; all other values as
    they are.
    """
    for place, name in enumerate(batch.schema.names):
        if name in _WHOLE and holds_byte(batch[name], b"."):
            whole = pc.replace_substring_regex(batch[name], r"^([0-9]+)\.0+$", r"\1")
            batch = batch.set_column(place, name, whole)
    return batch


def whole_numbers(texts: pa.Array, digits: int) -> tuple[pa.Array, pa.Array]:
    """Return the whole numbers of at most so many digits, 0 for what is none; and which are
    some.
    """
    is_whole = pc.and_(pc.ascii_is_decimal(texts), pc.less_equal(pc.binary_length(texts), digits))
    if not pc.all(is_whole).as_py():
        texts = pc.if_else(is_whole, texts, "0")
    return texts.cast(pa.int64()), is_whole
