"""Round values for a chart's grid."""

import math

__all__ = ["round_step", "round_values"]


def round_step(least: float) -> float:
    """Return the next of 1, 2, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= least * (1 - 1e-9))


def round_values(low: float, high: float, n: int) -> list[float]:
    """Return about n round values between two; one of them where they are the same."""
    if not high > low:
        return [low]
    step = round_step((high - low) / n)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [place * step for place in range(first, last + 1)]
