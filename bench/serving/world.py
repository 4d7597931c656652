"""What is served: weeks of generated drops, published, and the keys that a client has."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import numpy as np
from pydantic import SecretStr

from bench.speed.ground import Ground
from recsys.db.connect import connect
from recsys.request import RunRequest
from recsys.run import run_week
from recsys.serving.key_ledger import NewKey, create_key
from recsys.settings import Settings

#: What competes in the weeks: the champion is asked anew by for-ratings.
RECIPES = ("popularity", "als", "ease")
USERS = 2_000
SEED = 20_261


@dataclass(frozen=True)
class World:
    """A database with a published week; later weeks lie in the landing zone."""

    settings: Settings
    dates: tuple[date, ...]
    user_ids: list[int]
    movie_ids: list[int]

    @property
    def environment(self) -> dict[str, str]:
        """Return what a server of it is started with."""
        settings = self.settings
        secrets = {
            "RECSYS_DATABASE_URL": settings.database_url,
            "RECSYS_API_DATABASE_URL": settings.api_database_url,
            "RECSYS_OPERATOR_DATABASE_URL": settings.operator_database_url,
        }
        values = {name: url.get_secret_value() for name, url in secrets.items() if url}
        uri = settings.mlflow_tracking_uri
        mlflow = {"RECSYS_MLFLOW_TRACKING_URI": uri, "MLFLOW_TRACKING_URI": uri}
        return {**os.environ, **values, **mlflow}

    def new_key(self) -> str:
        """Return a key that opens lists and the champion, at any rate."""
        with connect(self.settings) as conn:
            return create_key(conn, NewKey("predict", created_by="bench", rate=10_000_000))

    def publish(self, place: int) -> None:
        """Run the week of one of the dates."""
        run_week(
            self.settings, RunRequest(as_of=self.dates[place], recipes=RECIPES, run_id="bench")
        )


@contextmanager
def published_world(ground: Ground) -> Iterator[World]:
    """Yield a copy of the ground's database in which the first week is published."""
    with ground.databases.clone(ground.filled, ground.name("serving")) as name:
        postgres = ground.databases.postgres
        settings = ground.settings(name, ground.zones.full).model_copy(
            update={
                "api_database_url": SecretStr(postgres.url(name, "recsys_api")),
                "operator_database_url": SecretStr(postgres.url(name, "recsys_operator")),
                "allow_future": True,
            }
        )
        run_week(settings, RunRequest(as_of=ground.zones.dates[0], recipes=RECIPES, run_id="bench"))
        with connect(settings) as conn:
            users = conn.execute("SELECT user_id FROM published_lists ORDER BY 1").fetchall()
            movies = conn.execute("SELECT movie_id FROM catalogue ORDER BY 1").fetchall()
        draw = np.random.default_rng(SEED)
        chosen = draw.choice([row.user_id for row in users], min(USERS, len(users)), replace=False)
        movie_ids = [row.movie_id for row in movies]
        yield World(settings, ground.zones.dates, chosen.tolist(), movie_ids)
