"""Gate (d): lists that have something to do with last week's."""

import numpy as np

from recsys.promotion.refit import Refit
from recsys.promotion.verdict import Answer


def list_overlap(refit: Refit) -> Answer:
    """The mean share of a user's last list, less what they rated since, that is in the new one."""
    low = refit.bounds.min_list_overlap
    high = refit.bounds.max_list_overlap
    shares = shares_kept(refit)
    if not len(shares):
        return Answer(True, None, low, "There is no list of last week's to compare with.")
    overlap = float(np.mean(shares))
    sentence = (
        f"{overlap:.1%} of last week's lists remain, for {len(shares):,} users; expected {low:.0%} "
        f"to {high:.0%}."
    )
    return Answer(low <= overlap <= high, overlap, low if overlap < low else high, sentence)


def shares_kept(refit: Refit) -> np.ndarray:
    """Return what share of the last list is in the new one, of each user who has both (U,)."""
    was_listed = refit.last >= 0
    rows = was_listed.any(axis=1) & refit.has_list
    in_both = (refit.last[rows, :, None] == refit.ids[rows, None, :]).any(axis=2)
    n_kept = (in_both & was_listed[rows]).sum(axis=1)
    return n_kept / was_listed[rows].sum(axis=1)
