"""What to try next: a function of what has been tried, so that a study that was interrupted goes on
as if it had not been.

Optuna's own storage is not used: its tables would be no part of our migrations, and a process
killed in a trial would leave that trial open for ever. Its sampler is given the trials of our
ledger anew each time, and seeded by their number.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import optuna
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.samplers import TPESampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from recsys.errors import ModelError
from recsys.models import MODELS, model_class
from recsys.models.base import Search
from recsys.overrides import overridden, written
from recsys.recipe import Recipe
from recsys.tuning.trial import Trial

__all__ = ["Space", "best_of", "next_recipe", "searches_of", "tunable"]

optuna.logging.set_verbosity(optuna.logging.WARNING)


@dataclass(frozen=True)
class Space:
    """Where a recipe is searched: the fields of its Config that carry a `Search`, less those of
    which it has other values than the defaults.

    `searched`: field → where Optuna looks. `doubled`: the one field that is doubled → its sizes
    from small to large, else empty.
    """

    default: Recipe
    searched: Mapping[str, BaseDistribution]
    doubled: Mapping[str, tuple[float, ...]]

    @classmethod
    def of(cls, recipe: Recipe) -> "Space":
        """Of a recipe, with which the search begins. Raises ModelError where nothing is searched,
        or more than one field is to be doubled.
        """
        name, fixed = recipe.name, overridden(recipe)
        searches = {each: search for each, search in searches_of(name).items() if each not in fixed}
        doubled = {field: sizes_of(search) for field, search in searches.items() if search.doubled}
        searched = {
            field: distribution_of(name, field, search)
            for field, search in searches.items()
            if field not in doubled
        }
        if not searched or len(doubled) > 1:
            raise ModelError(
                f"{written(recipe)}: {len(searches)} hyperparameters are to search, "
                f"{len(doubled)} of them doubled; expected at least one to search, and at most "
                "one to double"
            )
        return cls(recipe, searched, doubled)

    def with_(self, recipe: Recipe, changes: Mapping[str, float]) -> Recipe:
        """The recipe with other values of some fields."""
        return Recipe.of(recipe.name, **{**dict(recipe.settings), **changes})

    @property
    def start(self) -> Recipe:
        """The default at the smallest size, where the search begins."""
        return self.with_(self.default, self._smallest)

    def is_small(self, recipe: Recipe) -> bool:
        """Whether it has the smallest size; any recipe has, where nothing is doubled."""
        return self._smallest.items() <= dict(recipe.settings).items()

    def larger(self, recipe: Recipe) -> list[Recipe]:
        """The recipe at each size above the smallest; none where nothing is doubled."""
        changes: list[dict[str, float]] = []
        for field, sizes in self.doubled.items():
            changes += [{field: size} for size in sizes[1:]]
        return [self.with_(recipe, change) for change in changes]

    def n_small(self, n_trials: int) -> int:
        """How many of all trials are for the search: at least one; the default and the doublings
        need the others.
        """
        n_default = 0 if self.is_small(self.default) else 1
        return max(n_trials - len(self.larger(self.default)) - n_default, 1)

    @property
    def _smallest(self) -> dict[str, float]:
        return {field: sizes[0] for field, sizes in self.doubled.items()}


def next_recipe(
    space: Space, trials: Sequence[Trial], *, n_trials: int, seed: int
) -> Recipe | None:
    """What to try after `trials`, of which there may be `n_trials` in all; None where the study is
    done.

    The default comes first. Then all searched fields are searched together, at the smallest size
    where one field is doubled; and then that size is doubled, the best of the others kept, for as
    long as validation improves (for `als` this is the recipe of Rendle et al. 2022). A study that
    ends early leaves trials over.
    """
    if len(trials) >= n_trials:
        return None
    if not trials:
        return space.default
    small = [trial for trial in trials if space.is_small(trial.recipe)]
    if not small:
        return space.start
    if len(small) < space.n_small(n_trials):
        return propose(space, small, seed + len(trials))
    return next_size(space, trials, best_of(small))


def best_of(trials: Sequence[Trial]) -> Trial | None:
    """The best, the earliest of equals; None where none could be fitted."""
    fitted = [trial for trial in trials if trial.is_fitted]
    return max(fitted, key=lambda trial: trial.score, default=None)


def searches_of(name: str) -> dict[str, Search]:
    """Field → its Search, for the fields of that recipe's Config that have one."""
    searches: dict[str, Search] = {}
    for field, info in model_class(name).Config.model_fields.items():
        for metadata in info.metadata:
            if isinstance(metadata, Search):
                searches[field] = metadata
    return searches


def tunable() -> list[str]:
    """Names of the recipes that have something to search."""
    return [name for name in MODELS if searches_of(name)]


def distribution_of(name: str, field: str, search: Search) -> BaseDistribution:
    """Return where Optuna looks for a field: among integers, where its type is one."""
    annotation = model_class(name).Config.model_fields[field].annotation
    if int in (annotation, *get_args(annotation)):
        return IntDistribution(int(search.low), int(search.high), log=search.log)
    return FloatDistribution(search.low, search.high, log=search.log)


def sizes_of(search: Search) -> tuple[float, ...]:
    """Return the sizes of a doubled field, from small to large."""
    sizes = [search.low]
    while sizes[-1] * 2 <= search.high:
        sizes.append(sizes[-1] * 2)
    return tuple(sizes)


def propose(space: Space, trials: Sequence[Trial], seed: int) -> Recipe:
    """By tree-structured Parzen estimators over all fields at once (Bergstra et al. 2011; Falkner
    et al. 2018).
    """
    sampler = TPESampler(seed=seed, multivariate=True)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for trial in trials:
        study.add_trial(_finished(space, trial))
    proposal = study.ask(dict(space.searched))
    return space.with_(trials[0].recipe, proposal.params)


def _finished(space: Space, trial: Trial) -> FrozenTrial:
    """The trial as Optuna's sampler reads it."""
    settings = dict(trial.recipe.settings)
    return create_trial(
        params={field: settings[field] for field in space.searched},
        distributions=dict(space.searched),
        value=trial.ndcg,
        state=TrialState.COMPLETE if trial.is_fitted else TrialState.FAIL,
    )


def next_size(space: Space, trials: Sequence[Trial], best: Trial | None) -> Recipe | None:
    """The first size of `best` that has not been tried, unless a smaller one was no better than the
    one before it.
    """
    if best is None:
        return None
    trial_of = {trial.recipe.key: trial for trial in trials}
    for recipe in space.larger(best.recipe):
        trial = trial_of.get(recipe.key)
        if trial is None:
            return recipe
        if not trial.is_fitted or trial.score <= best.score:
            return None
        best = trial
    return None
