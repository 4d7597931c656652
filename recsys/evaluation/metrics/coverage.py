"""Catalogue coverage@k: how much of the catalogue reaches anyone."""

import numpy as np


def coverage(exposure: np.ndarray) -> float:
    """Return the share of the candidates that are in at least one list. `exposure` (C,): in how
    many; NaN without candidates.
    """
    return float((exposure > 0).mean()) if len(exposure) else float("nan")
