"""Users whom the model leaves to the fallback."""

import numpy as np

from recsys.evaluation.lists import Figure, Lists, figure


def fallback_share(lists: Lists) -> Figure:
    """Return the share of users to whom the model gives no list; NaN over no users."""
    return figure(np.all(lists.positions < 0, axis=1).astype(np.float64))
