"""How this installation computes, as the models are told it."""

from recsys.models.base import Compute
from recsys.settings import Settings


def compute_of(settings: Settings, *, seed: int | None = None) -> Compute:
    """The settings' share in a model's construction; `seed` is the week's, which outlives a change
    of the setting.
    """
    return Compute(
        seed=settings.seed if seed is None else seed,
        threads=settings.threads,
        device=settings.device,
        title_model=settings.title_model,
        title_model_revision=settings.title_model_revision,
    )
