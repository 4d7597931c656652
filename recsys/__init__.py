"""The weekly movie recommender. `recsys.steps` is the way in."""

import os

__all__ = ["errors", "run", "settings", "steps"]

# Threads that wait for others sleep. By default they spin: OpenMP's (torch, implicit) at every
# barrier, and a small network's step has hundreds; OpenBLAS's (NumPy, SciPy) for 30 ms after every
# product. On two cores, two hybrid fits at once took 36.6 s spinning and take 2.3 s asleep
# (bench.side_by_side). The libraries read these variables when they are loaded, so this package
# sets them first; what the environment sets stays.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "14")  # 2¹⁴ clock ticks, not 2²⁶
