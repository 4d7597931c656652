"""Look at a refit before anyone is served by it: lists for a sample of the users, beside those of
the publication before.
"""

import numpy as np

from recsys.bounds import Bounds
from recsys.db.arrays import read_arrays
from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.features.interactions import Interactions, index_of
from recsys.models.base import Recommender
from recsys.promotion.gates import REFIT_GATES
from recsys.promotion.refit import LIST_LENGTH, Refit, sample_of
from recsys.promotion.verdict import Verdict
from recsys.recipe import Recipe
from recsys.week import WeekPlan

_LISTED = {"user_id": "bigint", "rank": "integer", "movie_id": "bigint"}


def check_refit(
    conn: Connection,
    week: WeekPlan,
    recipe: Recipe,
    model: Recommender,
    interactions: Interactions,
    bounds: Bounds,
) -> list[Verdict]:
    """Every gate's answer on a model fitted on all that the week may see."""
    users = sample_of(interactions.user_ids[interactions.n_rated >= week.min_history])
    best = model.recommend(users, n=LIST_LENGTH, seen=interactions.seen_by(users))
    last = _last_lists(conn, week, users, interactions)
    refit = Refit(model.is_baseline, model.state(), best.ids, best.scores, last, bounds)
    return [Verdict.of(recipe.key, gate, check(refit)) for gate, check in REFIT_GATES.items()]


def _last_lists(
    conn: Connection, week: WeekPlan, users: np.ndarray, interactions: Interactions
) -> np.ndarray:
    """(S, LIST_LENGTH) movie ids of the newest publication of an earlier week, −1 where a list ends
    or the user has rated since.
    """
    params = {"as_of": week.as_of, "user_ids": users.tolist(), "n": LIST_LENGTH}
    listed = read_arrays(conn, queries("publication")["last_lists"], params, _LISTED)
    rows, movies = (
        index_of(users, listed["user_id"]),
        index_of(interactions.movie_ids, listed["movie_id"]),
    )
    seen = interactions.seen_by(users).tocoo()
    width = len(interactions.movie_ids)
    rated = np.isin(rows * width + movies, seen.row.astype(np.int64) * width + seen.col) & (
        movies >= 0
    )
    last = np.full((len(users), LIST_LENGTH), -1, dtype=np.int64)
    last[rows, listed["rank"] - 1] = np.where(rated, -1, listed["movie_id"])
    return last
