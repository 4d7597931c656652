"""What an exam decides is computed once in a run, stored, and passed on by its id."""

from dataclasses import replace
from datetime import date

import pytest

from recsys.db.connect import Connection
from recsys.errors import LedgerError
from recsys.promotion import ledger, proposals
from recsys.promotion.approval import UNASKED, Approval
from recsys.promotion.contest import Contest
from recsys.promotion.decision import Decision, decide
from recsys.request import Run
from recsys.run import run_step
from recsys.settings import Settings
from recsys.week import WeekPlan
from recsys.work import open_work
from tests import steps
from tests.exam_scores import set_scores

MONDAY = Run(run_id="monday")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """An effect that the small world's users can show."""
    return settings.model_copy(update={"minimum_effect": 0.001})


@pytest.fixture
def week(settings: Settings, weeks: list[date]) -> WeekPlan:
    """A week up to its exam, and nothing decided."""
    return steps.examined(settings, weeks[0], MONDAY)


@pytest.fixture
def contests(monkeypatch: pytest.MonkeyPatch) -> list[Contest]:
    """The contests that were decided."""
    decided: list[Contest] = []

    def counted(contest: Contest) -> Decision:
        decided.append(contest)
        return decide(contest)

    monkeypatch.setattr(proposals, "decide", counted)
    return decided


def n_proposals(conn: Connection) -> int:
    return conn.execute("SELECT count(*) AS n FROM proposals").fetchone().n


def promote(settings: Settings, week: WeekPlan, approval: Approval, run: Run) -> ledger.Champion:
    """Refit and promote by what was proposed; return the decision."""
    version = steps.refit_winner(settings, week, approval, run)
    steps.promote_champion(settings, week, version, approval, run)
    with open_work(settings) as work:
        champion = ledger.decided_for(work.conn, week.as_of, run)
    assert champion is not None
    return champion


def test_a_whole_week_computes_its_decision_once(
    settings: Settings, weeks: list[date], conn: Connection, contests: list[Contest]
) -> None:
    steps.run_week(settings, as_of=weeks[0], run_id="monday")
    assert len(contests) == 1
    row = conn.execute(
        "SELECT run_id, as_of FROM proposals JOIN promotions USING (proposal_id, run_id, as_of)"
    )
    assert [tuple(each) for each in row] == [("monday", weeks[0])]
    steps.run_week(settings, as_of=weeks[0], run_id="tuesday")
    assert len(contests) == 1, "it is decided already"
    steps.run_week(settings, as_of=weeks[0], run_id="wednesday", force=True)
    assert len(contests) == 2, "it is decided anew, once"


def test_a_task_that_is_tried_again_finds_what_it_stored(
    settings: Settings, week: WeekPlan, conn: Connection, contests: list[Contest]
) -> None:
    first = steps.propose_champion(settings, week, run=MONDAY)
    assert steps.propose_champion(settings, week, run=MONDAY) == first
    assert (len(contests), n_proposals(conn)) == (1, 1)


def test_other_scores_bounds_recipes_or_another_run_make_another_proposal(
    settings: Settings, week: WeekPlan, conn: Connection
) -> None:
    ids = [steps.propose_champion(settings, week, run=MONDAY).proposal_id]
    ids.append(steps.propose_champion(settings, week, run=Run(run_id="tuesday")).proposal_id)
    strict = settings.model_copy(update={"minimum_effect": 0.5})
    ids.append(steps.propose_champion(strict, week, run=MONDAY).proposal_id)
    fewer = replace(week, recipes=week.recipes[:1])
    ids.append(steps.propose_champion(settings, fewer, run=MONDAY).proposal_id)
    set_scores(conn, week.as_of, popularity=0.1, als=0.2)
    ids.append(steps.propose_champion(settings, week, run=MONDAY).proposal_id)
    assert len(set(ids)) == n_proposals(conn) == 5


def test_what_was_proposed_is_promoted_though_the_exam_and_bounds_changed_since(
    settings: Settings, week: WeekPlan, conn: Connection, contests: list[Contest]
) -> None:
    set_scores(conn, week.as_of, popularity=0.1, als=0.2)
    approval = steps.answered(settings, week, run=MONDAY)
    set_scores(conn, week.as_of, popularity=0.2, als=0.1)
    strict = settings.model_copy(update={"minimum_effect": 0.5})
    champion = promote(strict, week, approval, MONDAY)
    assert (champion.outcome, champion.recipe.name) == ("first", "als")
    assert champion.approval.proposal_id == approval.proposal_id
    assert len(contests) == 1


def test_a_forced_run_beside_it_goes_by_its_own_proposal(
    settings: Settings, week: WeekPlan, conn: Connection
) -> None:
    set_scores(conn, week.as_of, popularity=0.1, als=0.2)
    ours = steps.answered(settings, week, run=MONDAY)
    set_scores(conn, week.as_of, popularity=0.2, als=0.1)
    anew = Run(force=True, run_id="anew")
    forced = promote(settings, week, steps.answered(settings, week, run=anew), anew)
    assert forced.recipe.name == "popularity"
    with pytest.raises(
        LedgerError,
        match=rf"proposal {ours.proposal_id}: found one of week .*, run 'monday', expected",
    ):
        steps.refit_winner(settings, week, ours, Run(force=True, run_id="again"))


def test_an_answer_about_no_proposal_is_refused_with_what_to_do(
    settings: Settings, week: WeekPlan
) -> None:
    for proposal_id in (None, 99):
        answer = replace(UNASKED, proposal_id=proposal_id)
        with pytest.raises(
            LedgerError, match=rf"proposal {proposal_id}: found none in the ledger, .* run propose_"
        ):
            run_step(settings, "refit_winner", week, answer, run=MONDAY)


def test_a_stored_decision_is_the_one_that_was_computed(
    settings: Settings, week: WeekPlan, conn: Connection, contests: list[Contest]
) -> None:
    set_scores(conn, week.as_of, popularity=0.1, als=0.2)
    with open_work(settings, MONDAY) as work:
        stored = proposals.propose(work, week)
    assert stored.decision == decide(contests[0])
