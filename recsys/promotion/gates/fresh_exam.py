"""Fairness over the weeks: who lost an exam may not win by nearly the same one again."""

from recsys.promotion.contest import Contest
from recsys.promotion.verdict import Answer


def fresh_exam(contest: Contest, challenger: str) -> Answer:
    """The share of this exam's ratings that the recipe was asked in an exam that it lost. Asked
    often enough, luck wins.
    """
    bound = contest.bounds.max_shared_exam
    lost = contest.lost.get(challenger)
    if lost is None:
        return Answer(True, None, bound, "It has lost no exam that shares ratings with this one.")
    sentence = (
        f"It lost the exam of week {lost.as_of}, which asked {lost.share:.0%} of these ratings; "
        f"expected at most {bound:.0%}."
    )
    return Answer(lost.share <= bound, lost.share, bound, sentence)
