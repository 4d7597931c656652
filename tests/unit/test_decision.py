"""Who becomes champion, case by case; the gates that decide it are tested one by one in
test_gates.py.
"""

import json
from dataclasses import replace

import numpy as np
import pytest

from recsys.bounds import Bounds
from recsys.errors import LedgerError, ModelError
from recsys.promotion.approval import Approval
from recsys.promotion.contest import Contest, Lost, UserScores
from recsys.promotion.decision import Decision, decide, settle
from recsys.promotion.gates import BEATS_CHAMPION, ENOUGH_EVIDENCE, EXAM_GATES
from recsys.promotion.verdict import Verdict

USERS = np.arange(400)
NOISE = np.random.default_rng(3).random(400) * 0.2


def scores(mean: float, noise: np.ndarray | float = 0.0) -> UserScores:
    return UserScores(USERS, (mean + noise - np.mean(noise) + np.zeros(400)).astype(np.float32))


def contest(
    incumbent: str | None, lost: dict[str, Lost] | None, /, **means: float | UserScores
) -> Contest:
    return Contest(
        user_scores={
            key: value if isinstance(value, UserScores) else scores(value)
            for key, value in means.items()
        },
        incumbent=incumbent,
        popularity="popularity",
        bounds=Bounds(minimum_effect=0.01),
        resamples=200,
        seed=1,
        lost=lost or {},
    )


def verdict(incumbent: str | None, **means: float | UserScores) -> Decision:
    return decide(contest(incumbent, None, **means))


def test_the_first_champion_is_the_best_that_surely_beats_popularity():
    decision = verdict(None, popularity=0.2, als=0.25, hybrid=0.3)
    assert (decision.champion_key, decision.outcome, decision.is_new) == ("hybrid", "first", True)
    leads = {(each.challenger, each.against): each.mean for each in decision.comparisons}
    assert leads == {
        ("hybrid", "popularity"): pytest.approx(0.1),
        ("als", "popularity"): pytest.approx(0.05),
    }


def test_a_better_mean_within_chance_crowns_nobody():
    decision = verdict(None, popularity=0.2, als=scores(0.212, NOISE))
    assert decision.comparisons[0].low < 0.01
    assert (decision.champion_key, decision.outcome, decision.is_new) == (
        "popularity",
        "popularity",
        False,
    )


@pytest.mark.parametrize("best", [0.1, 0.2])
def test_where_none_beats_popularity_it_is_champion_and_says_so(best):
    decision = verdict(None, popularity=0.2, als=best, hybrid=0.1)
    assert (decision.champion_key, decision.outcome) == ("popularity", "popularity")
    assert decision.reasons[-1] == "No recipe passes every gate, so popularity itself is champion."


def test_popularity_alone():
    assert verdict(None, popularity=0.2).outcome == "popularity"


def test_a_challenger_surely_ahead_is_promoted():
    decision = verdict("als", popularity=0.2, als=0.25, hybrid=scores(0.3, NOISE))
    assert (decision.champion_key, decision.outcome, decision.is_new) == (
        "hybrid",
        "promoted",
        True,
    )


def test_of_several_that_pass_the_best_is_promoted_ties_by_key():
    assert (
        verdict("als", popularity=0.2, als=0.25, hybrid=0.3, ease=0.3, knn=0.29).champion_key
        == "ease"
    )


def test_the_best_that_a_gate_refuses_makes_way_for_the_next():
    lost = {"hybrid": Lost(as_of=None, share=0.9)}  # pyright: ignore[reportArgumentType]
    decision = decide(contest("als", lost, popularity=0.2, als=0.25, hybrid=0.31, ease=0.3))
    assert (decision.champion_key, decision.outcome) == ("ease", "promoted")


def test_a_clear_loss_keeps_the_incumbent():
    decision = verdict("als", popularity=0.2, als=0.25, hybrid=0.255)
    assert (decision.champion_key, decision.outcome, decision.users_needed) == ("als", "kept", None)
    assert decision.reasons[-1] == "No challenger passes every gate, so als is kept."


def test_too_few_users_leave_it_undecided_and_say_how_many_it_takes():
    noisy = scores(0.26, np.random.default_rng(1).normal(0, 0.3, 400))
    decision = verdict("als", popularity=0.2, als=0.25, hybrid=noisy)
    assert (decision.champion_key, decision.outcome) == ("als", "not decided")
    assert (decision.users_needed or 0) > 400
    assert "the next exam asks for more" in decision.reasons[-1]


def test_a_sure_win_of_few_users_stands():
    noisy = scores(0.6, np.random.default_rng(1).normal(0, 0.3, 400))
    assert verdict("als", popularity=0.2, als=0.25, hybrid=noisy).outcome == "promoted"


def test_popularity_deposes_a_champion_that_surely_loses_to_it():
    # hybrid beats the champion, but popularity more so
    decision = verdict("als", popularity=0.2, als=0.1, hybrid=0.19)
    assert (decision.champion_key, decision.outcome) == ("popularity", "promoted")


def test_a_challenger_that_loses_to_popularity_is_never_promoted():
    assert verdict("popularity", popularity=0.2, als=0.19).outcome == "kept"


def test_an_incumbent_close_behind_popularity_is_kept_with_a_warning():
    decision = verdict("als", popularity=0.2, als=0.199)
    assert (decision.champion_key, decision.outcome) == ("als", "kept")
    assert decision.reasons[0] == "The incumbent als (0.1990) now loses to popularity (0.2000)."


def test_every_gate_is_asked_of_every_challenger():
    decision = verdict("als", popularity=0.2, als=0.25, hybrid=0.1)
    assert [(each.recipe_key, each.gate) for each in decision.verdicts] == [
        (key, gate) for key in ("popularity", "hybrid") for gate in EXAM_GATES
    ]


def test_reasons_are_the_winners_gates_or_what_the_best_was_refused_for():
    won = verdict("als", popularity=0.2, als=0.25, hybrid=0.3)
    assert len(won.reasons) == len(EXAM_GATES) + 1
    assert won.reasons[0].startswith(
        f"hybrid, {BEATS_CHAMPION}: NDCG@10 0.3000 against 0.2500 of the champion als on 400 users"
    )
    lost = verdict("als", popularity=0.2, als=0.25, hybrid=0.255)
    assert [reason.split(":")[0] for reason in lost.reasons[:-1]] == [f"hybrid, {BEATS_CHAMPION}"]


def test_an_exam_that_nobody_decides_moves_nothing():
    nobody = UserScores(np.array([], dtype=np.int64), np.array([], dtype=np.float32))
    decision = verdict("als", popularity=nobody, als=nobody, hybrid=nobody)
    assert (decision.champion_key, decision.outcome, decision.users_needed) == (
        "als",
        "not decided",
        None,
    )
    assert f"hybrid, {ENOUGH_EVIDENCE}: No user decides this exam." in decision.reasons
    assert verdict(None, popularity=nobody, als=nobody).champion_key == "popularity"


def test_a_handful_of_users_who_agree_decide_nothing():
    few = {
        key: UserScores(USERS[:29], np.full(29, mean, dtype=np.float32))
        for key, mean in (("popularity", 0.1), ("als", 0.2), ("ease", 0.9))
    }
    assert verdict("als", **few).outcome == "not decided"


def test_missing_scores_are_named():
    with pytest.raises(LedgerError, match="no per-user scores of ease: found als, popularity"):
        verdict("ease", popularity=0.2, als=0.3)
    with pytest.raises(LedgerError, match="no per-user scores of popularity: found als"):
        verdict(None, als=0.3)


def test_scores_on_other_users_are_refused():
    other = UserScores(USERS + 1, scores(0.3).ndcg)
    with pytest.raises(
        LedgerError, match="als was evaluated on other users than popularity: 400 and 400"
    ):
        verdict(None, popularity=0.2, als=other)
    short = UserScores(USERS, scores(0.3).ndcg[1:])
    with pytest.raises(LedgerError, match="evaluated als on 399 users, expected 400"):
        verdict(None, popularity=0.2, als=short)


# ---------------------------------------- what comes between the exam and the ledger


@pytest.fixture
def promoted() -> Decision:
    return verdict("als", popularity=0.2, als=0.25, hybrid=0.3)


def test_an_approved_decision_is_as_it_was(promoted):
    assert settle(promoted, fallback="als", approval=Approval("approved", "ann")) == promoted


@pytest.mark.parametrize(
    ("approval", "reason"),
    [(Approval("rejected", "ann"), "rejected by ann"), (Approval("timed out"), "timed out")],
)
def test_without_approval_the_champion_stays(promoted, approval, reason):
    settled = settle(promoted, fallback="als", approval=approval)
    assert (settled.champion_key, settled.outcome) == ("als", "kept")
    assert settled.reasons[-2:] == (f"hybrid was not approved: {reason}.", "So als is kept.")


def test_without_approval_of_a_first_champion_it_is_popularity():
    first = verdict(None, popularity=0.2, als=0.3)
    settled = settle(first, fallback="popularity", approval=Approval("rejected", "ann"))
    assert (settled.champion_key, settled.outcome) == ("popularity", "popularity")


def test_an_answer_changes_nothing_where_nothing_new_was_proposed():
    kept = verdict("als", popularity=0.2, als=0.25, hybrid=0.255)
    assert settle(kept, fallback="als", approval=Approval("rejected", "ann")) == kept


def test_where_a_person_must_agree_and_was_not_asked_the_champion_stays(promoted):
    settled = settle(promoted, fallback="als", required=True)
    assert (settled.champion_key, settled.outcome) == ("als", "kept")
    assert "hybrid was not approved: nobody was asked." in settled.reasons
    assert (
        settle(promoted, fallback="als", required=True, approval=Approval("approved", "ann"))
        == promoted
    )


def test_a_refused_refit_keeps_the_champion(promoted):
    settled = settle(
        promoted,
        fallback="als",
        refused={"hybrid": "finite: 3 in scores are not finite; expected none."},
    )
    assert (settled.champion_key, settled.outcome) == ("als", "kept")
    assert "The refit of hybrid was refused by its gates." in settled.reasons
    assert "finite: 3 in scores are not finite; expected none." in settled.reasons


def test_where_the_fallbacks_refit_is_refused_too_nothing_can_be_published(promoted):
    with pytest.raises(
        ModelError,
        match=r"the refit of als was .*and there is no other.* als: "
        r"concentration: all$",
    ):
        settle(
            promoted,
            fallback="als",
            refused={"hybrid": "finite: none", "als": "concentration: all"},
        )


def absent(incumbent: str, **means: float | UserScores) -> Contest:
    """A contest whose incumbent could not be fitted."""
    return replace(contest(incumbent, None, **means), unfitted={incumbent: "out of memory"})


def test_without_its_incumbent_a_contest_is_won_by_who_beats_popularity():
    decision = decide(absent("ease", popularity=0.2, als=0.3))
    assert (decision.champion_key, decision.outcome) == ("als", "promoted")
    assert decision.reasons[0] == "The incumbent ease cannot be fitted: out of memory."
    refused = settle(
        decision, fallback="popularity", approval=Approval("rejected", "ada"), required=True
    )
    assert (refused.champion_key, refused.outcome) == ("popularity", "popularity")


def test_without_its_incumbent_and_without_a_winner_popularity_is_champion():
    decision = decide(absent("ease", popularity=0.2, als=0.1))
    assert (decision.champion_key, decision.outcome) == ("popularity", "popularity")


def test_without_popularity_nothing_is_decided():
    with pytest.raises(ModelError, match="popularity cannot be fitted: no rating"):
        decide(replace(contest(None, None, als=0.3), unfitted={"popularity": "no rating"}))


def test_a_decision_is_the_same_after_json():
    decision = verdict("als", popularity=0.2, als=0.25, hybrid=0.3)
    odd = Verdict(True, float("inf"), 30.0, "", "hybrid", "a gate")
    decision = replace(decision, verdicts=(*decision.verdicts, odd))
    assert (
        Decision.from_json(json.loads(json.dumps(decision.to_json(), allow_nan=False))) == decision
    )


def test_a_decision_of_another_form_is_refused_with_a_sentence():
    decision = verdict(None, popularity=0.2, als=0.25)
    with pytest.raises(LedgerError, match="found form 9, expected 1; run propose_champion again"):
        Decision.from_json(decision.to_json() | {"form": 9})
