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
        zone, when, deadline = (
            LandingZone(self.zone),
            date.fromisoformat(self.when),
            datetime.fromisoformat(self.deadline),
        )
        while True:
            left = (deadline - datetime.now(UTC)).total_seconds()
            # in a thread: a bucket's answer must not hold up the triggerer's other triggers
            if await asyncio.to_thread(zone.is_complete, self.source, when):
                yield TriggerEvent({"when": self.when, "arrived": True})
                return
            if left <= 0:
                yield TriggerEvent({"when": self.when, "arrived": False})
                return
            await asyncio.sleep(min(self.poke_interval, left))
