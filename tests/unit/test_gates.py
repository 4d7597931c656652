"""Each gate refuses and passes at its bound."""

from datetime import date

import numpy as np
import pytest

from recsys.bounds import Bounds
from recsys.evaluation.comparison import users_needed
from recsys.promotion.contest import Contest, Figure, Lost, UserScores
from recsys.promotion.gates import BEATS_CHAMPION, ENOUGH_EVIDENCE, EXAM_GATES, REFIT_GATES
from recsys.promotion.refit import Refit, sample_of
from recsys.promotion.verdict import Answer
from tests.contracts.gate_contract import N_USERS as N
from tests.contracts.gate_contract import NOISE, contest, refit


def ask(gate: str, case: Contest, challenger: str = "ease") -> Answer:
    return EXAM_GATES[gate](case, challenger)


def ask_at(gate: str, **bounds: float) -> bool:
    return ask(gate, contest(Bounds(**bounds))).passed


@pytest.mark.parametrize(
    ("gate", "opponent"),
    [(BEATS_CHAMPION, "against_incumbent"), ("beats popularity", "against_popularity")],
)
def test_a_lead_must_be_above_the_minimum_effect_at_its_lower_end(gate, opponent):
    low = getattr(contest(), opponent)["ease"].low
    assert 0 < low < 0.1
    assert not ask_at(gate, minimum_effect=low)
    assert ask_at(gate, minimum_effect=np.nextafter(low, 0))
    answer = ask(gate, contest(Bounds(minimum_effect=low)))
    assert (answer.figure, answer.bound) == (low, low)


def test_with_more_challengers_the_same_lead_is_less_sure():
    alone = contest(
        user_scores={
            key: value for key, value in contest().user_scores.items() if key != "popularity"
        }
    )
    rng = np.random.default_rng(5)
    others = {
        f"other {n}": UserScores(np.arange(N), (0.25 + rng.normal(0, 0.1, N)).astype(np.float32))
        for n in range(6)
    }
    crowded = contest(user_scores={**contest().user_scores, **others})
    assert crowded.against_incumbent["ease"].low < alone.against_incumbent["ease"].low
    assert crowded.against_incumbent["ease"].mean == alone.against_incumbent["ease"].mean


def test_who_does_not_compete_in_this_run_is_counted_all_the_same():
    rng = np.random.default_rng(5)
    others = {
        f"other {n}": UserScores(np.arange(N), (0.25 + rng.normal(0, 0.1, N)).astype(np.float32))
        for n in range(6)
    }
    beside = contest(others=others)
    assert beside.challengers == contest().challengers
    assert beside.against_incumbent.keys() == contest().against_incumbent.keys()
    assert beside.against_incumbent["ease"].low < contest().against_incumbent["ease"].low
    assert "for 8 recipes at once" in ask(BEATS_CHAMPION, beside).sentence


def test_without_a_champion_there_is_none_to_beat():
    case = contest(incumbent=None)
    assert ask(BEATS_CHAMPION, case).passed
    assert ask("beats popularity", case).passed
    assert not ask("beats popularity", contest(Bounds(minimum_effect=0.2), incumbent=None)).passed


def test_popularity_need_not_beat_itself():
    assert ask("beats popularity", contest(), "popularity").passed
    assert not ask(BEATS_CHAMPION, contest(), "popularity").passed


@pytest.mark.parametrize(
    ("gate", "part", "metric", "champion", "bound", "worse"),
    [
        ("coverage", "all", "coverage@10", 0.4, 0.2, -1),
        ("popularity lift", "all", "popularity lift@10", 2.0, 2.5, +1),
        # lists less popular than what users rate
        ("popularity lift", "all", "popularity lift@10", -0.6, -0.1, +1),
        ("new movies", "new movies", "NDCG@10", 0.05, 0.03, -1),
        ("cold users", "cold users", "NDCG@10", 0.05, 0.03, -1),
        ("fallback share", "all", "fallback share@10", 0.02, 0.03, +1),
    ],
)
def test_a_guardrail_holds_up_to_its_tolerance(gate, part, metric, champion, bound, worse):
    def answer(ours: float) -> Answer:
        return ask(
            gate,
            contest(
                figures={
                    ("ease", part, metric): Figure(ours, 500),
                    ("als", part, metric): Figure(champion, 500),
                }
            ),
        )

    at_the_bound = answer(bound).bound or 0.0
    assert at_the_bound == pytest.approx(bound)
    assert answer(at_the_bound).passed
    assert not answer(at_the_bound + worse * 1e-9).passed
    assert answer(at_the_bound - worse * 1e-3).passed


def test_a_guardrail_without_figures_says_so_and_passes():
    assert ask("new movies", contest(figures={})).sentence.endswith(
        "the exam has too little to measure it on."
    )
    assert ask("new movies", contest(figures={})).passed


@pytest.mark.parametrize(
    ("gate", "part"), [("new movies", "new movies"), ("cold users", "cold users")]
)
@pytest.mark.parametrize(("n", "passes"), [(99, True), (100, False)])
def test_a_slice_of_few_users_refuses_nobody(gate, part, n, passes):
    figures = {
        (key, part, "NDCG@10"): Figure(value, n) for key, value in (("ease", 0.0), ("als", 0.5))
    }
    assert ask(gate, contest(figures=figures)).passed is passes


def test_evidence_is_enough_from_the_users_needed_on():
    close = {
        **contest().user_scores,
        "ease": UserScores(np.arange(N), (0.25 + NOISE).astype(np.float32)),
    }
    lead = contest(user_scores=close).against_incumbent["ease"]
    effects = np.linspace(0.5, 0.001, 2_000)
    at = next(effect for effect in effects if users_needed(lead, effect) > N)
    assert ask(
        ENOUGH_EVIDENCE,
        contest(Bounds(minimum_effect=at + effects[0] - effects[1]), user_scores=close),
    ).passed
    refused = ask(ENOUGH_EVIDENCE, contest(Bounds(minimum_effect=at), user_scores=close))
    assert not refused.passed
    assert (refused.figure, refused.bound) == (N, users_needed(lead, at))


def test_a_sure_win_needs_no_more_users():
    wide = contest(
        user_scores={
            **contest().user_scores,
            "ease": UserScores(np.arange(N), (0.9 + NOISE * 3).astype(np.float32)),
        }
    )
    lead = wide.against_incumbent["ease"]
    assert users_needed(lead, 0.005) > lead.n
    assert ask(ENOUGH_EVIDENCE, wide).passed


@pytest.mark.parametrize(("n", "passes"), [(29, False), (30, True)])
def test_a_handful_of_users_is_no_evidence_though_all_agree(n, passes):
    scores = {
        key: UserScores(np.arange(n), np.full(n, mean, np.float32))
        for key, mean in (("als", 0.1), ("ease", 0.9), ("popularity", 0.0))
    }
    assert ask(ENOUGH_EVIDENCE, contest(user_scores=scores)).passed is passes


@pytest.mark.parametrize(("share", "passes"), [(0.5, True), (0.500001, False), (1.0, False)])
def test_who_lost_may_not_win_on_an_exam_that_shares_over_half(share, passes):
    answer = ask("fresh exam", contest(lost={"ease": Lost(date(2020, 1, 6), share)}))
    assert answer.passed is passes
    assert answer.figure == share
    assert ask("fresh exam", contest(lost={"hybrid": Lost(date(2020, 1, 6), share)})).passed


# ---------------------------------------------------------------- refits


def ask_refit(gate: str, case: Refit) -> Answer:
    return REFIT_GATES[gate](case)


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_none_is_found_in_factors_and_scores(broken):
    assert ask_refit(
        "finite", refit(arrays={"ids": np.array([1, 2]), "factors": np.ones(3)})
    ).passed
    factors, scores = np.ones((3, 2)), np.ones((10, 10), np.float32)
    factors[1, 1] = scores[2, 3] = broken
    assert ask_refit("finite", refit(arrays={"factors": factors})).sentence == (
        "1 in factors are not finite; expected none."
    )
    assert not ask_refit("finite", refit(scores=scores)).passed


def test_where_a_list_ends_there_is_no_score_to_look_at():
    case = refit()
    case.ids[:, 5:], case.scores[:, 5:] = -1, -np.inf
    assert ask_refit("finite", case).passed


def test_overlap_is_of_what_was_listed_and_not_rated_since():
    case = refit()
    last = case.ids + 1_000
    last[:, 0] = case.ids[:, 9]  # one in ten remains
    last[0, 1:] = -1  # of one user only that one was left
    answer = ask_refit("list overlap", refit(last=last))
    assert answer.figure == pytest.approx((1 + 9 * 0.1) / 10)


@pytest.mark.parametrize(
    ("low", "high", "passes"),
    [(0.1, 1, True), (0.100001, 1, False), (0, 0.1, True), (0, 0.099999, False)],
)
def test_overlap_must_lie_within_its_bounds(low, high, passes):
    last = refit().ids + 1_000
    last[:, 3] = refit().ids[:, 3]
    assert (
        ask_refit(
            "list overlap",
            refit(last=last, bounds=Bounds(min_list_overlap=low, max_list_overlap=high)),
        ).passed
        is passes
    )


def test_without_last_weeks_lists_there_is_nothing_to_compare():
    assert ask_refit("list overlap", refit()).figure is None
    assert ask_refit("list overlap", refit()).passed


@pytest.mark.parametrize(("bound", "passes"), [(0.4, True), (0.399999, False)])
def test_a_movie_may_be_in_so_many_lists_and_no_more(bound, passes):
    case = refit(bounds=Bounds(max_movie_share=bound))
    case.ids[:4, 0] = 77_777
    answer = ask_refit("concentration", case)
    assert (answer.passed, answer.figure) == (passes, pytest.approx(0.4))
    assert "Movie 77777" in answer.sentence


def test_popularity_may_give_everyone_the_same():
    same = np.tile(np.arange(10), (10, 1))
    assert not ask_refit("concentration", refit(ids=same)).passed
    assert ask_refit("concentration", refit(ids=same, is_baseline=True)).passed


def test_where_nobody_can_be_asked_about_nothing_is_refused():
    nobody = refit(
        ids=np.zeros((0, 10), int), scores=np.zeros((0, 10)), last=np.zeros((0, 10), int)
    )
    assert all(gate(nobody).passed for gate in REFIT_GATES.values())


def test_a_model_that_gives_nobody_a_list_is_refused():
    assert not ask_refit("concentration", refit(ids=np.full((10, 10), -1))).passed


@pytest.mark.parametrize(
    ("n", "expected"), [(0, 0), (1, 1), (2_000, 2_000), (2_001, 1_001), (138_493, 1_979)]
)
def test_the_sample_is_spread_over_all_users(n, expected):
    sample = sample_of(np.arange(n))
    assert len(sample) == expected
    assert n < 2 or sample[-1] > 0.99 * (n - 1) - 2
