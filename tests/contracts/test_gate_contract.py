"""Every gate keeps the contract."""

import re
from datetime import date

import numpy as np

from recsys.bounds import Bounds
from recsys.db.queries import SQL
from recsys.evaluation.metrics import DECIDING
from recsys.promotion.contest import Contest, Figure, Lost
from recsys.promotion.gates import EXAM_GATES, REFIT_GATES
from recsys.promotion.refit import Refit
from tests.contracts.gate_contract import (
    ExamGateContract,
    RefitGateContract,
    contest,
    refit,
)


class TestBeatsChampion(ExamGateContract):
    gate = "beats the champion"

    def refusing(self) -> Contest:
        return contest(Bounds(minimum_effect=0.06))


class TestBeatsPopularity(ExamGateContract):
    gate = "beats popularity"

    def refusing(self) -> Contest:
        return contest(Bounds(minimum_effect=0.11))


class GuardrailContract(ExamGateContract):
    """A guardrail compares a figure of the challenger with the champion's, here 0.1."""

    part = "all"
    metric: str
    harmful: float

    def of_figures(self, challenger: float) -> Contest:
        figures = {
            ("als", self.part, self.metric): Figure(0.1, 500),
            ("ease", self.part, self.metric): Figure(challenger, 500),
        }
        return contest(figures=figures)

    def passing(self) -> Contest:
        return self.of_figures(0.1)

    def refusing(self) -> Contest:
        return self.of_figures(self.harmful)


class TestCoverage(GuardrailContract):
    gate = "coverage"
    metric = "coverage@10"
    harmful = 0.04


class TestPopularityLift(GuardrailContract):
    gate = "popularity lift"
    metric = "popularity lift@10"
    harmful = 0.7


class TestNewMovies(GuardrailContract):
    gate = "new movies"
    part = "new movies"
    metric = DECIDING
    harmful = 0.07


class TestColdUsers(GuardrailContract):
    gate = "cold users"
    part = "cold users"
    metric = DECIDING
    harmful = 0.07


class TestFallbackShare(GuardrailContract):
    gate = "fallback share"
    metric = "fallback share@10"
    harmful = 0.12


class TestEnoughEvidence(ExamGateContract):
    gate = "enough evidence"

    def refusing(self) -> Contest:
        few = contest()
        scores = {
            key: type(own)(own.user_ids[:29], own.ndcg[:29]) for key, own in few.user_scores.items()
        }
        return contest(user_scores=scores)


class TestFreshExam(ExamGateContract):
    gate = "fresh exam"

    def refusing(self) -> Contest:
        return contest(lost={"ease": Lost(date(2020, 1, 6), 0.9)})


class TestFinite(RefitGateContract):
    gate = "finite"

    def refusing(self) -> Refit:
        return refit(arrays={"factors": np.array([1.0, np.nan])})


class TestListOverlap(RefitGateContract):
    gate = "list overlap"

    def passing(self) -> Refit:
        return refit(last=refit().ids.copy())

    def refusing(self) -> Refit:
        return refit(last=refit().ids + 1_000)


class TestConcentration(RefitGateContract):
    gate = "concentration"

    def refusing(self) -> Refit:
        return refit(ids=np.tile(np.arange(10), (10, 1)))


def test_every_gate_has_its_class() -> None:
    exam_gates = {kind.gate for kind in kinds_of(ExamGateContract)}
    refit_gates = {kind.gate for kind in kinds_of(RefitGateContract)}
    assert exam_gates == set(EXAM_GATES)
    assert refit_gates == set(REFIT_GATES)


def test_no_gate_is_named_in_sql() -> None:
    statements = {path: re.sub(r"--.*", "", path.read_text()) for path in SQL.rglob("*.sql")}
    assert statements
    for gate in (*EXAM_GATES, *REFIT_GATES):
        assert [path for path, text in statements.items() if f"'{gate}'" in text] == []


def kinds_of(contract: type) -> list[type]:
    """Return the test classes that inherit a contract, at whatever depth."""
    kinds = []
    for kind in contract.__subclasses__():
        kinds += [kind] if kind.__name__.startswith("Test") else []
        kinds += kinds_of(kind)
    return kinds
