"""How far predicted stars are off: ML-1M, a random tenth of the ratings held out, another split for
each seed.
"""

import numpy as np

from bench.quality.fits import Fitted
from bench.quality.protocols.base import LIKE_THRESHOLD, ML1MProtocol, Validates
from recsys.errors import ModelError
from recsys.evaluation.holdout import random_share
from recsys.evaluation.metrics.mae import mae
from recsys.evaluation.metrics.rmse import rmse
from recsys.features.interactions import Interactions
from recsys.features.train import Loaded
from recsys.models.base import PredictsRatings, Recommender
from recsys.recipe import Recipe

HELD_OUT_SHARE = 0.1


class Rating(ML1MProtocol, Validates):
    """The recipes that predict stars; movies and users that the split left without a rating are
    predicted like the others.
    """

    name = "rating"
    title = "ML-1M, random 90/10: error of predicted stars"
    metrics = ("RMSE", "MAE")
    lower_is_better = True
    split_by_seed = True

    def measure(self, recipe: Recipe, seed: int) -> dict[str, float]:
        training, held_out = random_tenth(self.interactions, seed)
        train = Loaded(training, LIKE_THRESHOLD)
        fitted = self.fits.fitted(recipe, train, self.catalogue, seed)
        return errors(fitted, recipe, held_out, training)

    def validate(self, recipe: Recipe, seed: int) -> dict[str, float]:
        """Hold out a random tenth of the training ratings."""
        training, _ = random_tenth(self.interactions, seed)
        training, held_out = random_tenth(training, seed)
        train = Loaded(training, LIKE_THRESHOLD)
        fitted = self.fits.now(recipe, train, self.catalogue, seed)
        return errors(fitted, recipe, held_out, training)


def random_tenth(interactions: Interactions, seed: int) -> tuple[Interactions, Interactions]:
    """Return the training ratings and the held-out ones."""
    is_held_out = random_share(interactions, HELD_OUT_SHARE, seed=seed)
    return interactions.where(~is_held_out), interactions.where(is_held_out)


def errors(
    fitted: Fitted, recipe: Recipe, held_out: Interactions, training: Interactions
) -> dict[str, float]:
    """Return the protocol's metrics of the held-out ratings."""
    predicted = predict(fitted.model, recipe, held_out, training)
    return {
        "RMSE": rmse(predicted, held_out.ratings),
        "MAE": mae(predicted, held_out.ratings),
        "fit seconds": fitted.seconds,
    }


def predict(
    model: Recommender, recipe: Recipe, held_out: Interactions, training: Interactions
) -> np.ndarray:
    """Return the stars of the held-out ratings, for users of these training ratings.

    Raises ModelError where the recipe predicts none.
    """
    if not (isinstance(model, PredictsRatings) and model.rates):
        raise ModelError(f"{recipe.key} predicts no ratings: expected a recipe that does")
    return model.predict(held_out.row_user_ids, held_out.row_movie_ids, training)
