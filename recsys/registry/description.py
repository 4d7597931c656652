"""What a fit's run says of it; light, so that a fit is described without MLflow."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from recsys.features.train import Train
from recsys.recipe import Recipe
from recsys.registry.names import Kind


@dataclass(frozen=True)
class FitDescription:
    """What a fit's run says of it.

    `params` are logged beside the hyperparameters: the data window, fingerprint and seed (see
    `data_window`). `parent` is the run that it lies beneath.
    """

    fit_key: str
    recipe: Recipe
    kind: Kind
    as_of: date
    cut: str
    encoder: str
    params: Mapping[str, object]
    parent: str | None = None

    @property
    def name(self) -> str:
        """The run's name."""
        return f"{self.recipe.key} {self.as_of} {self.kind}"

    @property
    def all_params(self) -> dict[str, object]:
        """The hyperparameters, and `params`."""
        return {**dict(self.recipe.settings), **self.params}

    @property
    def tags(self) -> dict[str, str]:
        """The run's tags, without that of its parent."""
        return {
            "fit_key": self.fit_key,
            "recipe": self.recipe.key,
            "kind": self.kind,
            "as_of": self.as_of.isoformat(),
            "cut": self.cut,
            "encoder": self.encoder,
        }


def data_window(train: Train) -> dict[str, object]:
    """Return what a fit saw, in parameters that people read: counts, and the first and last
    rating's time in UTC.
    """
    extent = train.extent()
    counts: dict[str, object] = {
        "ratings": extent.n_ratings,
        "users": extent.n_users,
        "movies": extent.n_movies,
        "like_threshold": train.like_threshold,
    }
    if not extent.n_ratings:
        return counts
    times = {"oldest_rating": extent.oldest, "newest_rating": extent.newest}
    return counts | {name: iso_time(seconds) for name, seconds in times.items()}


def iso_time(seconds: int) -> str:
    """Return seconds since 1970 as an ISO time, UTC."""
    return datetime.fromtimestamp(int(seconds), UTC).isoformat()
