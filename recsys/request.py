"""What a run wants, besides what its week already has: as it asks for it, and what steps keep."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Self

from recsys.settings import Settings


@dataclass(frozen=True)
class RunRequest:
    """None, or nothing, leaves the choice to the week's first run, or to the settings.

    Without `as_of` the newest complete MovieLens drop says it. A recipe is named by its name, with
    settings that override its own (`als[factors=128]`) or without, or a tuned one by its key.
    `challenger` starts an experiment: for `challenger_weeks` weeks that recipe has
    `challenger_share` of the users. `force` decides the week anew.
    `run_kind` and `started_by` say what the run is, for the ledger; a run without a kind is named
    whole by its id.
    """

    as_of: date | None = None
    recipes: Sequence[str] | None = None
    top_n: int | None = None
    challenger: str | None = None
    challenger_share: float = 0.0
    challenger_weeks: int = 4
    force: bool = False
    require_approval: bool | None = None
    run_id: str = ""
    run_kind: str = ""
    started_by: str | None = None

    @property
    def numbers(self) -> dict[str, Any]:
        """Return what must be within limits."""
        names = ("top_n", "challenger_share", "challenger_weeks")
        return {name: getattr(self, name) for name in names}

    def to_json(self) -> dict[str, Any]:
        """Return a small value that `from_json` reads."""
        return asdict(self) | {"as_of": self.as_of.isoformat() if self.as_of else None}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Read what `to_json` returned; the date as text."""
        as_of = value.get("as_of")
        return cls(**{**value, "as_of": date.fromisoformat(as_of) if as_of else None})


@dataclass(frozen=True)
class Run:
    """What a run wants of its week; the week itself keeps nothing of it.

    `force` decides the week anew. `require_approval`: a person must agree to a new champion.
    `run_id` is Airflow's, or says who runs it elsewhere.
    """

    force: bool = False
    require_approval: bool = False
    run_id: str = ""

    @classmethod
    def of(cls, request: RunRequest, settings: Settings) -> Self:
        """Return what a request wants; what it leaves open is as in the settings."""
        approval = request.require_approval
        if approval is None:
            approval = settings.require_approval
        return cls(request.force, approval, request.run_id)

    def to_json(self) -> dict[str, Any]:
        """Return a small value that `from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Read what `to_json` returned."""
        return cls(**value)
