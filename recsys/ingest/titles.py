"""Titles made comparable: `Shawshank Redemption, The (1994)` and `The Shawshank Redemption` of 1994
give one key.
"""

# pyarrow.compute makes its functions when it is imported:
# pyright: reportAttributeAccessIssue=false

import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import islice

import pyarrow as pa
import pyarrow.compute as pc

_YEAR = re.compile(r"\s*\([0-9]{4}([^0-9()][^()]*)?\)\s*$")
_ALIAS = re.compile(r"(?<=\s)\(([^()]+)\)")
_ARTICLE = re.compile(
    r"^(.*), (the|a|an|le|la|les|l'|el|los|las|il|lo|i|gli|der|die|das|de|het|en|den|det|o|os|as)$",
    re.IGNORECASE,
)


def normalise_titles(titles: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Lower case, no accents, `&` as and, single spaces between letters and digits. Vectorised:
    IMDb has 11 million.
    """
    text = pc.utf8_normalize(pc.utf8_lower(titles), form="NFKD")
    text = pc.replace_substring(pc.replace_substring_regex(text, r"\p{M}", ""), "&", " and ")
    return pc.utf8_trim_whitespace(pc.replace_substring_regex(text, r"[^\p{L}\p{N}]+", " "))


def movielens_keys(titles: Sequence[str], years: Sequence[int | None]) -> list[list[str]]:
    """Return for each MovieLens title the keys under which IMDb may know it: its main title first,
    then those in parentheses.
    """
    names = [_names(title) for title in titles]
    flat = pa.array([name for group in names for name in group], pa.string())
    normalised = iter(normalise_titles(flat).to_pylist())
    return [
        _keys(islice(normalised, len(group)), year)
        for year, group in zip(years, names, strict=True)
    ]


def _keys(names: Iterable[str], year: int | None) -> list[str]:
    """Each key once, in the order of the names."""
    return list(dict.fromkeys(f"{name}|{year}" for name in names if name))


def _names(title: str) -> list[str]:
    bare = _YEAR.sub("", title)
    names = [_ALIAS.sub("", bare).strip()]
    names += [alias.removeprefix("a.k.a. ").strip() for alias in _ALIAS.findall(bare)]
    return [article_first(name) for name in names]


def article_first(name: str) -> str:
    """Return a title with the article at its end moved to its head."""
    moved = _ARTICLE.match(unicodedata.normalize("NFC", name))
    return f"{moved[2]} {moved[1]}" if moved else name
