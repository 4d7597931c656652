"""One operator a step. Each is a call of recsys.pipeline: what a step does is read there."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from inspect import getdoc
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import BaseOperator
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowFailException

from recsys_airflow import RECSYS_DB
from recsys_airflow.as_of import run_as_of
from recsys_airflow.conf import check_conf
from recsys_airflow.notify import tell
from recsys_airflow.sentences import in_sentences

if TYPE_CHECKING:
    from airflow.sdk import Context

    from recsys.pipeline import Approval
    from recsys.settings import Settings
    from recsys.week import Week

#: Where Airflow's UI is, if its configuration does not say.
LOCAL = "http://localhost:8080"


class StepOperator(BaseOperator):
    """One step. Its execution timeout is also the limit of each of its SQL statements.

    `week` is what resolve_week returned. An error is told in a sentence; one that no retry can help
    fails the task at once.
    """

    template_fields: Collection[str] = ("week",)

    def __init__(self, *, week: Any = None, conn_id: str = RECSYS_DB, **kwargs: Any) -> None:
        super().__init__(**{"doc_md": getdoc(type(self)), **kwargs})
        self.week = week
        self.conn_id = conn_id

    def execute(self, context: "Context") -> Any:
        from recsys_airflow.hook import RecsysHook

        check_conf(context)
        with in_sentences():
            return self.step(RecsysHook(self.conn_id).settings(self.execution_timeout), context)

    def step(self, settings: "Settings", context: "Context") -> Any:
        """The step itself; its result is handed on, so it is small."""
        raise NotImplementedError

    def resolved(self) -> "Week":
        """The run's week."""
        from recsys.week import Week

        return Week.from_json(self.week)


class WeekStep(StepOperator):
    """A step of a week, named by its task: what it costs is kept with the run's. A retry that gets
    through adds a row.
    """

    def execute(self, context: "Context") -> Any:
        from recsys.costs import keep_cost, measured
        from recsys_airflow.hook import RecsysHook

        with measured() as cost:
            result = super().execute(context)
        with in_sentences():
            keep_cost(
                RecsysHook(self.conn_id).settings(),
                self.week_of(result),
                self.task_id,
                cost,
                part=self.part(),
            )
        return result

    def week_of(self, result: Any) -> "Week":
        """The run's week, which one step returns."""
        return self.resolved()

    def part(self) -> str:
        """Which of its kind it is, where a run has several."""
        return ""


def given(context: "Context") -> tuple[Any, Any]:
    """The run's Params, and the run."""
    return context.get("params"), context.get("dag_run")


class ResolveWeek(WeekStep):
    """Turns the data interval and the run's Params into a week: as_of, watermark, recipes, top_n.
    No step asks a clock.
    """

    #: Params that the pipeline knows by the same name.
    ASKED = (
        "recipes",
        "top_n",
        "challenger",
        "challenger_share",
        "challenger_weeks",
        "require_approval",
    )

    def step(self, settings: "Settings", context: "Context") -> dict[str, Any]:
        from recsys import pipeline
        from recsys.drops.zone import LandingZone

        params, run = given(context)
        as_of = run_as_of(context, LandingZone(settings.drops))
        asked = {name: params[name] for name in self.ASKED}
        origin = {
            "run_id": run.run_id,
            "run_kind": getattr(run.run_type, "value", run.run_type),
            "started_by": run.triggering_user_name,
        }
        return pipeline.resolve_week(
            settings, as_of=as_of, **asked, force=params["force_decision"], **origin
        ).to_json()

    def week_of(self, result: Any) -> "Week":
        from recsys.week import Week

        return Week.from_json(result)


class IngestDrops(WeekStep):
    """Takes in every complete drop up to as_of that the ledger lacks, oldest first: verify, stage,
    check, merge.
    """

    def step(self, settings: "Settings", context: "Context") -> list[str]:
        from recsys import pipeline

        return pipeline.ingest_drops(settings, self.resolved())


class RefreshViews(WeekStep):
    """Refreshes the materialized views while they are read."""

    def step(self, settings: "Settings", context: "Context") -> None:
        from recsys import pipeline

        pipeline.refresh_views(settings)


class CheckFacts(StepOperator):
    """Asks one question of the facts, by a file under sql/checks: one row, true where they are in
    order.
    """

    template_fields: Collection[str] = ("sql",)
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"sql": "sql"}

    def __init__(self, *, check: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.check = check
        self.sql = f"checks/{check}.sql"  # for the task's page, which shows the query

    def step(self, settings: "Settings", context: "Context") -> None:
        from recsys import pipeline

        pipeline.check_facts(settings, [self.check])


class JudgePublication(WeekStep):
    """Judges last week's publication by what its users have rated and liked since; returns what
    came of it, as Markdown.
    """

    def step(self, settings: "Settings", context: "Context") -> str:
        from recsys import pipeline

        return pipeline.judge_publication(settings, self.resolved())


class ListRecipes(StepOperator):
    """The week's recipes, one mapped train_model each."""

    def step(self, settings: "Settings", context: "Context") -> list[dict[str, Any]]:
        return [recipe.to_json() for recipe in self.resolved().recipes]


class TrainModel(WeekStep):
    """Fits one recipe on what lies before the exam; returns its MLflow run, empty where the recipe
    cannot be fitted.
    """

    template_fields: Collection[str] = ("week", "recipe")

    def __init__(self, *, recipe: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.recipe = recipe

    def step(self, settings: "Settings", context: "Context") -> str:
        from recsys import pipeline
        from recsys.recipe import Recipe

        # not None: Airflow does not keep one
        return pipeline.train_model(settings, self.resolved(), Recipe.from_json(self.recipe)) or ""

    def part(self) -> str:
        from recsys.recipe import Recipe

        return Recipe.from_json(self.recipe).key


class FindWeek(StepOperator):
    """The newest week whose drops are in, up to the run's as_of if it has one; enters nothing."""

    def step(self, settings: "Settings", context: "Context") -> dict[str, Any]:
        from recsys import pipeline
        from recsys.drops.zone import LandingZone

        return pipeline.find_week(
            settings, run_as_of(context, LandingZone(settings.drops))
        ).to_json()


class ListTunable(StepOperator):
    """The recipes to tune, one mapped tune_recipe each: those asked for, else all that have
    something to search.
    """

    def step(self, settings: "Settings", context: "Context") -> list[str]:
        from recsys import pipeline

        return (context.get("params") or {}).get("recipes") or pipeline.list_tunable()


class TuneRecipe(StepOperator):
    """Searches one recipe's hyperparameters on what lies before the week's exam; goes on where an
    earlier try stopped.
    """

    template_fields: Collection[str] = ("week", "recipe", "n_trials")

    def __init__(self, *, recipe: Any, n_trials: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.recipe = recipe
        self.n_trials = n_trials

    def step(self, settings: "Settings", context: "Context") -> str:
        from recsys import pipeline

        return pipeline.tune_recipe(
            settings, self.resolved(), self.recipe, n_trials=int(self.n_trials)
        )


class ExamineModels(WeekStep):
    """Examines the week's recipes and the incumbent on the newest ratings, which none was fitted
    on; returns the table.
    """

    def step(self, settings: "Settings", context: "Context") -> str:
        from recsys import pipeline

        return pipeline.examine_models(settings, self.resolved())


class WatchDrift(WeekStep):
    """Compares the week with those before it; returns a warning for each measure that drifted.
    Fails where a setting says so.
    """

    def step(self, settings: "Settings", context: "Context") -> list[str]:
        from recsys import pipeline

        return pipeline.watch_drift(settings, self.resolved())


class AskApproval(WeekStep, HITLOperator):  # pyright: ignore[reportIncompatibleVariableOverride] - Airflow's own matter
    """Asks a person before a new champion is crowned, where the Param or the setting
    `require_approval` says so.

    The exam's table and the gates' sentences stand under Required Actions in the UI, and whoever
    the notifier reaches is told. No worker waits for the answer. Rejected, or without an answer for
    `RECSYS_APPROVAL_HOURS`, the champion stays; the run goes on in any case.
    """

    APPROVE, REJECT = "Approve", "Reject"

    def __init__(self, **kwargs: Any) -> None:
        question = {
            "subject": "A new champion?",
            "options": [self.APPROVE, self.REJECT],
            "defaults": self.REJECT,
        }
        # at run time the setting says how long; a limit must be named here, or HITLOperator takes
        # the task's execution timeout
        super().__init__(**{**question, "response_timeout": timedelta(days=1), **kwargs})

    def step(self, settings: "Settings", context: "Context") -> Any:
        from recsys import pipeline

        proposal = pipeline.propose_champion(settings, self.resolved())
        if not proposal.needs_approval:
            return pipeline.UNASKED.to_json()
        self.subject, self.body = proposal.subject, proposal.body
        self.response_timeout = timedelta(hours=settings.approval_hours)
        self.log.info("%s\n%s", self.subject, self.body)
        place = self.generate_link_to_ui_from_context(
            context=context, base_url=conf.get("api", "base_url", fallback=LOCAL)
        )
        tell(
            f"{self.dag_id}: {self.subject}?",
            f"Approve or reject it within {settings.approval_hours:g} hours: {place}",
        )
        # leaves by an exception: Airflow calls execute_complete with the answer
        return HITLOperator.execute(self, context)

    def execute_complete(self, context: "Context", event: dict[str, Any]) -> dict[str, Any]:
        from recsys.pipeline import Approval

        answered = super().execute_complete(context, event)
        if event.get("timedout"):
            return Approval("timed out").to_json()
        approved = answered["chosen_options"] == [self.APPROVE]
        return Approval(
            "approved" if approved else "rejected", answered["responded_by_user"]["name"]
        ).to_json()


class ApprovedStep(WeekStep):
    """A step that must know what ask_approval returned."""

    template_fields: Collection[str] = ("week", "approval")

    def __init__(self, *, approval: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.approval = approval

    def answer(self) -> "Approval":
        """What was answered, or that nobody had to be asked."""
        from recsys.pipeline import Approval

        if self.approval is None:
            raise AirflowFailException(
                "ask_approval has no answer: it was marked as done by hand. "
                "Clear it, and it asks again"
            )
        return Approval.from_json(self.approval)


class RefitWinner(ApprovedStep):
    """Fits the recipe that the exam favours on everything that the week may see; returns the model
    version.
    """

    def step(self, settings: "Settings", context: "Context") -> str:
        from recsys import pipeline

        return pipeline.refit_winner(settings, self.resolved(), self.answer())


class RefitChallenger(WeekStep):
    """Fits the recipe of the week's experiment likewise; returns the model version, empty without
    an experiment.
    """

    def step(self, settings: "Settings", context: "Context") -> str:
        from recsys import pipeline

        # not None: Airflow does not keep one, and every task that asks for it would log an error
        return pipeline.refit_challenger(settings, self.resolved()) or ""


class PromoteChampion(ApprovedStep):
    """Decides between the best challenger and the incumbent, once a week; returns the decision's
    number in the ledger.
    """

    template_fields: Collection[str] = ("week", "approval", "model_version")

    def __init__(self, *, model_version: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model_version = model_version

    def step(self, settings: "Settings", context: "Context") -> int:
        from recsys import pipeline

        return pipeline.promote_champion(
            settings, self.resolved(), self.model_version, self.answer()
        )


class ListShards(StepOperator):
    """The numbers of the shards that share the scoring, one mapped score_users each."""

    def step(self, settings: "Settings", context: "Context") -> list[int]:
        return list(range(settings.score_shards))


class DecidedStep(WeekStep):
    """A step that works with the week's decision, and with the challenger of an experiment where
    there is one.
    """

    template_fields: Collection[str] = ("week", "promotion_id", "challenger_version")

    def __init__(self, *, promotion_id: Any, challenger_version: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.promotion_id = promotion_id
        self.challenger_version = challenger_version


class ScoreUsers(DecidedStep):
    """Puts the candidates for one shard of the users into staging, an experiment's too; returns the
    number of rows.
    """

    template_fields: Collection[str] = ("week", "promotion_id", "challenger_version", "shard")

    def __init__(self, *, shard: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shard = shard

    def step(self, settings: "Settings", context: "Context") -> int:
        from recsys import pipeline

        return pipeline.score_users(
            settings,
            self.resolved(),
            self.promotion_id,
            self.shard,
            self.challenger_version or None,
        )

    def part(self) -> str:
        return f"shard {self.shard}"


class PublishRecommendations(DecidedStep):
    """Makes and checks every user's list in SQL, then flips what readers see in one transaction;
    returns the publication's id.
    """

    def step(self, settings: "Settings", context: "Context") -> int:
        from recsys import pipeline

        return pipeline.publish_recommendations(
            settings, self.resolved(), self.promotion_id, self.challenger_version or None
        )


class ReportWeek(WeekStep):
    """The run on one page, as Markdown. `notes` are the sensors', empty where there is nothing to
    tell.
    """

    template_fields: Collection[str] = ("week", "promotion_id", "publication_id", "notes")

    def __init__(
        self, *, promotion_id: Any, publication_id: Any, notes: Any = (), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.promotion_id = promotion_id
        self.publication_id = publication_id
        self.notes = notes

    def step(self, settings: "Settings", context: "Context") -> str:
        from recsys import pipeline

        notes = [note for note in self.notes if note]
        return pipeline.report_week(
            settings, self.resolved(), self.promotion_id, self.publication_id, notes
        )


class RollbackPublication(StepOperator):
    """Puts the publication that the form names before readers, and its recipe in the champion's
    place; returns what was done.
    """

    def step(self, settings: "Settings", context: "Context") -> str:
        from recsys import pipeline

        params, run = given(context)
        who = run.triggering_user_name or "somebody unnamed"
        asked = {
            "publication_id": params["publication_id"],
            "reason": params["reason"],
            "requested_by": who,
        }
        return pipeline.rollback_publication(settings, **asked, run_id=run.run_id)


class RetireWeek(StepOperator):
    """Lets the week that the form names count for nothing, or count again; returns what was
    done.
    """

    def step(self, settings: "Settings", context: "Context") -> str:
        from recsys import pipeline

        params, run = given(context)
        who = run.triggering_user_name or "somebody unnamed"
        act = {
            "reason": params["reason"],
            "requested_by": who,
            "run_id": run.run_id,
            "undo": params["undo"],
        }
        return pipeline.retire_week(settings, date.fromisoformat(params["week"]), **act)
