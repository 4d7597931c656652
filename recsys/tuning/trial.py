"""A trial of a study; apart from the search, so that the ledger needs no Optuna."""

from dataclasses import dataclass

from recsys.recipe import Recipe


@dataclass(frozen=True)
class Trial:
    """A recipe that was tried, and its NDCG@10 on the validation slice: None where it could not be
    fitted.
    """

    recipe: Recipe
    ndcg: float | None

    @property
    def is_fitted(self) -> bool:
        """Whether the recipe could be fitted."""
        return self.ndcg is not None

    @property
    def score(self) -> float:
        """The NDCG@10, 0 where it could not be fitted."""
        return self.ndcg or 0.0
