"""Names of files in messages: however many there are, it stays a sentence."""

from collections.abc import Iterable

_SHOWN = 8
_LONGEST = 60


def list_names(names: Iterable[str], none: str = "nothing") -> str:
    """Return the first of the names and how many more there are, `none` where there is no name."""
    every = sorted(names)
    shown = ", ".join(shorten(name) for name in every[:_SHOWN])
    more = f" and {len(every) - _SHOWN:,} more" if len(every) > _SHOWN else ""
    return f"{shown}{more}" or none


def shorten(name: str) -> str:
    """A long name's beginning and end."""
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST // 2]}…{name[-_LONGEST // 2 :]}"
