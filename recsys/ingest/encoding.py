"""Tell latin-1 from UTF-8 by content: ml-1m and ml-10M share their files' names and not their
encoding.
"""

import codecs
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from recsys.drops.zone import Member

_CHUNK = 1 << 20
_LAST_ASCII = 0x7F
#: The surrogates that Python makes of the bytes 0x80 to 0xFF.
_FIRST_BAD, _LAST_BAD = 0xDC80, 0xDCFF


def encoding_of(members: Iterable[Member], *, as_ml_1m: bool) -> str:
    """`utf8` or `latin-1`, the same for all these files. `as_ml_1m`: whether they have the names of
    a release in latin-1.

    UTF-8 hardly comes about by chance, so one of its characters settles it, and bytes that are none
    of it are bad rows' alone. Only where a release is one that GroupLens wrote in latin-1 must more
    speak for UTF-8 than against it.
    """
    n_utf8 = 0
    n_bad = 0
    for text in _texts(members):
        counts = _count(text)
        n_utf8 += counts.n_utf8
        n_bad += counts.n_bad
    is_utf8 = n_utf8 > n_bad if as_ml_1m else n_utf8 > 0
    return "utf8" if is_utf8 or not n_bad else "latin-1"


def _texts(members: Iterable[Member]) -> Iterator[str]:
    """The files read as UTF-8, in pieces: a byte that is none of it is a surrogate."""
    for member in members:
        decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        with member.open() as stream:
            while chunk := stream.read(_CHUNK):
                yield decoder.decode(chunk)
        yield decoder.decode(b"", final=True)


class _Counts(NamedTuple):
    """How many characters beyond ASCII are UTF-8, and how many bytes are none of it."""

    n_utf8: int
    n_bad: int


def _count(text: str) -> _Counts:
    if text.isascii():
        return _Counts(0, 0)
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    n_bad = int(np.count_nonzero((codes >= _FIRST_BAD) & (codes <= _LAST_BAD)))
    return _Counts(int(np.count_nonzero(codes > _LAST_ASCII)) - n_bad, n_bad)
