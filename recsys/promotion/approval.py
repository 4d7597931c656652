"""A person's say before a new champion is crowned."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, Self


@dataclass(frozen=True)
class Approval:
    """`answer` is None where nobody had to be asked; `by` says who answered."""

    answer: Literal["approved", "rejected", "timed out"] | None = None
    by: str | None = None

    @property
    def told(self) -> str:
        if self.answer is None:
            return "nobody was asked"
        return f"{self.answer} by {self.by}" if self.by else self.answer

    def to_json(self) -> dict[str, Any]:
        """A small value that tasks may pass on."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any] | None) -> Self:
        """What `to_json` gave, back; nothing given means that nobody was asked."""
        return cls(**(value or {}))


UNASKED = Approval()


@dataclass(frozen=True)
class Proposal:
    """What the exam would decide, for a person to read: a headline, and in Markdown the exam's
    table and the gates' sentences.
    """

    needs_approval: bool
    subject: str
    body: str

    def to_json(self) -> dict[str, Any]:
        """Return a small value that tasks pass on."""
        return asdict(self)
