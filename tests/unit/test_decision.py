"""The rule of promotion, case by case."""

import numpy as np
import pytest

from recsys.errors import LedgerError
from recsys.promotion.decision import Decision, Marks, decide

USERS = np.arange(400)
NOISE = np.random.default_rng(3).random(400) * 0.2


def marks(mean: float, noise: np.ndarray | float = 0.0) -> Marks:
    return Marks(USERS, (mean + noise - np.mean(noise) + np.zeros(400)).astype(np.float32))


def verdict(incumbent: str | None, margin: float = 0.0, **means: float | Marks) -> Decision:
    all_marks = {key: value if isinstance(value, Marks) else marks(value) for key, value in means.items()}
    return decide(all_marks, incumbent=incumbent, popularity="popularity", margin=margin, resamples=200, seed=1)


def test_first_champion_is_the_best_that_beats_popularity():
    decision = verdict(None, popularity=0.2, als=0.25, hybrid=0.3)
    assert (decision.champion_key, decision.outcome) == ("hybrid", "first")
    assert [(c.challenger, c.against) for c in decision.comparisons] == [("hybrid", "popularity")]
    assert decision.comparisons[0].mean == pytest.approx(0.1)


def test_first_champion_needs_no_interval_above_zero():
    decision = verdict(None, popularity=0.2, als=marks(0.201, NOISE))
    assert decision.comparisons[0].low < 0
    assert decision.champion_key == "als"


@pytest.mark.parametrize("best", [0.1, 0.2])
def test_where_none_beats_popularity_it_is_champion_and_says_so(best):
    decision = verdict(None, popularity=0.2, als=best, hybrid=0.1)
    assert (decision.champion_key, decision.outcome) == ("popularity", "popularity")
    assert "no recipe beats popularity's mean, so popularity itself is champion" in decision.reasons[-1]


def test_popularity_alone():
    assert verdict(None, popularity=0.2).outcome == "popularity"


def test_challenger_is_promoted_when_the_lower_end_is_above_the_margin():
    decision = verdict("als", popularity=0.2, als=0.25, hybrid=marks(0.3, NOISE), margin=0.01)
    assert (decision.champion_key, decision.outcome) == ("hybrid", "promoted")
    assert decision.comparisons[0].against == "als"
    assert decision.comparisons[0].low > 0.01


def test_a_better_mean_within_chance_does_not_promote():
    decision = verdict("als", popularity=0.2, als=0.25, hybrid=marks(0.252, NOISE))
    assert decision.comparisons[0].mean > 0 > decision.comparisons[0].low
    assert (decision.champion_key, decision.outcome) == ("als", "kept")


def test_a_lower_end_below_the_margin_does_not_promote():
    assert verdict("als", popularity=0.2, als=0.25, hybrid=0.3, margin=0.06).outcome == "kept"


def test_a_lower_end_at_the_margin_does_not_promote():
    assert verdict("als", popularity=0.2, als=0.25, hybrid=0.25).outcome == "kept"


def test_only_the_best_challenger_is_compared_ties_by_key():
    decision = verdict("als", popularity=0.2, als=0.25, hybrid=0.3, ease=0.3)
    assert decision.champion_key == "ease"
    assert len(decision.comparisons) == 1


def test_a_challenger_that_loses_to_popularity_is_never_promoted():
    decision = verdict("popularity", popularity=0.2, als=0.19)
    assert (decision.champion_key, decision.outcome, decision.comparisons) == ("popularity", "kept", ())
    decision = verdict("als", popularity=0.2, als=0.1, hybrid=0.19)  # hybrid beats the incumbent, but popularity more so
    assert (decision.champion_key, decision.outcome) == ("popularity", "promoted")


def test_an_incumbent_that_loses_to_popularity_within_chance_is_kept_with_a_warning():
    decision = verdict("als", popularity=marks(0.2, NOISE), als=0.199)
    assert (decision.champion_key, decision.outcome) == ("als", "kept")
    assert decision.reasons[0] == "The incumbent als (0.1990) now loses to popularity (0.2000)."


def test_incumbent_alone_with_a_better_mean_is_kept():
    assert verdict("als", popularity=0.2, als=0.3).champion_key == "als"


def test_reasons_carry_the_figures():
    decision = verdict("als", popularity=0.2, als=0.25, hybrid=0.3, margin=0.01)
    assert decision.reasons == (
        "hybrid (mean NDCG@10 0.3000) against the incumbent als (0.2500) on 400 users: +0.0500, 95% interval [+0.0500, +0.0500].",
        "The interval's lower end is above the margin of 0.0100, so hybrid is promoted.",
    )


def test_an_exam_that_nobody_decides_moves_nothing():
    nobody = Marks(np.array([], dtype=np.int64), np.array([], dtype=np.float32))
    decision = verdict("als", popularity=nobody, als=nobody, hybrid=nobody)
    assert decision.champion_key == "als"
    assert "on 0 users: +0.0000" in decision.reasons[0]
    assert "nan" not in " ".join(decision.reasons)
    assert verdict(None, popularity=nobody, als=nobody).champion_key == "popularity"


def test_missing_marks_are_named():
    with pytest.raises(LedgerError, match="no marks of ease: found als, popularity"):
        verdict("ease", popularity=0.2, als=0.3)
    with pytest.raises(LedgerError, match="no marks of popularity: found als"):
        verdict(None, als=0.3)


def test_marks_on_other_users_are_refused():
    other = Marks(USERS + 1, marks(0.3).ndcg)
    with pytest.raises(LedgerError, match="als sat the exam with other users than popularity: 400 and 400"):
        verdict(None, popularity=0.2, als=other)
    short = Marks(USERS, marks(0.3).ndcg[1:])
    with pytest.raises(LedgerError, match="marked als on 399 users, expected 400"):
        verdict(None, popularity=0.2, als=short)
