"""What stages stand on: one scale's drops, a database that holds them, and a model fitted on
them.
"""

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import cast

import numpy as np
from mlflow import MlflowClient
from pydantic import SecretStr

from bench.harness.sources import digest_of
from bench.speed.data import Zones, zones_of
from bench.speed.databases import Databases
from bench.speed.scale import Scale
from bench.speed.sources import FACTS
from recsys.db.connect import connect
from recsys.db.migrate import migrate
from recsys.evaluation.split import Exam, split_exam
from recsys.features.catalogue import Catalogue
from recsys.features.interactions import Interactions
from recsys.features.train import Loaded
from recsys.features.visible import read_catalogue, read_interactions
from recsys.models.als import ALS
from recsys.promotion import exams, ledger
from recsys.promotion.approval import UNASKED
from recsys.promotion.decision import Decision
from recsys.promotion.ledger import ModelVersion
from recsys.recipe import Recipe
from recsys.registry.fitting import Fit, fit_once
from recsys.registry.store import Registry
from recsys.request import Run, RunRequest
from recsys.run import run_step
from recsys.settings import Settings
from recsys.week import WeekPlan

#: Of the weeks that are measured; the hybrid is measured by `make bench-quality`.
RECIPES = ("popularity", "als", "item_knn")


@dataclass(frozen=True)
class WeekData:
    """What the first week sees."""

    week: WeekPlan
    catalogue: Catalogue
    interactions: Interactions

    @property
    def train(self) -> Loaded:
        """Return what a fit of the first week sees."""
        return Loaded(self.interactions, self.week.like_threshold)

    @cached_property
    def exam(self) -> Exam:
        return split_exam(
            self.interactions,
            min_users=self.week.exam_min_users,
            like_threshold=self.week.like_threshold,
        )


class Ground:
    """Made when it is first asked for, and kept in `folder` and on the server for the next call.

    `imdb` is where a generated IMDb of full size lies, if somebody has put one there.
    """

    def __init__(self, home: Path, scale: Scale, databases: Databases, *, imdb: Path) -> None:
        self.scale = scale
        self.databases = databases
        self.folder = home / scale.name
        self.imdb = imdb

    def settings(self, database: str, zone: Path, store: Path | None = None) -> Settings:
        """Of an installation of the bench's own, whatever stack runs on this machine; `store`:
        another folder of MLflow's.
        """
        return Settings(
            _env_file=None,  # pyright: ignore[reportCallIssue]
            database_url=SecretStr(self.databases.postgres.url(database)),
            drops=str(zone),
            mlflow_tracking_uri=open_mlflow_store(store or self.folder / "mlflow"),
            recipes=RECIPES,
        )

    def name(self, what: str) -> str:
        """Of one of the scale's databases: other ones where facts are taken in by other code."""
        return f"{self._family}{digest_of(FACTS)[:8]}_{what}"

    def drop_outdated(self) -> None:
        """Databases of this scale that other code filled."""
        self.databases.drop_others(self._family, keep=self.name(""))

    @property
    def _family(self) -> str:
        return f"speed_{self.scale.name}_"

    @cached_property
    def zones(self) -> Zones:
        self.folder.mkdir(parents=True, exist_ok=True)
        return zones_of(self.scale, self.folder)

    @property
    def first(self) -> date:
        """The first week: that of all ratings but the newest."""
        return self.zones.dates[0]

    @cached_property
    def blank(self) -> str:
        """A database with the schema alone."""
        return self.databases.once(self.name("blank"), self._migrate)

    @cached_property
    def unrated(self) -> str:
        """A database with the release's movies and no rating."""
        return self.databases.once(
            self.name("unrated"), lambda name: self._take_in(name, self.zones.empty[0])
        )

    @cached_property
    def filled(self) -> str:
        """A database with the first week's facts, its views brought up to them."""

        def fill(name: str) -> None:
            self._take_in(name, self.zones.full)
            run_step(self.settings(name, self.zones.full), "refresh_views")

        return self.databases.once(self.name("filled"), fill)

    @cached_property
    def in_use(self) -> Settings:
        """Of the filled database."""
        return self.settings(self.filled, self.zones.full)

    @cached_property
    def data(self) -> WeekData:
        week = run_step(self.in_use, "find_week", self.first)
        with connect(self.in_use) as conn:
            catalogue = read_catalogue(conn, week.snapshot)
            interactions = read_interactions(conn, week.snapshot, catalogue.movie_ids)
            return WeekData(week, catalogue, interactions)

    @cached_property
    def version(self) -> ModelVersion:
        """ALS, fitted on all that the first week sees."""
        fit = self.fit
        registry = Registry(self.in_use)
        with connect(self.in_use) as conn:
            fitted = fit_once(conn, registry, fit)
        n_ratings = len(self.data.interactions)
        tags = {"fingerprint": fitted.fingerprint, "n_ratings": str(n_ratings)}
        number = registry.register(fitted.run_id, fitted.fit_key, tags)
        return ModelVersion(fit.recipe, number, fitted.fit_key, fitted.fingerprint, n_ratings)

    @property
    def fit(self) -> Fit:
        """ALS, of the first week."""
        data = self.data
        return Fit(
            Recipe.of("als"),
            data.train,
            data.catalogue,
            self.first.isoformat(),
            "refit",
            self.first,
            data.week.seed,
        )

    @cached_property
    def model(self) -> ALS:
        model = Registry(self.in_use).load_version(self.version.version)
        return cast("ALS", model)

    @cached_property
    def user_vectors(self) -> np.ndarray:
        """Return (U, d) float32 of all users."""
        everyone = self.data.interactions.histories_of(self.data.interactions.user_ids)
        return self.model.vectors(everyone)[0]

    def crown(self, settings: Settings) -> int:
        """Make the model champion of the first week in a clone of the filled database; return the
        decision's number.

        Decided without an exam: one on generated users may favour any recipe.
        """
        decision = Decision(self.version.recipe.key, "first", (), (), ("Its lists are measured.",))
        with connect(settings) as conn:
            exams.record_exam(conn, self.first, self.data.exam, None)
            promotion = ledger.Promotion(
                self.first,
                Run(),
                decision,
                self.version,
                incumbent=None,
                approval=UNASKED,
                git_sha="",
            )
            recorded = ledger.record_decision(conn, promotion)
        return recorded.promotion_id

    def _migrate(self, name: str) -> None:
        with connect(self.settings(name, self.folder)) as conn:
            migrate(conn)

    def _take_in(self, name: str, zone: Path) -> None:
        self._migrate(name)
        settings = self.settings(name, zone)
        week = run_step(settings, "resolve_week", RunRequest(as_of=self.first))
        run_step(settings, "ingest_drops", week)


def open_mlflow_store(folder: Path) -> str:
    """The tracking URI of a store without a server, made at the first call; its artifacts lie in
    the same folder.
    """
    folder = folder.resolve()
    uri = f"sqlite:///{folder}/mlflow.db"
    if not (folder / "mlflow.db").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        client = MlflowClient(uri, uri)
        experiment = Settings.model_fields["mlflow_experiment"].default
        client.create_experiment(experiment, artifact_location=(folder / "artifacts").as_uri())
    return uri
