"""What waits, in the triggerer, for a drop to be complete."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from recsys.drops.zone import LandingZone


class DropTrigger(BaseTrigger):
    """Looks every `poke_interval` seconds, at the deadline for the last time. Its event says
    `when` and whether it `arrived`.

    `when` and `deadline` are ISO texts: a trigger's arguments go through the metadata database.
    """

    def __init__(
        self, *, zone: str, source: str, when: str, poke_interval: float, deadline: str
    ) -> None:
        super().__init__()
        self.zone = zone
        self.source = source
        self.when = when
        self.poke_interval = poke_interval
        self.deadline = deadline

    def serialize(self) -> tuple[str, dict[str, Any]]:
        names = ("zone", "source", "when", "poke_interval", "deadline")
        return "recsys_airflow.triggers.DropTrigger", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        while True:
            left = self.seconds_left()
            # in a thread: a bucket's answer must not hold up the triggerer's other triggers
            arrived = await asyncio.to_thread(self.has_arrived)
            if arrived or left <= 0:
                yield TriggerEvent({"when": self.when, "arrived": arrived})
                return
            await asyncio.sleep(min(self.poke_interval, left))

    def seconds_left(self) -> float:
        """Return the seconds until the deadline, less than 0 after it."""
        return (datetime.fromisoformat(self.deadline) - datetime.now(UTC)).total_seconds()

    def has_arrived(self) -> bool:
        """Whether the drop is complete."""
        return LandingZone(self.zone).is_complete(self.source, date.fromisoformat(self.when))
