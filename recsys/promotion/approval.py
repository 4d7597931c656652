"""A person's say before a new champion is crowned."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self


@dataclass(frozen=True)
class Approval:
    """`answer` is None where nobody had to be asked; `by` says who answered.

    `proposal_id` is of the stored proposal that it is about. Two are equal where the same person
    gave the same answer.
    """

    answer: Literal["approved", "rejected", "timed out"] | None = None
    by: str | None = None
    proposal_id: int | None = field(default=None, compare=False)

    @property
    def sentence(self) -> str:
        """Return the answer and who gave it, in words."""
        if self.answer is None:
            return "nobody was asked"
        return f"{self.answer} by {self.by}" if self.by else self.answer

    def to_json(self) -> dict[str, Any]:
        """Return a small value that tasks pass on."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any] | None) -> Self:
        """Read what `to_json` returned; no value means that nobody was asked."""
        return cls(**(value or {}))


UNASKED = Approval()


@dataclass(frozen=True)
class Proposal:
    """What the exam would decide, for a person to read: a headline, and in Markdown the exam's
    table and the gates' sentences.

    `proposal_id` is of the decision as it is stored; None where the week was decided by hand.
    """

    needs_approval: bool
    subject: str
    body: str
    proposal_id: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return a small value that tasks pass on."""
        return asdict(self)
