"""All users scored and a publication made and live, beside the lists alone, and beside what these
are allowed to take.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

from psycopg import sql

from bench.speed.stages.base import Bound, Stage, Way
from bench.speed.stages.top_n import PRODUCT, N, product
from recsys.db.connect import connect
from recsys.run import run_step
from recsys.settings import Settings

OURS, LISTS = "score_users, publish_recommendations", "top-N alone"
#: Three times what `top-n` may take of the bare product, 1.35: our own lists take less, and leave a
#: publication less.
PACE_LIMIT = 4.05


class WholePublication(Stage):
    name = "publication"
    title = "score + publish, whole"
    ours = OURS
    bounds = (Bound(OURS, LISTS, "≤", 3), Bound(OURS, PRODUCT, "≤", PACE_LIMIT))

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
                Way(LISTS, lambda _: model.recommend(histories.user_ids, n=N, histories=histories)),
                Way(PRODUCT, lambda _: product(model, users)),
            ]

    def publish(self, settings: Settings, promotion_id: int) -> None:
        week = self.ground.data.week
        score = partial(run_step, settings, "score_users", week, promotion_id, None)
        # side by side, as Airflow runs them
        with ThreadPoolExecutor(settings.score_shards) as tasks:
            list(tasks.map(score, range(settings.score_shards)))
        run_step(settings, "find_similar_movies", week, promotion_id)
        run_step(settings, "publish_recommendations", week, promotion_id)

    def unpublish(self, _round: int) -> None:
        ground = self.ground
        drop_publications(ground.settings(ground.name("publication"), ground.zones.full))
        ground.databases.settle()


def drop_publications(settings: Settings) -> None:
    """Their rows, as time would: they are made again then."""
    of_all = (
        "SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE inhparent = "
        "'published_lists'::regclass"
    )
    with connect(settings) as conn:
        for partition in conn.execute(of_all).fetchall():
            conn.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(partition.relname)))
