"""What must hold before a challenger becomes champion. A gate is one module and one line in a dict.

Every gate is asked every time, so that one exam shows every reason. `EXAM_GATES` look at a
challenger's exam; `REFIT_GATES` at the model that would be published, fitted on all that the week
may see.
"""

from collections.abc import Callable

from recsys.promotion.contest import Contest
from recsys.promotion.gates.beats_champion import beats_champion
from recsys.promotion.gates.beats_popularity import beats_popularity
from recsys.promotion.gates.concentration import concentration
from recsys.promotion.gates.enough_evidence import enough_evidence
from recsys.promotion.gates.finite import finite
from recsys.promotion.gates.fresh_exam import fresh_exam
from recsys.promotion.gates.guardrails import (
    cold_users,
    coverage,
    fallback_share,
    new_movies,
    popularity_lift,
)
from recsys.promotion.gates.list_overlap import list_overlap
from recsys.promotion.refit import Refit
from recsys.promotion.verdict import Answer

__all__ = ["BEATS_CHAMPION", "BEATS_POPULARITY", "ENOUGH_EVIDENCE", "EXAM_GATES", "REFIT_GATES"]

#: Gates whose answers others refer to.
BEATS_CHAMPION = "beats the champion"
BEATS_POPULARITY = "beats popularity"
ENOUGH_EVIDENCE = "enough evidence"

EXAM_GATES: dict[str, Callable[[Contest, str], Answer]] = {
    BEATS_CHAMPION: beats_champion,
    BEATS_POPULARITY: beats_popularity,
    "coverage": coverage,
    "popularity lift": popularity_lift,
    "new movies": new_movies,
    "cold users": cold_users,
    "fallback share": fallback_share,
    ENOUGH_EVIDENCE: enough_evidence,
    "fresh exam": fresh_exam,
}
REFIT_GATES: dict[str, Callable[[Refit], Answer]] = {
    "finite": finite,
    "list overlap": list_overlap,
    "concentration": concentration,
}
