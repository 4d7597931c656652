"""A week's exam as a contest: who competes, and what refits leave of it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property

from recsys.bounds import Bounds
from recsys.db.connect import Connection
from recsys.models import BASELINE
from recsys.promotion import exams, ledger
from recsys.promotion.contest import Contest, UserScores
from recsys.promotion.failed_fits import failed_fits
from recsys.promotion.gates import EXAM_GATES
from recsys.promotion.incumbent import incumbent_of
from recsys.recipe import Recipe
from recsys.revision import git_sha
from recsys.week import WeekPlan
from recsys.work import Work


@dataclass(frozen=True)
class WeekContest:
    """Who competes in a week, and the exam's results, each read once in a step."""

    work: Work
    week: WeekPlan

    @cached_property
    def incumbent(self) -> Recipe | None:
        """Return the champion of the last earlier week, as of when the exam was set."""
        week = self.week
        return incumbent_of(self.work.conn, week.as_of, week.like_threshold)

    @property
    def incumbent_key(self) -> str | None:
        """Return the incumbent's key."""
        return self.incumbent.key if self.incumbent else None

    @cached_property
    def recipes(self) -> dict[str, Recipe]:
        """Return the week's recipes, and the incumbent, by key."""
        competing = [*self.week.recipes, *([self.incumbent] if self.incumbent else [])]
        return {recipe.key: recipe for recipe in competing}

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
    def contest(self) -> Contest:
        """Return the exam's results as the gates look at them."""
        conn = self.work.conn
        as_of = self.week.as_of
        settings = self.work.settings
        return Contest(
            user_scores=self.competing_scores,
            others=self.other_scores,
            incumbent=self.incumbent_key,
            popularity=self.popularity,
            bounds=settings,
            resamples=settings.bootstrap_resamples,
            seed=self.week.seed,
            figures=exams.figures_of(conn, as_of),
            lost=exams.exams_lost(conn, as_of),
            unfitted=self.missing,
        )

    @cached_property
    def scores(self) -> Mapping[str, UserScores]:
        """Return the per-user scores of every recipe that was evaluated, by key."""
        return exams.user_scores_of(self.work.conn, self.week.as_of)

    @property
    def competing_scores(self) -> dict[str, UserScores]:
        """Return the scores of those who compete in this run."""
        return {key: own for key, own in self.scores.items() if key in self.recipes}

    @property
    def other_scores(self) -> dict[str, UserScores]:
        """Return the scores of those who were evaluated in other runs of the week."""
        return {key: own for key, own in self.scores.items() if key not in self.recipes}

    @property
    def missing(self) -> dict[str, str]:
        """Return why a competing recipe has no scores, by key."""
        without_scores = self.recipes.keys() - self.scores.keys()
        return {key: why for key, why in self.unfitted.items() if key in without_scores}

    @cached_property
    def digest(self) -> str:
        """Return a digest of all that a decision is computed from, its code too."""
        contest = self.contest
        inputs = [
            [git_sha(self.work.settings.git_sha), *EXAM_GATES],
            rules_of(contest),
            *results_of(contest),
            digests_of(contest.user_scores),
            digests_of(contest.others),
            self.fallback,
        ]
        return hashlib.sha256(json.dumps(inputs, default=str).encode()).hexdigest()


def rules_of(contest: Contest) -> list[object]:
    """Return what a contest is decided by, in values that JSON has."""
    bounds = {name: getattr(contest.bounds, name) for name in Bounds.model_fields}
    return [contest.incumbent, contest.popularity, contest.resamples, contest.seed, bounds]


def results_of(contest: Contest) -> list[object]:
    """Return what the ledger has of a contest but for the scores, in values that JSON has."""
    return [
        [(*key, asdict(figure)) for key, figure in sorted(contest.figures.items())],
        [(key, asdict(lost)) for key, lost in sorted(contest.lost.items())],
        sorted(contest.unfitted.items()),
    ]


def digests_of(scores: Mapping[str, UserScores]) -> list[tuple[str, str]]:
    """Return each recipe's key with a digest of its per-user scores, in order of the keys."""
    return [
        (key, hashlib.sha256(own.user_ids.tobytes() + own.ndcg.tobytes()).hexdigest())
        for key, own in sorted(scores.items())
    ]


def refused_refits(conn: Connection, week: WeekPlan) -> dict[str, str]:
    """Return why refits of the week are not served, by recipe key: failed, or refused by gates."""
    failures = failed_fits(conn, week.as_of, "refit")
    reasons = {key: f"it cannot be fitted: {reason}" for key, reason in failures.items()}
    refusals = [each for each in ledger.refit_verdicts(conn, week.as_of) if not each.passed]
    for verdict in refusals:
        before = reasons.get(verdict.recipe_key, "")
        sentence = f"{before} {verdict.gate}: {verdict.sentence}"
        reasons[verdict.recipe_key] = sentence.lstrip()
    return reasons
