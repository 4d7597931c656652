"""Weeks as MLflow runs: one a week, its fits beneath it, with what the week reports; and each
recipe's figures over the weeks.
"""

from collections.abc import Mapping
from datetime import date

from recsys.registry.tracking import MLFLOW_NOTE, Tracking, metrics_of_week, unless
from recsys.registry.wandb_runs import wandb_figures

__all__ = ["Weeks"]


class Weeks(Tracking):
    """What weeks report. Who calls holds Lock.REGISTRY, as a run is looked up and then made."""

    def week_run(self, as_of: date) -> str:
        """Return the id of the week's one run, made at the first call."""
        run = self.first_run(f"tags.kind = 'week' and tags.as_of = '{as_of.isoformat()}'")
        if run:
            return run.info.run_id
        note = f"The week up to {as_of}: its fits lie beneath it, its reports are its artifacts."
        tags = {"kind": "week", "as_of": as_of.isoformat(), MLFLOW_NOTE: note}
        return self.create_run(f"week {as_of}", tags)

    def record_week(
        self,
        as_of: date,
        *,
        texts: Mapping[str, str],
        metrics: Mapping[str, float],
        is_last: bool = False,
    ) -> str:
        """Keep a week's texts (file name → content) and metrics in the week's run. Returns its id.

        The same again changes nothing: a text replaces its namesake, and a metric's time is
        `as_of`, not the clock's. What is the week's last ends the run, once.
        """
        run_id = self.week_run(as_of)
        self.client.log_batch(run_id, metrics=metrics_of_week(metrics, as_of))
        for name, text in texts.items():
            self.client.log_text(run_id, text, name)
        if is_last:
            self.end_run(run_id)
        return run_id

    def record_figures(self, run_id: str, as_of: date, figures: Mapping[str, float]) -> None:
        """Keep what a week found of a fit with the fit's run. A run that MLflow has lost, or a
        person deleted, is left alone.
        """
        with unless("RESOURCE_DOES_NOT_EXIST"):
            if self.client.get_run(run_id).info.lifecycle_stage == "active":
                self.client.log_batch(run_id, metrics=metrics_of_week(figures, as_of))
        wandb_figures(run_id, figures, self.settings)

    def record_chart(self, recipe_key: str, as_of: date, figures: Mapping[str, float]) -> None:
        """Add a week's figures to the recipe's line over the weeks."""
        run_id = self.chart_run(recipe_key)
        self.client.log_batch(run_id, metrics=metrics_of_week(figures, as_of))

    def chart_run(self, recipe_key: str) -> str:
        """Return the id of the run that is a recipe's line over the weeks, made if need be."""
        condition = f"tags.recipe = '{recipe_key}'"
        runs = self.client.search_runs([self.charts_id], condition, max_results=1)
        if runs:
            return runs[0].info.run_id
        note = f"How {recipe_key} did in each week's exam."
        tags = {"kind": "chart", "recipe": recipe_key, MLFLOW_NOTE: note}
        run = self.client.create_run(self.charts_id, run_name=recipe_key, tags=tags)
        self.client.set_terminated(run.info.run_id)
        return run.info.run_id
