"""What every gate promises. A new one inherits `ExamGateContract` or `RefitGateContract` in a class
that names it, with an example that it passes and one that it refuses.
"""

import copy
import math
from dataclasses import replace
from datetime import date
from typing import Any, ClassVar

import numpy as np
import pytest

from recsys.bounds import Bounds
from recsys.promotion.contest import Contest, Lost, UserScores
from recsys.promotion.gates import EXAM_GATES, REFIT_GATES
from recsys.promotion.refit import Refit
from recsys.promotion.verdict import Answer

N_USERS = 400
NO_USER = UserScores(np.arange(0), np.zeros(0, np.float32))
NOISE = np.random.default_rng(3).normal(0, 0.1, N_USERS)


def contest(bounds: Bounds | None = None, **changes: object) -> Contest:
    """Champion als; ease is ahead of it by 0.05 and of popularity by 0.1, with noise."""
    ahead = (NOISE - NOISE.mean()).astype(np.float32)
    scores = {
        "als": np.full(N_USERS, 0.25),
        "ease": 0.3 + ahead,
        "popularity": np.full(N_USERS, 0.2),
    }
    example = Contest(
        user_scores={
            key: UserScores(np.arange(N_USERS), ndcg.astype(np.float32))
            for key, ndcg in scores.items()
        },
        incumbent="als",
        popularity="popularity",
        bounds=bounds or Bounds(),
        resamples=500,
        seed=1,
    )
    return replace(example, **changes)


def refit(**changes: object) -> Refit:
    """Ten users with ten movies each, all different."""
    example = Refit(
        is_baseline=False,
        arrays={"factors": np.ones((3, 2))},
        ids=np.arange(100).reshape(10, 10),
        scores=np.ones((10, 10), np.float32),
        last=np.full((10, 10), -1),
        bounds=Bounds(),
    )
    return replace(example, **changes)


class GateContract:
    """What gates of exams and of refits have in common."""

    gate: ClassVar[str]

    def answers_to_its_examples(self) -> tuple[Answer, Answer]:
        raise NotImplementedError

    def test_passes_one_example_and_refuses_the_other(self) -> None:
        passing, refusing = self.answers_to_its_examples()
        assert passing.passed is True, passing.sentence
        assert refusing.passed is False, refusing.sentence

    def test_says_why_in_a_sentence(self) -> None:
        for answer in self.answers_to_its_examples():
            check_answer(answer)

    def test_gives_the_same_answer_again(self) -> None:
        assert self.answers_to_its_examples() == self.answers_to_its_examples()


class ExamGateContract(GateContract):
    def passing(self) -> Contest:
        return contest()

    def refusing(self) -> Contest:
        raise NotImplementedError

    def ask(self, example: Contest, challenger: str = "ease") -> Answer:
        return EXAM_GATES[self.gate](example, challenger)

    def answers_to_its_examples(self) -> tuple[Answer, Answer]:
        return self.ask(self.passing()), self.ask(self.refusing())

    def test_changes_nothing_of_the_contest(self) -> None:
        example = self.refusing()
        for scores in example.user_scores.values():
            write_protect(scores.user_ids, scores.ndcg)
        before = copy.deepcopy((example.figures, example.lost, example.unfitted))
        self.ask(example)
        assert (example.figures, example.lost, example.unfitted) == before

    @pytest.mark.parametrize(
        "changes",
        [
            {"incumbent": None},
            {"incumbent": "gone", "unfitted": {"gone": "singular matrix"}},
            {"user_scores": dict.fromkeys(contest().user_scores, NO_USER)},
            {"figures": {}, "lost": {}},
            {"lost": {"popularity": Lost(date(2020, 1, 6), 1.0)}},
        ],
        ids=["no champion", "unfitted champion", "no user", "no figure", "lost before"],
    )
    def test_answers_on_every_challenger_of_any_contest(self, changes: dict[str, Any]) -> None:
        example = contest(**changes)
        for challenger in example.challengers:
            check_answer(self.ask(example, challenger))


class RefitGateContract(GateContract):
    def passing(self) -> Refit:
        return refit()

    def refusing(self) -> Refit:
        raise NotImplementedError

    def ask(self, example: Refit) -> Answer:
        return REFIT_GATES[self.gate](example)

    def answers_to_its_examples(self) -> tuple[Answer, Answer]:
        return self.ask(self.passing()), self.ask(self.refusing())

    def test_changes_nothing_of_the_refit(self) -> None:
        example = self.refusing()
        write_protect(*example.arrays.values(), example.ids, example.scores, example.last)
        self.ask(example)

    @pytest.mark.parametrize(
        "changes",
        [
            {"is_baseline": True},
            {"ids": np.full((10, 10), -1), "scores": np.full((10, 10), -np.inf)},
            {"ids": np.zeros((0, 10), int), "scores": np.zeros((0, 10)), "last": np.zeros((0, 10))},
            {"arrays": {}},
            {"arrays": {"fusion_": np.array("ranks"), "counts": np.array([1, 2])}},
        ],
        ids=["the baseline", "no list", "no user", "no array", "words and counts"],
    )
    def test_answers_on_any_refit(self, changes: dict[str, Any]) -> None:
        check_answer(self.ask(refit(**changes)))


def check_answer(answer: Answer) -> None:
    """Assert that an answer can be stored and be read."""
    assert isinstance(answer.passed, bool)
    assert answer.sentence.endswith(".") and answer.sentence[:1].strip()
    for number in (answer.figure, answer.bound):
        assert number is None or (type(number) is float and math.isfinite(number))


def write_protect(*arrays: np.ndarray) -> None:
    """Let any change of the arrays raise ValueError."""
    for array in arrays:
        array.flags.writeable = False
