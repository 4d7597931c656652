"""How far predicted stars are off: ML-1M, a random tenth of the ratings held out, another split for
each seed.
"""

import numpy as np

from bench.quality.protocols.base import ML1MProtocol
from recsys.errors import ModelError
from recsys.evaluation.holdout import random_share
from recsys.evaluation.metrics.mae import mae
from recsys.evaluation.metrics.rmse import rmse
from recsys.features.interactions import Interactions
from recsys.models.base import PredictsRatings, Recommender
from recsys.recipe import Recipe

HELD_OUT_SHARE = 0.1


class Rating(ML1MProtocol):
    """The recipes that predict stars; movies and users that the split left without a rating are
    predicted like the others.
    """

    name = "rating"
    title = "ML-1M, random 90/10: error of predicted stars"
    metrics = ("RMSE", "MAE")
    lower_is_better = True
    split_by_seed = True

    def measure(self, recipe: Recipe, seed: int) -> dict[str, float]:
        is_held_out = random_share(self.interactions, HELD_OUT_SHARE, seed=seed)
        training = self.interactions.where(~is_held_out)
        fitted = self.fits.fitted(recipe, training, self.catalogue, seed)
        predicted = predict(fitted.model, recipe, self.interactions, is_held_out)
        stars = self.interactions.ratings[is_held_out]
        return {
            "RMSE": rmse(predicted, stars),
            "MAE": mae(predicted, stars),
            "fit seconds": fitted.seconds,
        }


def predict(
    model: Recommender, recipe: Recipe, interactions: Interactions, is_held_out: np.ndarray
) -> np.ndarray:
    """Return the stars of the held-out ratings.

    Raises ModelError where the recipe predicts none.
    """
    if not (isinstance(model, PredictsRatings) and model.rates):
        raise ModelError(f"{recipe.key} predicts no ratings: expected a recipe that does")
    return model.predict(
        interactions.user_ids[interactions.users[is_held_out]],
        interactions.movie_ids[interactions.movies[is_held_out]],
    )
