"""What a week's exam decides: who competes, the decision, and what the refits leave of it."""

from dataclasses import dataclass
from functools import cached_property

from recsys.db.connect import Connection
from recsys.models import BASELINE
from recsys.promotion import exams, ledger
from recsys.promotion.approval import Approval
from recsys.promotion.contest import Contest
from recsys.promotion.decision import Decision, decide, settle
from recsys.promotion.failed_fits import failed_fits
from recsys.recipe import Recipe
from recsys.week import WeekPlan
from recsys.work import Work


def competing(conn: Connection, week: WeekPlan) -> list[Recipe]:
    """Return the week's recipes, and the incumbent as it was when the exam was set."""
    incumbent = exams.incumbent_at_exam(conn, week.as_of)
    if incumbent is None or incumbent in week.recipes:
        return list(week.recipes)
    return [*week.recipes, incumbent]


@dataclass(frozen=True)
class WeekContest:
    """The exam's results, asked for once in a step."""

    work: Work
    week: WeekPlan

    @cached_property
    def incumbent(self) -> Recipe | None:
        """Return the champion of the last earlier week, as of when the exam was set."""
        return exams.incumbent_at_exam(self.work.conn, self.week.as_of)

    @cached_property
    def recipes(self) -> dict[str, Recipe]:
        """Return the competing recipes by key."""
        return {recipe.key: recipe for recipe in competing(self.work.conn, self.week)}

    @cached_property
    def unfitted(self) -> dict[str, str]:
        """Return the reason of each recipe that could not be fitted for the exam, by key."""
        return failed_fits(self.work.conn, self.week.as_of, "exam")

    @property
    def popularity(self) -> str:
        """Return the key of the recipe that a champion must beat."""
        return next(recipe.key for recipe in self.week.recipes if recipe.name == BASELINE)

    @property
    def fallback(self) -> str:
        """Return who is champion where a new one is not approved, or its refit is refused."""
        if self.incumbent is None or self.incumbent.key in self.unfitted:
            return self.popularity
        return self.incumbent.key

    @cached_property
    def decision(self) -> Decision:
        """Return what the exam says of this run's recipes: the same each time it is computed."""
        scores = exams.user_scores_of(self.work.conn, self.week.as_of)
        contest = Contest(
            user_scores={key: own for key, own in scores.items() if key in self.recipes},
            others={key: own for key, own in scores.items() if key not in self.recipes},
            incumbent=self.incumbent.key if self.incumbent else None,
            popularity=self.popularity,
            bounds=self.work.settings,
            resamples=self.work.settings.bootstrap_resamples,
            seed=self.week.seed,
            figures=exams.figures_of(self.work.conn, self.week.as_of),
            lost=exams.exams_lost(self.work.conn, self.week.as_of),
            unfitted={
                key: reason
                for key, reason in self.unfitted.items()
                if key in self.recipes.keys() - scores.keys()
            },
        )
        return decide(contest)

    def settled(self, approval: Approval, refused: dict[str, str]) -> Decision:
        """Return the decision after the answer and after the gates that looked at the refits."""
        return settle(
            self.decision,
            fallback=self.fallback,
            approval=approval,
            required=self.work.run.require_approval,
            refused=refused,
        )


def refused_refits(conn: Connection, week: WeekPlan) -> dict[str, str]:
    """Return why refits of the week are not served, by recipe key: failed, or refused by gates."""
    failures = failed_fits(conn, week.as_of, "refit")
    reasons = {key: f"it cannot be fitted: {reason}" for key, reason in failures.items()}
    for verdict in ledger.refit_verdicts(conn, week.as_of):
        if not verdict.passed:
            before = reasons.get(verdict.recipe_key, "")
            sentence = f"{before} {verdict.gate}: {verdict.sentence}"
            reasons[verdict.recipe_key] = sentence.lstrip()
    return reasons
