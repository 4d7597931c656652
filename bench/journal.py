"""Every finished measurement as a line of JSON, so that a call that was cut off goes on where it
was.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar


class Keyed(Protocol):
    """A dataclass of what JSON can hold; `key` is a digest of all that it depends on."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def key(self) -> str: ...


Kept = TypeVar("Kept", bound=Keyed)


class Journal(Generic[Kept]):
    """An append-only file of one kind of dataclass. A last line that is half a line, as of a killed
    call, is passed over.
    """

    def __init__(self, path: Path, kind: type[Kept]) -> None:
        self.path = path
        lines = path.read_text().splitlines() if path.is_file() else []
        self._found = {found.key: found for found in (_read(line, kind) for line in lines) if found}

    def find(self, key: str) -> Kept | None:
        return self._found.get(key)

    def all(self) -> list[Kept]:
        """Every measurement, the oldest first."""
        return list(self._found.values())

    def add(self, measurement: Kept) -> None:
        """On disk when this returns."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        whole = not self.path.is_file() or self.path.read_bytes()[-1:] in (b"", b"\n")
        with self.path.open("a") as file:
            file.write(
                ("" if whole else "\n") + json.dumps(asdict(measurement), ensure_ascii=False) + "\n"
            )
        self._found[measurement.key] = measurement


def _read(line: str, kind: type[Kept]) -> Kept | None:
    try:
        return kind(**json.loads(line))
    except (ValueError, TypeError):
        return None
