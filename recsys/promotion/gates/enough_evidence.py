"""Gate (e): enough users to see the minimum effect. A win that is sure in spite of few users
stands.
"""

from recsys.evaluation.comparison import users_needed
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
    needed = max(users_needed(lead, contest.bounds.minimum_effect), FLOOR)
    sentence = (
        f"{lead.n:,} users decide; to see the minimum effect of "
        f"{contest.bounds.minimum_effect:.4f} takes {needed:,}"
    )
    if lead.n >= needed:
        return Answer(True, float(lead.n), float(needed), f"{sentence}.")
    if lead.n >= FLOOR and lead.low > contest.bounds.minimum_effect:
        return Answer(
            True, float(lead.n), float(needed), f"{sentence}, but the lead is sure without them."
        )
    return Answer(False, float(lead.n), float(needed), f"{sentence}: this exam cannot tell.")
