"""Look at a refit before anyone is served by it: lists for a sample of the users, beside those of
the publication before.
"""

import numpy as np

from recsys.db.arrays import read_arrays
from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.features.interactions import Interactions, index_of
from recsys.features.stored_train import StoredTrain
from recsys.models.base import Recommender
from recsys.promotion.gates import REFIT_GATES
from recsys.promotion.refit import LIST_LENGTH, Refit, sample_of
from recsys.promotion.verdict import Verdict
from recsys.recipe import Recipe
from recsys.week import WeekPlan
from recsys.work import Work

_LISTED = {"user_id": "bigint", "rank": "integer", "movie_id": "bigint"}


def check_refit(
    work: Work, week: WeekPlan, recipe: Recipe, model: Recommender, train: StoredTrain
) -> list[Verdict]:
    """Return every gate's answer on a model fitted on all that the week may see."""
    users = sample_of(train.users(week.min_history))
    histories = train.histories(users)
    best = model.recommend(users, n=LIST_LENGTH, histories=histories)
    last = last_lists(work.conn, week, users, histories)
    refit = Refit(model.is_baseline, model.state(), best.ids, best.scores, last, work.settings)
    return [Verdict.of(recipe.key, gate, check(refit)) for gate, check in REFIT_GATES.items()]


def last_lists(
    conn: Connection, week: WeekPlan, users: np.ndarray, histories: Interactions
) -> np.ndarray:
    """Return the users' lists in the newest publication of an earlier week (S, LIST_LENGTH), less
    what is in their `histories`.

    Movie ids, −1 where a list ends or the user has rated since.
    """
    listed = read_listed(conn, week, users)
    rows = index_of(users, listed["user_id"])
    is_rated = rated_mask(histories, users, rows, listed["movie_id"])
    last = np.full((len(users), LIST_LENGTH), -1, dtype=np.int64)
    last[rows, listed["rank"] - 1] = np.where(is_rated, -1, listed["movie_id"])
    return last


def read_listed(conn: Connection, week: WeekPlan, users: np.ndarray) -> dict[str, np.ndarray]:
    """Read the rows of the users' lists in the newest publication of an earlier week."""
    params = {"as_of": week.as_of, "user_ids": users.tolist(), "n": LIST_LENGTH}
    return read_arrays(conn, queries("publication")["last_lists"], params, _LISTED)


def rated_mask(
    histories: Interactions, users: np.ndarray, rows: np.ndarray, movie_ids: np.ndarray
) -> np.ndarray:
    """Return which movies (L,) were rated by the users that stand at `rows` (L,) of `users`."""
    movies = index_of(histories.movie_ids, movie_ids)
    seen = histories.seen_by(users).tocoo()
    width = len(histories.movie_ids)
    rated_pairs = seen.row.astype(np.int64) * width + seen.col
    return np.isin(rows * width + movies, rated_pairs) & (movies >= 0)
