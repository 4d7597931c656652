"""A finished measurement of a stage, as the journal keeps it."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Measurement:
    """`key` is a digest of all that it depends on; `seconds`: way, or part of one → its seconds,
    one a round. `peaks`: the same → the most bytes that the bench had resident meanwhile, where
    that was measured. `recalls`: way → the share of what is exactly right that it finds.

    `ratings` is how many the scale has, `cpus` how many the machine let this process have.
    """

    key: str
    stage: str
    scale: str
    ratings: int
    cpus: int
    seconds: dict[str, list[float]]
    measured_at: str
    peaks: dict[str, int] = field(default_factory=dict)
    recalls: dict[str, float] = field(default_factory=dict)
