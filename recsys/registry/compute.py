"""How this installation computes: what the models are given of the settings."""

from recsys.models import model_class
from recsys.models.base import Compute, Recommender
from recsys.recipe import Recipe
from recsys.settings import Settings


def compute_of(settings: Settings, *, seed: int | None = None) -> Compute:
    """Return the settings' share in a model's construction; `seed` is the week's, which outlives a
    change of the setting.
    """
    return Compute(
        seed=settings.seed if seed is None else seed,
        threads=settings.threads,
        device=settings.device,
        title_model=settings.title_model,
        title_model_revision=settings.title_model_revision,
    )


def new_model(recipe: Recipe, settings: Settings, *, seed: int) -> Recommender:
    """Return a model of the recipe that is still to be fitted."""
    kind = model_class(recipe.name)
    return kind(kind.Config(**dict(recipe.settings)), compute_of(settings, seed=seed))
