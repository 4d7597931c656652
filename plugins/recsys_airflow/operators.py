"""One operator a step. Each is a call of recsys.pipeline: what a step does is read there."""

from collections.abc import Collection
from inspect import getdoc
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from recsys_airflow import RECSYS_DB
from recsys_airflow.as_of import run_as_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from recsys.settings import Settings
    from recsys.week import Week


class StepOperator(BaseOperator):
    """A step of the week. Its execution timeout is also the limit of each of its SQL statements.

    `week` is what resolve_week returned. An error that the same files would cause again fails the task at once, without retries.
    """

    template_fields: Collection[str] = ("week",)

    def __init__(self, *, week: Any = None, conn_id: str = RECSYS_DB, **kwargs: Any) -> None:
        super().__init__(**{"doc_md": getdoc(type(self)), **kwargs})
        self.week = week
        self.conn_id = conn_id

    def execute(self, context: "Context") -> Any:
        from recsys.errors import DropError, NothingToRecommend
        from recsys_airflow.hook import RecsysHook

        try:
            return self.step(RecsysHook(self.conn_id).settings(self.execution_timeout), context)
        except (DropError, NothingToRecommend) as error:
            raise AirflowFailException(str(error)) from error

    def step(self, settings: "Settings", context: "Context") -> Any:
        """The step itself; its result is handed on, so it is small."""
        raise NotImplementedError

    def resolved(self) -> "Week":
        """The run's week."""
        from recsys.week import Week

        return Week.from_json(self.week)


class ResolveWeek(StepOperator):
    """Turns the data interval, or a manual run's Params, into a week: as_of, watermark, recipes, top_n. No step asks a clock."""

    def step(self, settings: "Settings", context: "Context") -> dict[str, Any]:
        from recsys import pipeline
        from recsys.drops.zone import LandingZone

        as_of = run_as_of(context, LandingZone(settings.drops))
        params = context.get("params") or {}
        return pipeline.resolve_week(settings, as_of=as_of, recipes=params.get("recipes"), top_n=params.get("top_n")).to_json()


class IngestDrops(StepOperator):
    """Takes in every complete drop up to as_of that the ledger lacks, oldest first: verify, stage, check, merge."""

    def step(self, settings: "Settings", context: "Context") -> list[str]:
        from recsys import pipeline

        return pipeline.ingest_drops(settings, self.resolved())


class RefreshViews(StepOperator):
    """Refreshes the materialized views while they are read."""

    def step(self, settings: "Settings", context: "Context") -> None:
        from recsys import pipeline

        pipeline.refresh_views(settings)


class ListRecipes(StepOperator):
    """The week's recipes, one mapped train_model each."""

    def step(self, settings: "Settings", context: "Context") -> list[dict[str, Any]]:
        return [recipe.to_json() for recipe in self.resolved().recipes]


class TrainModel(StepOperator):
    """Fits one recipe on what lies before the exam; returns its MLflow run."""

    template_fields: Collection[str] = ("week", "recipe")

    def __init__(self, *, recipe: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.recipe = recipe

    def step(self, settings: "Settings", context: "Context") -> str:
        from recsys import pipeline
        from recsys.recipe import Recipe

        return pipeline.train_model(settings, self.resolved(), Recipe.from_json(self.recipe))


class FindWeek(StepOperator):
    """The newest week whose drops are in, up to the run's as_of if it has one; enters nothing."""

    def step(self, settings: "Settings", context: "Context") -> dict[str, Any]:
        from recsys import pipeline
        from recsys.drops.zone import LandingZone

        return pipeline.find_week(settings, run_as_of(context, LandingZone(settings.drops))).to_json()


class ListTunable(StepOperator):
    """The recipes to tune, one mapped tune_recipe each: those asked for, else all that have something to search."""

    def step(self, settings: "Settings", context: "Context") -> list[str]:
        from recsys import pipeline

        return (context.get("params") or {}).get("recipes") or pipeline.list_tunable()


class TuneRecipe(StepOperator):
    """Searches one recipe's hyperparameters on what lies before the week's exam; goes on where an earlier try stopped."""

    template_fields: Collection[str] = ("week", "recipe", "n_trials")

    def __init__(self, *, recipe: Any, n_trials: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.recipe = recipe
        self.n_trials = n_trials

    def step(self, settings: "Settings", context: "Context") -> str:
        from recsys import pipeline

        return pipeline.tune_recipe(settings, self.resolved(), self.recipe, n_trials=int(self.n_trials))


class ExamineModels(StepOperator):
    """Examines the week's recipes and the incumbent on the newest ratings, which none was fitted on; returns the table."""

    def step(self, settings: "Settings", context: "Context") -> str:
        from recsys import pipeline

        return pipeline.examine_models(settings, self.resolved())


class RefitWinner(StepOperator):
    """Fits the recipe that the exam favours on everything that the week may see; returns the model version."""

    def step(self, settings: "Settings", context: "Context") -> str:
        from recsys import pipeline

        return pipeline.refit_winner(settings, self.resolved())


class PromoteChampion(StepOperator):
    """Decides between the best challenger and the incumbent, once a week; returns the verdict."""

    template_fields: Collection[str] = ("week", "model_version")

    def __init__(self, *, model_version: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model_version = model_version

    def step(self, settings: "Settings", context: "Context") -> str:
        from recsys import pipeline

        return pipeline.promote_champion(settings, self.resolved(), self.model_version)


class ListShards(StepOperator):
    """The numbers of the shards that share the scoring, one mapped score_users each."""

    def step(self, settings: "Settings", context: "Context") -> list[int]:
        return list(range(settings.score_shards))


class ScoreUsers(StepOperator):
    """Puts the champion's candidates for one shard of the users into staging; returns the number of rows."""

    template_fields: Collection[str] = ("week", "shard")

    def __init__(self, *, shard: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shard = shard

    def step(self, settings: "Settings", context: "Context") -> int:
        from recsys import pipeline

        return pipeline.score_users(settings, self.resolved(), self.shard)


class PublishRecommendations(StepOperator):
    """Makes and checks every user's list in SQL, then flips what readers see in one transaction; returns the publication's id."""

    def step(self, settings: "Settings", context: "Context") -> int:
        from recsys import pipeline

        return pipeline.publish_recommendations(settings, self.resolved())


class ReportWeek(StepOperator):
    """The run on one page, as Markdown. `notes` are the sensors', empty where there is nothing to tell."""

    template_fields: Collection[str] = ("week", "notes")

    def __init__(self, *, notes: Any = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.notes = notes

    def step(self, settings: "Settings", context: "Context") -> str:
        from recsys import pipeline

        return pipeline.report_week(settings, self.resolved(), [note for note in self.notes if note])
