"""The decision: proposed, approved where a person must, fitted on everything, stored."""

import logging

from recsys.promotion import ledger
from recsys.promotion.approval import UNASKED, Approval, Proposal
from recsys.promotion.ledger import Champion, Promotion
from recsys.promotion.mirror import mirror_champion, mirror_model
from recsys.promotion.proposals import AnsweredProposal, StoredProposal, answered_proposal, propose
from recsys.promotion.refits import try_refit, version_of_refit
from recsys.promotion.week_contest import WeekContest, refused_refits
from recsys.report import Question, proposal, verdict
from recsys.revision import git_sha
from recsys.week import WeekPlan
from recsys.work import Work

__all__ = ["promote_champion", "propose_champion", "refit_challenger", "refit_winner"]

log = logging.getLogger(__name__)


def propose_champion(work: Work, week: WeekPlan) -> Proposal:
    """Decide by the exam, once, and store it; return it as a person reads it, with its id."""
    done = ledger.decided_for(work.conn, week.as_of, work.run)
    if done:
        subject = f"Week {week.as_of} is decided already"
        return Proposal(False, subject, verdict(done), done.approval.proposal_id)
    return proposal_to_read(work, week, propose(work, week))


def proposal_to_read(work: Work, week: WeekPlan, stored: StoredProposal) -> Proposal:
    """Return a stored proposal as a person reads it."""
    decision = stored.decision
    question = Question(decision, list(WeekContest(work, week).recipes), stored.fallback.key)
    body = proposal(work.conn, week.as_of, question)
    subject = f"Week {week.as_of}: {decision.outcome}, {decision.champion_key}"
    needs_approval = work.run.require_approval and decision.is_new
    return Proposal(needs_approval, subject, body, stored.proposal_id)


def refit_winner(work: Work, week: WeekPlan, approval: Approval = UNASKED) -> str:
    """Fit the recipe that won and was approved on everything the week admits; return its version.

    Where that fails, or the gates refuse it, the incumbent's recipe is fitted instead. Raises
    ModelError where that is not served either.
    """
    done = ledger.decided_for(work.conn, week.as_of, work.run)
    if done:
        key, version = done.recipe.key, done.model.version
        log.info("week %s is decided already: %s, version %s", week.as_of, key, version)
        return version
    return refit_settled(work, week, answered_proposal(work, week, approval))


def refit_settled(work: Work, week: WeekPlan, answered: AnsweredProposal) -> str:
    """Fit who is settled on, then the fallback if that is refused; return the version."""
    # of this attempt alone: other code, or other bounds, may judge a refit otherwise
    refused: dict[str, str] = {}
    while True:  # at most twice: settled raises where the fallback was refused as well
        recipe = answered.recipe_of(answered.settled(refused))
        version = try_refit(work, week, recipe)
        reasons = refused_refits(work.conn, week)
        if version is not None and recipe.key not in reasons:
            return version
        refused[recipe.key] = reasons[recipe.key]


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
    sentence = "week %s: the refit of the challenger %s was refused by its gates. %s"
    log.warning(sentence, week.as_of, key, reasons[key])
    return None


def promote_champion(
    work: Work, week: WeekPlan, model_version: str, approval: Approval = UNASKED
) -> int:
    """Store the week's decision, once, and let MLflow's alias follow; return the decision's id."""
    champion = ledger.decided_for(work.conn, week.as_of, work.run)
    if champion is None:
        champion = record_settled(work, week, model_version, approval)
    elif approval.answer and champion.approval != approval:
        sentence = "week %s was decided without waiting for the answer: %s"
        log.warning(sentence, week.as_of, approval.sentence)
    mirror_model(work.conn, work.registry, champion.model, champion.as_of)
    mirror_champion(work.conn, work.registry)
    log.info(verdict(champion))
    return champion.promotion_id


def record_settled(work: Work, week: WeekPlan, model_version: str, approval: Approval) -> Champion:
    """Store the decision that a proposal comes to after its answer and the gates on the refits."""
    answered = answered_proposal(work, week, approval)
    decision = answered.settled(refused_refits(work.conn, week))
    recipe = answered.recipe_of(decision)
    promotion = Promotion(
        as_of=week.as_of,
        run=work.run,
        decision=decision,
        model=version_of_refit(work, week, recipe, model_version),
        incumbent=answered.stored.incumbent,
        approval=answered.approval,
        git_sha=git_sha(work.settings.git_sha),
    )
    return ledger.record_decision(work.conn, promotion)
