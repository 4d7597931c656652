"""Popularity lift@k: whether lists are more popular than what their users rate themselves
(Abdollahpouri et al., RecSys 2020).
"""

import numpy as np

from recsys.evaluation.lists import Figure, Lists


def popularity_lift(lists: Lists) -> Figure:
    """Return (GAP of the lists − GAP of the histories) / GAP of the histories, over the users who
    have both.

    GAP, the group's average popularity, is the mean over users of the mean share of known users who
    rated a movie of theirs. 0: lists as popular as the histories; 1: twice as popular; below 0:
    less popular.
    """
    # the share's denominator, the same on both sides, cancels out
    listed = lists.means(lists.raters)
    both = ~np.isnan(listed) & ~np.isnan(lists.own_raters)
    if not both.any():
        return float("nan"), 0
    own = lists.own_raters[both].mean()
    return float((listed[both].mean() - own) / own), int(both.sum())
