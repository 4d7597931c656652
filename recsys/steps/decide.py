"""The decision: proposed, approved where a person must, fitted on everything, stored."""

import logging

from recsys.promotion import ledger
from recsys.promotion.approval import UNASKED, Approval, Proposal
from recsys.promotion.ledger import Champion
from recsys.promotion.mirror import mirror_champion, mirror_model
from recsys.promotion.refits import try_refit, version_of_refit
from recsys.promotion.week_contest import WeekContest, refused_refits
from recsys.report import Question, proposal, verdict
from recsys.revision import git_sha
from recsys.week import WeekPlan
from recsys.work import Work

__all__ = ["promote_champion", "propose_champion", "refit_challenger", "refit_winner"]

log = logging.getLogger(__name__)


def propose_champion(work: Work, week: WeekPlan) -> Proposal:
    """Return what the exam decides, for a person to approve: exam, gates, what each answer does."""
    decided = ledger.decided_for(work.conn, week.as_of, work.run)
    if decided:
        return Proposal(False, f"Week {week.as_of} is decided already", verdict(decided))
    contest = WeekContest(work, week)
    decision = contest.decision
    question = Question(decision, list(contest.recipes), contest.fallback)
    body = proposal(work.conn, week.as_of, question)
    subject = f"Week {week.as_of}: {decision.outcome}, {decision.champion_key}"
    return Proposal(work.run.require_approval and decision.is_new, subject, body)


def refit_winner(work: Work, week: WeekPlan, approval: Approval = UNASKED) -> str:
    """Fit the recipe that won and was approved on everything the week admits; return its version.

    Where that fails, or the gates refuse it, the incumbent's recipe is fitted instead. Raises
    ModelError where that is not served either.
    """
    decided = ledger.decided_for(work.conn, week.as_of, work.run)
    if decided:
        key, version = decided.recipe.key, decided.model.version
        log.info("week %s is decided already: %s, version %s", week.as_of, key, version)
        return version
    contest = WeekContest(work, week)
    # of this attempt alone: other code, or other bounds, may judge a refit otherwise
    refused: dict[str, str] = {}
    while True:  # at most twice: settle raises where the fallback was refused as well
        key = contest.settled(approval, refused).champion_key
        refit = try_refit(work, week, contest.recipes[key])
        reasons = refused_refits(work.conn, week)
        if refit is not None and key not in reasons:
            return refit
        refused[key] = reasons[key]


def refit_challenger(work: Work, week: WeekPlan) -> str | None:
    """Fit the recipe of the week's experiment likewise; return its version.

    None without an experiment, and where it cannot be fitted or the gates refuse it: then the
    champion serves everyone this week.
    """
    if week.experiment is None:
        return None
    key = week.experiment.recipe.key
    version = try_refit(work, week, week.experiment.recipe)
    reasons = refused_refits(work.conn, week)
    if key not in reasons:
        return version
    log.warning(
        "week %s: the refit of the challenger %s was refused by its gates. %s",
        week.as_of,
        key,
        reasons[key],
    )
    return None


def promote_champion(
    work: Work, week: WeekPlan, model_version: str, approval: Approval = UNASKED
) -> int:
    """Store the week's decision, once, and let MLflow's alias follow; return the decision's id."""
    champion = ledger.decided_for(work.conn, week.as_of, work.run)
    if champion is None:
        champion = _promote(work, week, model_version, approval)
    elif approval.answer and champion.approval != approval:
        log.warning(
            "week %s was decided without waiting for the answer: %s", week.as_of, approval.told
        )
    mirror_model(work.conn, work.registry, champion.model, champion.as_of)
    mirror_champion(work.conn, work.registry)
    log.info(verdict(champion))
    return champion.promotion_id


def _promote(work: Work, week: WeekPlan, model_version: str, approval: Approval) -> Champion:
    contest = WeekContest(work, week)
    decision = contest.settled(approval, refused_refits(work.conn, week))
    recipe = contest.recipes[decision.champion_key]
    model = version_of_refit(work, week, recipe, model_version)
    incumbent = contest.incumbent.key if contest.incumbent else None
    sha = git_sha(work.settings.git_sha)
    return ledger.record_decision(
        work.conn, week.as_of, work.run, decision, model, incumbent, approval, sha
    )
