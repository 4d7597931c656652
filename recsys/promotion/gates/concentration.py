"""Gate (d): lists that are each user's own."""

import numpy as np

from recsys.promotion.refit import Refit
from recsys.promotion.verdict import Answer


def concentration(refit: Refit) -> Answer:
    """Hold the share of all lists that have the most recommended movie against its bound. The
    baseline is meant to give everyone the same.
    """
    bound = refit.bounds.max_movie_share
    if not len(refit.ids):
        return Answer(
            True,
            None,
            bound,
            "Nobody has ratings enough to be asked about: the fallback serves everyone.",
        )
    listed = refit.ids[refit.ids >= 0]
    if not len(listed):
        return Answer(False, None, bound, "The model gives nobody a list.")
    movies, counts = np.unique(listed, return_counts=True)
    share = float(counts.max() / (refit.ids >= 0).any(axis=1).sum())
    fact = f"Movie {movies[counts.argmax()]} is in {share:.0%} of the lists"
    if refit.is_baseline:
        return Answer(True, share, None, f"{fact}; popularity recommends the same to everyone.")
    return Answer(share <= bound, share, bound, f"{fact}; expected at most {bound:.0%}.")
