"""How far predicted stars are off: ML-1M, a random tenth of the ratings held out, another split for
each seed.
"""

from bench.quality.files import read_catalogue, read_ratings
from bench.quality.protocols.base import IMDB, ML_1M, Protocol
from recsys.errors import ModelError
from recsys.evaluation.holdout import random_share
from recsys.evaluation.metrics.mae import mae
from recsys.evaluation.metrics.rmse import rmse
from recsys.models.base import PredictsRatings
from recsys.recipe import Recipe

HELD_OUT_SHARE = 0.1


class Rating(Protocol):
    """The recipes that predict stars; movies and users that the split left without a rating are
    predicted like the others.
    """

    name = "rating"
    title = "ML-1M, random 90/10: error of predicted stars"
    metrics = ("RMSE", "MAE")
    needs = (*ML_1M, *IMDB)
    lower_is_better = True
    split_by_seed = True

    def measure(self, recipe: Recipe, seed: int) -> dict[str, float]:
        folder = (self.data / ML_1M[0]).parent
        catalogue = read_catalogue(folder, (self.data / IMDB[0]).parent)
        ratings = read_ratings(folder).over(catalogue.movie_ids)
        held_out = random_share(ratings, HELD_OUT_SHARE, seed=seed)
        model, seconds = self.fits.fitted(recipe, ratings.where(~held_out), catalogue, seed)
        if not (isinstance(model, PredictsRatings) and model.rates):
            raise ModelError(f"{recipe.key} predicts no ratings: expected a recipe that does")
        stars = ratings.ratings[held_out]
        predicted = model.predict(
            ratings.user_ids[ratings.users[held_out]], ratings.movie_ids[ratings.movies[held_out]]
        )
        return {
            "RMSE": rmse(predicted, stars),
            "MAE": mae(predicted, stars),
            "fit seconds": seconds,
        }
