"""Gate (e): enough users to see the minimum effect. A win that is sure in spite of few users
stands.
"""

from recsys.evaluation.comparison import Interval, users_needed
from recsys.promotion.contest import Contest
from recsys.promotion.verdict import Answer

#: Fewer users than this are no sample: that they all agree says nothing of others.
FLOOR = 30


def enough_evidence(contest: Contest, challenger: str) -> Answer:
    """How many users decided, against how many it takes to see, nine times in ten, a lead of twice
    the minimum effect.
    """
    lead = contest.decisive.get(challenger)
    if lead is None:
        return Answer(False, 0.0, None, "No user decides this exam.")
    effect = contest.bounds.minimum_effect
    needed = max(users_needed(lead, effect), FLOOR)
    passed, end = has_evidence(lead, needed, effect)
    sentence = (
        f"{lead.n:,} users decide; to see the minimum effect of {effect:.4f} takes {needed:,}{end}"
    )
    return Answer(passed, float(lead.n), float(needed), sentence)


def has_evidence(lead: Interval, needed: int, effect: float) -> tuple[bool, str]:
    """Return whether the users are enough, and the end of the sentence that says so."""
    if lead.n >= needed:
        return True, "."
    if lead.n >= FLOOR and lead.low > effect:
        return True, ", but the lead is sure without them."
    return False, ": this exam cannot tell."
