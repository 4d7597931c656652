"""Tell latin-1 from UTF-8 by content: ml-1m and ml-10M share their files' names and not their
encoding.
"""

import codecs
from collections.abc import Iterable

import numpy as np

from recsys.drops.zone import Member

_CHUNK = 1 << 20


def encoding_of(members: Iterable[Member], *, as_ml_1m: bool) -> str:
    """`utf8` or `latin-1`, the same for all these files. `as_ml_1m`: whether they have the names of
    a release in latin-1.

    UTF-8 hardly comes about by chance, so one of its characters settles it, and bytes that are none
    of it are bad rows' alone. Only where a release is one that GroupLens wrote in latin-1 must more
    speak for UTF-8 than against it.
    """
    n_utf8 = 0
    n_bad = 0
    for member in members:
        counts = _count(member)
        n_utf8 += counts[0]
        n_bad += counts[1]
    is_utf8 = n_utf8 > n_bad if as_ml_1m else n_utf8 > 0
    return "utf8" if is_utf8 or not n_bad else "latin-1"


def _count(member: Member) -> tuple[int, int]:
    """How many characters beyond ASCII there are in UTF-8, and how many bytes that are no UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    n_utf8 = 0
    n_bad = 0
    with member.open() as stream:
        chunk = stream.read(_CHUNK)
        while chunk or decoder.getstate()[0]:
            text = decoder.decode(chunk, final=not chunk)
            if not text.isascii():
                codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
                bad = int(np.count_nonzero((codes >= 0xDC80) & (codes <= 0xDCFF)))
                n_utf8 += int(np.count_nonzero(codes > 0x7F)) - bad
                n_bad += bad
            chunk = stream.read(_CHUNK)
    return n_utf8, n_bad
