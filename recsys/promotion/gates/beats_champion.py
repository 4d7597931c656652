"""Gate (a): surely better than the champion, by at least the minimum effect."""

from recsys.evaluation.comparison import Interval
from recsys.promotion.contest import Contest
from recsys.promotion.verdict import Answer


def beats_champion(contest: Contest, challenger: str) -> Answer:
    """The lower end of the lead's interval, corrected for several challengers, against the minimum
    effect.
    """
    if contest.defender is None:
        return Answer(True, None, None, "There is no champion to beat yet.")
    return beats(
        contest,
        challenger,
        contest.defender,
        "the champion",
        contest.against_incumbent.get(challenger),
    )


def beats(
    contest: Contest, challenger: str, opponent: str, role: str, lead: Interval | None
) -> Answer:
    """Return whether a lead is surely above the minimum effect."""
    bound = contest.bounds.minimum_effect
    if lead is None:
        sentence = f"No user decides this exam, so nothing is known against {role} {opponent}."
        return Answer(False, None, bound, sentence)
    ours = contest.user_scores[challenger].mean
    theirs = contest.user_scores[opponent].mean
    interval = f"[{lead.low:+.4f}, {lead.high:+.4f}] for {contest.n_compared} recipes at once"
    sentence = (
        f"NDCG@10 {ours:.4f} against {theirs:.4f} of {role} {opponent} on {lead.n:,} users: "
        f"{lead.mean:+.4f}, 95% interval {interval}; its lower end must be above {bound:+.4f}."
    )
    return Answer(lead.low > bound, lead.low, bound, sentence)
