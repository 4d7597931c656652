"""Every finished measurement as a line of JSON, so that a call that was cut off goes on where it was."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Measurement:
    """`key` is a digest of all that it depends on; `seconds` is what it took, fitting included if a fit was made."""

    key: str
    protocol: str
    label: str
    recipe: dict[str, Any]
    seed: int
    metrics: dict[str, float]
    seconds: float
    measured_at: str


class Journal:
    """An append-only file. The last line of a call that was killed may be half a line: it is passed over."""

    def __init__(self, path: Path) -> None:
        self.path = path
        lines = path.read_text().splitlines() if path.is_file() else []
        self._found = {found.key: found for found in map(_read, lines) if found}

    def find(self, key: str) -> Measurement | None:
        return self._found.get(key)

    def add(self, measurement: Measurement) -> None:
        """On disk when this returns."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        whole = not self.path.is_file() or self.path.read_bytes()[-1:] in (b"", b"\n")
        with self.path.open("a") as file:
            file.write(("" if whole else "\n") + json.dumps(asdict(measurement), ensure_ascii=False) + "\n")
        self._found[measurement.key] = measurement


def _read(line: str) -> Measurement | None:
    try:
        return Measurement(**json.loads(line))
    except (ValueError, TypeError):
        return None
