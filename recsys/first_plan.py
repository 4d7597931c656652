"""The week as its first run would have it: who competes, and with which parameters."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from recsys.db.connect import Connection
from recsys.experiment import Experiment, experiment_of
from recsys.models import BASELINE, COMPETING
from recsys.promotion.ledger import Champion, champion_before
from recsys.recipe import Recipe
from recsys.request import RunRequest
from recsys.settings import Settings
from recsys.tuning.ledger import newest_tuned, recipe_named
from recsys.week import WeekPlan


@dataclass(frozen=True)
class FirstPlan:
    """What a week starts from: the incumbent, the experiment that it is part of, the settings."""

    settings: Settings
    conn: Connection
    as_of: date
    incumbent: Champion | None
    experiment: Experiment | None

    @classmethod
    def of(
        cls, settings: Settings, conn: Connection, as_of: date, request: RunRequest
    ) -> "FirstPlan":
        """Look up what there is of a week before it is opened."""
        experiment = requested_experiment(conn, as_of, request) or experiment_of(conn, as_of)
        if experiment:
            recipe = experiment.recipe.of_week(settings.like_threshold)
            experiment = replace(experiment, recipe=recipe)
        return cls(settings, conn, as_of, champion_before(conn, as_of), experiment)

    def week(self) -> WeekPlan:
        """Return the week with the settings' recipes and those tuned; its watermark is still 0."""
        names = self.settings.recipes or COMPETING
        return WeekPlan(
            as_of=self.as_of,
            watermark=0,
            recipes=self.recipes(names, self.tuned(names)),
            top_n=self.settings.top_n,
            seed=self.settings.seed,
            like_threshold=self.settings.like_threshold,
            exam_min_users=self.settings.exam_min_users,
            min_history=self.settings.min_history,
            half_life_days=self.settings.popularity_half_life_days,
            depth=self.settings.depth,
            exam_wanted_users=(self.incumbent.users_needed if self.incumbent else None) or 0,
        )

    def tuned(self, names: Sequence[str]) -> list[Recipe]:
        """Return the newest tuned recipe of each name that has one."""
        return newest_tuned(self.conn, self.as_of, names, self.settings.like_threshold)

    def recipes(self, names: Sequence[str], tuned: Sequence[Recipe] = ()) -> tuple[Recipe, ...]:
        """Return who competes: popularity as the floor, those named, those tuned, the experiment's
        and the incumbent's.
        """
        named = [recipe_named(self.conn, self.as_of, name) for name in (BASELINE, *names)]
        competing = [*named, *tuned]
        if self.experiment:
            competing.append(self.experiment.recipe)
        if self.incumbent:
            competing.append(self.incumbent.recipe.of_week(self.settings.like_threshold))
        return tuple({recipe.key: recipe for recipe in competing}.values())


def with_challenger(week: WeekPlan) -> WeekPlan:
    """Return the week with its experiment's challenger, also where a later run started that."""
    if week.experiment is None or week.experiment.recipe in week.recipes:
        return week
    return replace(week, recipes=(*week.recipes, week.experiment.recipe))


def requested_experiment(conn: Connection, as_of: date, request: RunRequest) -> Experiment | None:
    """Return the experiment that a run starts with this week, if it wants one."""
    if request.challenger is None:
        return None
    recipe = recipe_named(conn, as_of, request.challenger)
    last = as_of + timedelta(weeks=request.challenger_weeks - 1)
    return Experiment(f"{recipe.key} from {as_of}", recipe, request.challenger_share, last)
