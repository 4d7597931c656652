"""Studies of hyperparameters as MLflow runs: one a study, and its trials beneath it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date

from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from recsys.recipe import Recipe
from recsys.registry.fits import FitRun
from recsys.registry.tracking import metrics_of_week
from recsys.registry.weeks import Weeks


class Studies(Weeks):
    """Studies and their trials. Who calls `study_run` holds Lock.REGISTRY."""

    def study_run(self, study: str, name: str, *, as_of: date) -> str:
        """Return the id of a study's one run beneath its week's, made at the first call: the parent
        of its trials' runs.
        """
        run = self.first_run(f"tags.kind = 'study' and tags.study = '{study}'")
        if run:
            return run.info.run_id
        tags = {
            "kind": "study",
            "study": study,
            "recipe_name": name,
            "as_of": as_of.isoformat(),
            MLFLOW_PARENT_RUN_ID: self.week_run(as_of),
        }
        return self.create_run(f"study {study}", tags)

    @contextmanager
    def trial_run(self, study: str, parent: str, number: int, recipe: Recipe) -> Iterator[FitRun]:
        """Open a trial's run beneath its study's until the block ends: FINISHED, or FAILED where
        the block says so or raises.

        A run of the same trial that is still open is of a process that was killed, and is closed as
        such.
        """
        self.close_killed(f"tags.study = '{study}' and tags.trial = '{number}'")
        tags = {
            "kind": "trial",
            "study": study,
            "trial": str(number),
            "recipe": recipe.key,
            MLFLOW_PARENT_RUN_ID: parent,
        }
        run = FitRun(self.client, self.create_run(f"{recipe.key}, trial {number} of {study}", tags))
        run.log_params(dict(recipe.settings))
        try:
            yield run
        except BaseException:
            run.failed = True
            raise
        finally:
            self.client.set_terminated(run.run_id, "FAILED" if run.failed else "FINISHED")

    def end_study(self, run_id: str, as_of: date, metrics: Mapping[str, float]) -> None:
        """Keep how a study stands now; the same again changes nothing, as a metric's time is
        `as_of` and a run ends once.
        """
        self.client.log_batch(run_id, metrics=metrics_of_week(metrics, as_of))
        self.end_run(run_id)
