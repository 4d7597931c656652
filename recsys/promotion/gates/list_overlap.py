"""Gate (d): lists that have something to do with last week's."""

import numpy as np

from recsys.promotion.refit import Refit
from recsys.promotion.verdict import Answer


def list_overlap(refit: Refit) -> Answer:
    """The mean share of a user's last list, less what they rated since, that is in the new one."""
    low, high = refit.bounds.min_list_overlap, refit.bounds.max_list_overlap
    listed = refit.last >= 0
    rows = listed.any(axis=1) & (refit.ids >= 0).any(axis=1)
    if not rows.any():
        return Answer(True, None, low, "There is no list of last week's to compare with.")
    kept = (refit.last[rows, :, None] == refit.ids[rows, None, :]).any(axis=2) & listed[rows]
    overlap = float(np.mean(kept.sum(axis=1) / listed[rows].sum(axis=1)))
    sentence = (
        f"{overlap:.1%} of last week's lists remain, for {rows.sum():,} users; expected {low:.0%} "
        f"to {high:.0%}."
    )
    return Answer(low <= overlap <= high, overlap, low if overlap < low else high, sentence)
