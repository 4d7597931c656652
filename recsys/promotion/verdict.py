"""What a gate says."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """`figure` is what was measured, None where there was nothing to measure; `bound` what it was
    held against.
    """

    passed: bool
    figure: float | None
    bound: float | None
    sentence: str


@dataclass(frozen=True)
class Verdict(Answer):
    """A gate's answer on one recipe."""

    recipe_key: str
    gate: str

    @classmethod
    def of(cls, recipe_key: str, gate: str, answer: Answer) -> "Verdict":
        return cls(answer.passed, answer.figure, answer.bound, answer.sentence, recipe_key, gate)
