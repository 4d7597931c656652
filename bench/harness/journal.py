"""Every finished measurement as a line of JSON, so that a call that was cut off goes on where it
was.
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar


class Keyed(Protocol):
    """A dataclass of what JSON can hold; `key` is a digest of all that it depends on."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def key(self) -> str: ...

    @property
    def measured_at(self) -> str: ...


Kept = TypeVar("Kept", bound=Keyed)


class Journal(Generic[Kept]):
    """An append-only file of one kind of dataclass. A last line that is half a line, as of a killed
    call, is passed over.
    """

    def __init__(self, path: Path, kind: type[Kept]) -> None:
        self.path = path
        lines = path.read_text().splitlines() if path.is_file() else []
        kept = [read(line, kind) for line in lines]
        self._by_key = {measurement.key: measurement for measurement in kept if measurement}

    def find(self, key: str) -> Kept | None:
        return self._by_key.get(key)

    def find_or_make(self, key: str, make: Callable[[], Kept]) -> tuple[Kept, bool]:
        """Return the measurement of the key, and whether it was made now."""
        kept = self.find(key)
        if kept:
            return kept, False
        measurement = make()
        self.add(measurement)
        return measurement, True

    def all(self) -> list[Kept]:
        """Return every measurement, the oldest first."""
        return list(self._by_key.values())

    def add(self, measurement: Kept) -> None:
        """Append; the line is on disk when this returns."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        whole = not self.path.is_file() or self.path.read_bytes()[-1:] in (b"", b"\n")
        line = json.dumps(asdict(measurement), ensure_ascii=False)
        with self.path.open("a") as file:
            file.write(f"{line}\n" if whole else f"\n{line}\n")
        self._by_key[measurement.key] = measurement


def now() -> str:
    """Return the time for `measured_at`."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def read(line: str, kind: type[Kept]) -> Kept | None:
    try:
        return kind(**json.loads(line))
    except (ValueError, TypeError):
        return None
