"""Novelty@k: how little known the listed movies are, as mean self-information (Zhou et al., PNAS
107(10), 2010).
"""

import numpy as np

from recsys.evaluation.lists import Figure, Lists, figure


def novelty(lists: Lists) -> Figure:
    """Return the mean over the lists of the mean −log2 of the share of users who rated the movie,
    in bits.

    0 where all users rated all that is listed; one bit more each time half as many did. A movie
    that nobody rated, whose self-information has no bound, counts as if one user had: log2 of the
    number of users, the most that a rated one can have.
    """
    return figure(
        lists.means(np.log2(max(lists.n_users, 1)) - np.log2(np.maximum(lists.raters, 1)))
    )
