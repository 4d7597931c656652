"""In which order ratings come."""

import numpy as np
import pyarrow as pa


class Order:
    """Whether each rating seen so far is of a later user, or of the same user and a later movie: as
    GroupLens publishes them.

    Then none stands there twice, of whatever time.
    """

    def __init__(self) -> None:
        self.ascending = True
        self._last = (-1, -1)

    def see(self, numbers: pa.RecordBatch) -> None:
        """Take the next ratings into account."""
        if not (self.ascending and numbers.num_rows):
            return
        users = numbers["user_id"].to_numpy()
        movies = numbers["movie_id"].to_numpy()
        first = (int(users[0]), int(movies[0]))
        self.ascending = first > self._last and is_rising(users, movies)
        self._last = (int(users[-1]), int(movies[-1]))


def is_rising(users: np.ndarray, movies: np.ndarray) -> bool:
    """Return whether pairs of user and movie rise strictly."""
    later_movie = (users[1:] == users[:-1]) & (movies[1:] > movies[:-1])
    return bool(((users[1:] > users[:-1]) | later_movie).all())
