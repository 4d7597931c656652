"""What a week's reads admit."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any


@dataclass(frozen=True)
class Snapshot:
    """No event at or after `as_of` (a day stands for its midnight, UTC), and no drop after
    `watermark` (a drop_id).
    """

    as_of: date | datetime
    watermark: int

    @property
    def params(self) -> dict[str, Any]:
        """Return the parameters of every query that reads by it."""
        return {"as_of": self.as_of, "watermark": self.watermark}
