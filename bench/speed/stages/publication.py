"""All users scored and a publication made and live, beside one that has only the movies that
readers are shown, and that beside the lists alone and what these are allowed to take.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from unittest.mock import patch

import numpy as np
from psycopg import sql

from bench.speed.stages.base import Bound, Stage, Way
from bench.speed.stages.top_n import PRODUCT, N, product
from recsys.db.connect import connect
from recsys.features.interactions import Interactions
from recsys.models.base import Recommender, TopN
from recsys.run import run_step
from recsys.scoring import candidates
from recsys.scoring.reasons import EACH, ListRequest, Reasons
from recsys.settings import Settings
from recsys.steps import publish as publishing
from recsys.week import WeekPlan

OURS, LISTS = "score_users, find_similar_movies, publish_recommendations", "top-N alone"
SHOWN = "without depth, reasons and similar movies"
#: Three times what `top-n` may take of the bare product, 1.35: our own lists take less, and leave a
#: publication less.
PACE_LIMIT = 4.05


class WholePublication(Stage):
    name = "publication"
    title = "score + publish, whole"
    ours = OURS
    bounds = (
        Bound(OURS, SHOWN, "≤", 2),
        Bound(SHOWN, LISTS, "≤", 3),
        Bound(SHOWN, PRODUCT, "≤", PACE_LIMIT),
    )

    @contextmanager
    def ways(self) -> Iterator[Sequence[Way]]:
        ground = self.ground
        model, users = ground.model, ground.user_vectors
        histories = ground.data.interactions
        with ground.databases.clone(ground.filled, ground.name("publication")) as name:
            settings = ground.settings(name, ground.zones.full)
            promotion_id = ground.crown(settings)
            yield [
                Way(OURS, lambda _: self.publish(settings, promotion_id), self.unpublish),
                Way(SHOWN, lambda _: self.publish_shown(settings, promotion_id), self.unpublish),
                Way(LISTS, lambda _: model.recommend(histories.user_ids, n=N, histories=histories)),
                Way(PRODUCT, lambda _: product(model, users)),
            ]

    def publish(self, settings: Settings, promotion_id: int) -> None:
        week = self.ground.data.week
        similar = partial(run_step, settings, "find_similar_movies", week, promotion_id)
        with ThreadPoolExecutor(1) as beside:  # as Airflow runs it
            similar_stored = beside.submit(similar)
            self.score(settings, week, promotion_id)
            similar_stored.result()
        run_step(settings, "publish_recommendations", week, promotion_id)

    def publish_shown(self, settings: Settings, promotion_id: int) -> None:
        week = replace(self.ground.data.week, depth=0)  # as deep as it is shown
        with (
            patch.object(candidates, "recommend_with_reasons", lists_alone),
            patch.object(publishing, "require_similar"),
        ):
            self.score(settings, week, promotion_id)
            run_step(settings, "publish_recommendations", week, promotion_id)

    def score(self, settings: Settings, week: WeekPlan, promotion_id: int) -> None:
        """Score all shards side by side, as Airflow runs them."""
        score = partial(run_step, settings, "score_users", week, promotion_id, None)
        with ThreadPoolExecutor(settings.score_shards) as tasks:
            list(tasks.map(score, range(settings.score_shards)))

    def unpublish(self, _round: int) -> None:
        ground = self.ground
        drop_publications(ground.settings(ground.name("publication"), ground.zones.full))
        ground.databases.settle()


def lists_alone(
    model: Recommender, request: ListRequest, histories: Interactions
) -> tuple[TopN, Reasons]:
    """Return lists as they were made before there were reasons."""
    best = model.recommend(request.users, n=request.n, histories=histories, offered=request.offered)
    cited = np.full((len(request.users), EACH * request.n_explained), -1, dtype=np.int64)
    return best, Reasons("rule", cited, np.zeros(cited.shape, dtype=np.float32))


def drop_publications(settings: Settings) -> None:
    """Their rows, as time would: they are made again then."""
    of_all = (
        "SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE inhparent = "
        "'published_lists'::regclass"
    )
    with connect(settings) as conn:
        for partition in conn.execute(of_all).fetchall():
            conn.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(partition.relname)))
        conn.execute("TRUNCATE published_similar")
