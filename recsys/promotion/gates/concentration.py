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
        sentence = "Nobody has ratings enough to be asked about: the fallback serves everyone."
        return Answer(True, None, bound, sentence)
    if not refit.is_listed.any():
        return Answer(False, None, bound, "The model gives nobody a list.")
    movie, share = most_recommended(refit)
    fact = f"Movie {movie} is in {share:.0%} of the lists"
    if refit.is_baseline:
        return Answer(True, share, None, f"{fact}; popularity recommends the same to everyone.")
    return Answer(share <= bound, share, bound, f"{fact}; expected at most {bound:.0%}.")


def most_recommended(refit: Refit) -> tuple[int, float]:
    """Return the movie that is in most lists, and the share of the lists that have it."""
    movies, counts = np.unique(refit.ids[refit.is_listed], return_counts=True)
    share = float(counts.max() / refit.has_list.sum())
    return int(movies[counts.argmax()]), share
