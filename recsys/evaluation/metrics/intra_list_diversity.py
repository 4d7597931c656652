"""Intra-list diversity@k: how unlike each other the movies of one list are (Ziegler et al., WWW
2005), by their genres.
"""

import numpy as np

from recsys.evaluation.lists import Figure, Lists, figure, mean_or_nan


def intra_list_diversity(lists: Lists) -> Figure:
    """Return the mean over the lists of 1 − the mean cosine of the genre vectors of all pairs
    within a list: 0 all alike, 1 nothing shared.

    Movies without a genre are in no pair; a list without a pair has no value.
    """
    if lists.genres is None:
        return float("nan"), 0
    sums, counts = genre_sums(lists.positions, lists.genres)
    # |Σ u|² is the sum over all ordered pairs, each movie with itself among them
    cosines = np.square(sums).sum(axis=1) - counts
    return figure(1.0 - mean_or_nan(cosines, counts * (counts - 1)))


def genre_sums(positions: np.ndarray, genres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each list's sum of genre vectors (U, G), and how many movies (U,) have a genre."""
    has_any = genres.sum(axis=1) > 0
    counts = np.zeros(len(positions), dtype=np.int64)
    sums = np.zeros((len(positions), genres.shape[1]))
    for listed in positions.T:  # a place at a time: (U, k, G) at once would be large
        is_counted = (listed >= 0) & has_any[listed]
        counts += is_counted
        sums[is_counted] += genres[listed[is_counted]]
    return sums, counts
