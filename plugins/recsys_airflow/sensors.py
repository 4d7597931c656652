"""Waiting for the week's files without taking a worker slot."""

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from inspect import getdoc
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from recsys_airflow import RECSYS_DB
from recsys_airflow.as_of import run_as_of
from recsys_airflow.conf import check_conf
from recsys_airflow.sentences import in_sentences

if TYPE_CHECKING:
    from airflow.sdk import Context

    from recsys.drops.zone import LandingZone
    from recsys.settings import Settings


NO_WEEK = (
    "the run names no week: nothing to wait for, the newest complete MovieLens drop says the week"
)


class DropSensor(BaseSensorOperator):
    """Waits for the complete drop of the run's week, until `timeout` after the drop's date.

    The wait ends at a moment counted from as_of, not from the run's start: a run for a week long
    past waits for nothing, and a retry waits no longer than the first try would have. Without the
    drop, a required source fails the run; another returns a note that the report prints, and the
    run goes on with the drops that there are. A manual run that names no week waits for nothing.
    """

    template_fields: Collection[str] = ("source",)

    def __init__(
        self, *, source: str, required: bool = True, conn_id: str = RECSYS_DB, **kwargs: Any
    ) -> None:
        super().__init__(**{"doc_md": getdoc(type(self)), **kwargs})
        self.source = source
        self.required = required
        self.conn_id = conn_id

    @in_sentences()
    def execute(self, context: "Context") -> str:
        check_conf(context)
        settings, zone = self._installation()
        as_of = run_as_of(context, zone)
        if as_of is None:
            self.log.info(NO_WEEK)
            return ""
        # at once, and not when its drop did not come: that would take years
        now = datetime.now(UTC)
        zone.refuse_ahead(as_of, now.date(), allow_future=settings.allow_future)
        if zone.is_complete(self.source, as_of):
            return self._with_drop(as_of)
        if now >= self._deadline(as_of):
            return self._without_drop(zone, as_of)
        raise self._deferred(zone, as_of)

    @in_sentences()
    def resume(self, context: "Context", event: dict[str, Any]) -> str:
        """What the trigger came back with."""
        as_of = date.fromisoformat(event["when"])
        if event["arrived"]:
            return self._with_drop(as_of)
        _, zone = self._installation()
        return self._without_drop(zone, as_of)

    def _installation(self) -> "tuple[Settings, LandingZone]":
        from recsys.drops.zone import LandingZone
        from recsys_airflow.hook import RecsysHook

        settings = RecsysHook(self.conn_id).settings()
        return settings, LandingZone(settings.drops)

    def _deadline(self, as_of: date) -> datetime:
        return datetime.combine(as_of, time(), UTC) + timedelta(seconds=self.timeout)

    def _deferred(self, zone: "LandingZone", as_of: date) -> TaskDeferred:
        """Return what hands the wait to the triggerer."""
        from recsys_airflow.triggers import DropTrigger

        deadline = self._deadline(as_of)
        self.log.info(
            "%s drop of %s is not complete; waiting until %s", self.source, as_of, deadline
        )
        trigger = DropTrigger(
            zone=zone.uri,
            source=self.source,
            when=as_of.isoformat(),
            poke_interval=self.poke_interval,
            deadline=deadline.isoformat(),
        )
        return TaskDeferred(trigger=trigger, method_name="resume")

    def _with_drop(self, as_of: date) -> str:
        """Return no note."""
        self.log.info("%s drop of %s is complete", self.source, as_of)
        return ""

    def _without_drop(self, zone: "LandingZone", as_of: date) -> str:
        """Fail where the source is required; else the note with which the run goes on."""
        fact = f"no _SUCCESS by {self._deadline(as_of):%Y-%m-%d %H:%M} UTC"
        drop = zone.at(self.source, as_of)
        if self.required:
            raise AirflowFailException(
                f"{fact}; expected a complete drop. Put it there, then clear this task ({drop})"
            )
        dates = [earlier.date for earlier in zone.drops(self.source) if earlier.date <= as_of]
        left = f"the drops up to {dates[-1]}" if dates else f"no {self.source} drop at all"
        note = f"{fact}; the run goes on with {left} ({drop})"
        self.log.warning(note)
        return note
