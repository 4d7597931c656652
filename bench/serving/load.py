"""What a load generator does, and what it has measured: read and written as JSON, as it runs in a
process of its own.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import numpy as np


@dataclass(frozen=True)
class Request:
    """One request of a load; a loop on the database takes `user_id` and `n` alone."""

    path: str
    user_id: int = 0
    n: int = 10
    method: str = "GET"
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None


@dataclass(frozen=True)
class Load:
    """Requests in turn for `seconds`: `rate` of them a second, whatever the answers take, or, with
    a rate of 0, the next as soon as one of the `connections` is free.
    """

    requests: Sequence[Request]
    seconds: float
    rate: float = 0.0
    connections: int = 16
    keeps_answers: bool = False

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        values = json.loads(text)
        requests = [Request(**each) for each in values.pop("requests")]
        return cls(requests, **values)


@dataclass
class Answer:
    """An answer that is kept whole: when its request began (epoch seconds), and its body."""

    began_at: float
    user_id: int
    status: int
    body: Any


@dataclass
class Measured:
    """Seconds that each answer took, how many had each status, and the generator's own CPU time.

    A late answer counts from when it was due, so that a server which stalls can't hide it.
    """

    latencies: list[float] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    answers: list[Answer] = field(default_factory=list)

    def add(self, latency: float, status: int | str) -> None:
        """Count an answer."""
        self.latencies.append(latency)
        self.statuses[str(status)] = self.statuses.get(str(status), 0) + 1

    @property
    def throughput(self) -> float:
        """Return answers a second."""
        return len(self.latencies) / self.seconds

    @property
    def n_errors(self) -> int:
        """Return how many answers were neither 200 nor 304."""
        return sum(n for status, n in self.statuses.items() if status not in ("200", "304"))

    def percentile(self, q: float) -> float:
        """Return the latency, in milliseconds, that q percent of the answers kept."""
        return float(np.percentile(self.latencies, q)) * 1_000

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        values = json.loads(text)
        answers = [Answer(**each) for each in values.pop("answers")]
        return cls(**values, answers=answers)
