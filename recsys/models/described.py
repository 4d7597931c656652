"""The contract of recipes that predict ratings by a description alone."""

from abc import ABC, abstractmethod

import numpy as np

from recsys.features.catalogue import Catalogue

__all__ = ["PredictsDescribed"]


class PredictsDescribed(ABC):
    """The contract of a recipe that predicts ratings of movies out of the catalogue, by their
    descriptions.
    """

    user_ids_: np.ndarray

    @property
    @abstractmethod
    def genres(self) -> list[str]:
        """The genres that a description may name."""

    @abstractmethod
    def predict_described(self, users: np.ndarray, movies: Catalogue) -> np.ndarray:
        """Return (len(users), len(movies)) float32 expected ratings in stars."""
