"""One operator class a step, each only a declaration: what a step does is read in recsys.steps."""

from collections.abc import Collection, Sequence
from datetime import timedelta
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
from recsys_airflow.step_process import StepProcess

if TYPE_CHECKING:
    from airflow.sdk import Context

    from recsys.settings import Settings

#: Where Airflow's UI is, if its configuration does not say.
LOCAL = "http://localhost:8080"


class StepOperator(BaseOperator):
    """Call one step. Its execution timeout is also the limit of each of its SQL statements.

    The step's inputs are the template fields of the same names, as JSON. An error is reported in a
    sentence; one that no retry can help fails the task at once.
    """

    step: ClassVar[str]

    def __init__(self, *, conn_id: str = RECSYS_DB, **kwargs: Any) -> None:
        super().__init__(**{"doc_md": getdoc(type(self)), **kwargs})
        self.conn_id = conn_id
        self._process = StepProcess()

    def execute(self, context: "Context") -> Any:
        check_conf(context)
        with in_sentences():
            settings = self.settings()
            inputs = self.inputs(settings, context)
            if settings.step_command:
                result = self._process.call(settings, self.step, inputs)
            else:
                result = self.call(settings, inputs)
        # not None: Airflow does not keep one, and every task that reads it would log an error
        return "" if result is None else result

    def call(self, settings: "Settings", inputs: dict[str, Any]) -> Any:
        """Call the step in this process."""
        from recsys.step_call import call_step

        return call_step(settings, self.step, inputs)

    def on_kill(self) -> None:
        self._process.stop()

    def settings(self) -> "Settings":
        """Return the settings, with the task's time limit."""
        from recsys_airflow.hook import RecsysHook

        return RecsysHook(self.conn_id).settings(self.execution_timeout)

    def inputs(self, settings: "Settings", context: "Context") -> dict[str, Any]:
        """Return what the step is called with, by the names of its parameters."""
        return {name: getattr(self, name) for name in self.template_fields}


class WeekOperator(StepOperator):
    """A step that takes the week, as resolve_week returned it."""

    template_fields: Collection[str] = ("week",)

    def __init__(self, *, week: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.week = week


class ResolveWeek(StepOperator):
    """Turns the data interval and the run's Params into a week: as_of, watermark, recipes, top_n.

    No later step reads a clock.
    """

    step = "resolve_week"
    #: Params that a request has by the same name.
    PARAMS = (
        "recipes",
        "top_n",
        "challenger",
        "challenger_share",
        "challenger_weeks",
        "require_approval",
    )

    def inputs(self, settings: "Settings", context: "Context") -> dict[str, Any]:
        params, run = given(context)
        request = {name: params[name] for name in self.PARAMS}
        request["as_of"] = date_of(settings, context)
        request["force"] = params["force_decision"]
        request["run_id"] = run.run_id
        request["run_kind"] = getattr(run.run_type, "value", run.run_type)
        request["started_by"] = run.triggering_user_name
        return {"request": request}


class IngestDrops(WeekOperator):
    """Ingests every complete drop up to as_of that the ledger lacks, oldest first: verify, stage,
    check, merge.
    """

    step = "ingest_drops"


class RefreshViews(WeekOperator):
    """Refreshes the materialized views while they are read."""

    step = "refresh_views"


class CheckFacts(WeekOperator):
    """Checks the facts by a query under sql/checks: one row, true where they are in order."""

    step = "check_facts"
    template_fields: Collection[str] = ("week", "sql")
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"sql": "sql"}

    def __init__(self, *, check: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.check = check
        self.sql = f"checks/{check}.sql"  # for the task's page, which shows the query

    def inputs(self, settings: "Settings", context: "Context") -> dict[str, Any]:
        return {"week": self.week, "check": self.check}


class JudgePublication(WeekOperator):
    """Judges last week's publication by what its users have rated and liked since.

    Returns a table as Markdown.
    """

    step = "judge_publication"


class ListRecipes(WeekOperator):
    """Lists the week's recipes, one mapped train_model each."""

    step = "list_recipes"


class TrainModel(WeekOperator):
    """Fits one recipe on what lies before the exam; returns its MLflow run.

    Returns nothing where the recipe cannot be fitted.
    """

    step = "train_model"
    template_fields: Collection[str] = ("week", "recipe")

    def __init__(self, *, recipe: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.recipe = recipe


class FindWeek(StepOperator):
    """Finds the newest week whose drops are in, up to the run's as_of if it has one."""

    step = "find_week"

    def inputs(self, settings: "Settings", context: "Context") -> dict[str, Any]:
        return {"as_of": date_of(settings, context)}


class ListTunable(StepOperator):
    """Lists the recipes to tune, one mapped tune_recipe each: the form's, else all tunable ones."""

    step = "list_tunable"

    def execute(self, context: "Context") -> Any:
        return given(context)[0].get("recipes") or super().execute(context)


class TuneRecipe(WeekOperator):
    """Searches one recipe's hyperparameters on what lies before the week's exam.

    Goes on where an earlier try stopped.
    """

    step = "tune_recipe"
    template_fields: Collection[str] = ("week", "recipe", "n_trials")

    def __init__(self, *, recipe: Any, n_trials: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.recipe = recipe
        self.n_trials = n_trials

    def inputs(self, settings: "Settings", context: "Context") -> dict[str, Any]:
        return {"week": self.week, "name": self.recipe, "n_trials": int(self.n_trials)}


class ExamineModels(WeekOperator):
    """Evaluates the week's recipes and the incumbent on the newest ratings, which none was fitted
    on; returns the table.
    """

    step = "examine_models"


class WatchDrift(WeekOperator):
    """Compares the week with those before it; returns a warning for each measure that drifted.

    Fails where a setting says so.
    """

    step = "watch_drift"


class ProposeChampion(WeekOperator):
    """Decides by the exam and the gates; returns what a person would have to approve."""

    step = "propose_champion"


class AskApproval(HITLOperator):
    """Asks a person before a new champion is crowned, where the Param or the setting
    `require_approval` says so.

    The exam's table and the gates' sentences stand under Required Actions in the UI, and the
    notifier says that a question waits. No worker waits for the answer. Rejected, or without an
    answer for `RECSYS_APPROVAL_HOURS`, the champion stays; the run goes on in any case.
    """

    step: ClassVar[str] = "ask_approval"
    template_fields: Collection[str] = ("proposal",)
    APPROVE, REJECT = "Approve", "Reject"

    def __init__(self, *, proposal: Any, **kwargs: Any) -> None:
        question = {
            "subject": "A new champion?",
            "options": [self.APPROVE, self.REJECT],
            "defaults": self.REJECT,
            # the setting says how long, when the task runs; a limit must be named here, or
            # HITLOperator takes the task's execution timeout
            "response_timeout": timedelta(days=1),
            "doc_md": getdoc(type(self)),
        }
        super().__init__(**{**question, **kwargs})
        self.proposal = proposal

    def execute(self, context: "Context") -> Any:
        from recsys_airflow.hook import RecsysHook

        if not self.proposal["needs_approval"]:
            return {"answer": None, "by": None}
        self.subject = self.proposal["subject"]
        self.body = self.proposal["body"]
        with in_sentences():
            hours = RecsysHook().settings().approval_hours
        self.response_timeout = timedelta(hours=hours)
        self.log.info("%s\n%s", self.subject, self.body)
        base_url = conf.get("api", "base_url", fallback=LOCAL)
        place = self.generate_link_to_ui_from_context(context=context, base_url=base_url)
        tell(
            f"{self.dag_id}: {self.subject}?",
            f"Approve or reject it within {hours:g} hours: {place}",
        )
        # leaves by an exception: Airflow calls execute_complete with the answer
        return super().execute(context)

    def execute_complete(self, context: "Context", event: dict[str, Any]) -> dict[str, Any]:
        answered = super().execute_complete(context, event)
        if event.get("timedout"):
            return {"answer": "timed out", "by": None}
        approved = answered["chosen_options"] == [self.APPROVE]
        by = answered["responded_by_user"]["name"]
        return {"answer": "approved" if approved else "rejected", "by": by}


class ApprovedOperator(WeekOperator):
    """A step that takes the answer that ask_approval returned."""

    template_fields: Collection[str] = ("week", "approval")

    def __init__(self, *, approval: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.approval = approval

    def inputs(self, settings: "Settings", context: "Context") -> dict[str, Any]:
        if self.approval is None:
            raise AirflowFailException(
                "ask_approval has no answer: it was marked as done by hand. Clear it, and it "
                "asks again"
            )
        return super().inputs(settings, context)


class RefitWinner(ApprovedOperator):
    """Fits the recipe that won and was approved on everything that the week admits.

    Returns the model version.
    """

    step = "refit_winner"


class RefitChallenger(WeekOperator):
    """Fits the recipe of the week's experiment likewise; returns the model version.

    Returns nothing without an experiment.
    """

    step = "refit_challenger"


class PromoteChampion(ApprovedOperator):
    """Stores the week's decision between challengers and incumbent, once; returns its id."""

    step = "promote_champion"
    template_fields: Collection[str] = ("week", "approval", "model_version")

    def __init__(self, *, model_version: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model_version = model_version


class ListShards(WeekOperator):
    """Lists the shards that share the scoring, one mapped score_users each."""

    step = "list_shards"


class DecidedOperator(WeekOperator):
    """A step that takes the week's decision, and the version of an experiment's challenger."""

    template_fields: Collection[str] = ("week", "promotion_id", "challenger_version")

    def __init__(self, *, promotion_id: Any, challenger_version: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.promotion_id = promotion_id
        self.challenger_version = challenger_version


class ScoreUsers(DecidedOperator):
    """Stores the candidates for one shard of the users, an experiment's too; returns how many."""

    step = "score_users"
    template_fields: Collection[str] = ("week", "promotion_id", "challenger_version", "shard")

    def __init__(self, *, shard: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shard = shard


class PublishRecommendations(DecidedOperator):
    """Makes and checks every user's list in SQL, then makes it live in one transaction.

    Returns the publication's id.
    """

    step = "publish_recommendations"


class ReportWeek(WeekOperator):
    """Reports the run on one page, as Markdown. `notes` are the sensors'."""

    step = "report_week"
    template_fields: Collection[str] = ("week", "promotion_id", "publication_id", "notes")

    def __init__(
        self, *, promotion_id: Any, publication_id: Any, notes: Any = (), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.promotion_id = promotion_id
        self.publication_id = publication_id
        self.notes = notes

    def inputs(self, settings: "Settings", context: "Context") -> dict[str, Any]:
        notes = [note for note in self.notes if note]
        return super().inputs(settings, context) | {"notes": notes}


class RollbackPublication(StepOperator):
    """Makes the publication live that the form names, and its recipe champion.

    Returns what was done.
    """

    step = "rollback_publication"

    def inputs(self, settings: "Settings", context: "Context") -> dict[str, Any]:
        params, _ = given(context)
        return {"publication_id": params["publication_id"], **by_hand(context)}


class RetireWeek(StepOperator):
    """Lets the week that the form names count for nothing, or again; returns what was done."""

    step = "retire_week"

    def inputs(self, settings: "Settings", context: "Context") -> dict[str, Any]:
        params, _ = given(context)
        return {"as_of": params["week"], "undo": params["undo"], **by_hand(context)}


def given(context: "Context") -> tuple[dict[str, Any], Any]:
    """Return the run's Params, and the run."""
    params: Any = context.get("params") or {}
    return params, context.get("dag_run")


def date_of(settings: "Settings", context: "Context") -> str | None:
    """Return the run's as_of as text; None leaves it to the newest complete MovieLens drop."""
    from recsys.drops.zone import LandingZone

    as_of = run_as_of(context, LandingZone(settings.drops))
    return as_of.isoformat() if as_of else None


def by_hand(context: "Context") -> dict[str, Any]:
    """Return why something is done by hand, and by whom."""
    params, run = given(context)
    requested_by = run.triggering_user_name or "somebody unnamed"
    return {"reason": params["reason"], "requested_by": requested_by, "run_id": run.run_id}
