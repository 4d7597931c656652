"""Catalogue coverage@k: how much of the catalogue reaches anyone."""

import numpy as np


def coverage(lists: np.ndarray, candidates: np.ndarray) -> float:
    """Share of `candidates` (C,) that stands in at least one row of `lists` (U, k); NaN without candidates."""
    return float(np.isin(candidates, lists).mean()) if len(candidates) else float("nan")
