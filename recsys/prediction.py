"""What a user would give a movie that no drop has, by its description alone."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.db.rows import fetch_value, find_value
from recsys.errors import LedgerError, RecsysError
from recsys.features.catalogue import Catalogue, Description
from recsys.models import MODELS, model_class
from recsys.models.described import PredictsDescribed
from recsys.registry.patience import brief
from recsys.registry.store import Registry


def persons_named(
    conn: Connection, names: Sequence[str], role: Literal["director", "actor"]
) -> tuple[int, ...]:
    """Ids of people as the newest drop names them, in their order. Raises RecsysError for a name
    that nobody has.
    """
    return tuple(person_named(conn, name, role) for name in names)


def predict_stars(conn: Connection, registry: Registry, user_id: int, movie: Description) -> float:
    """Return expected stars, by the newest fit of a recipe that predicts by descriptions.

    Raises LedgerError where none was fitted, RecsysError for a user of whom it has seen no rating
    or a genre that it does not know.
    """
    with brief():
        run_id, model = _newest_fit(registry)
    has_rated = fetch_value(conn, bool, queries("prediction")["has_rated"], {"user_id": user_id})
    if not has_rated or user_id not in model.user_ids_:
        raise RecsysError(
            f"user {user_id} has no rating that run {run_id} has seen: expected a "
            "user whom it learned about"
        )
    check_genres(movie, model)
    stars = model.predict_described(np.array([user_id]), Catalogue.of_descriptions([movie]))
    return float(stars[0, 0])


def check_genres(movie: Description, model: PredictsDescribed) -> None:
    """Raise an error that lists the genres there are, for one that there is not."""
    unknown = sorted(set(movie.genres) - set(model.genres))
    if unknown:
        raise RecsysError(
            f"no genre {', '.join(unknown)}: expected some of {', '.join(model.genres)}"
        )


def _newest_fit(registry: Registry) -> tuple[str, PredictsDescribed]:
    """Return run id and model of the first recipe of MODELS that predicts by descriptions and was
    fitted.
    """
    names = [name for name in MODELS if issubclass(model_class(name), PredictsDescribed)]
    for name in names:
        run_id = registry.newest_fit(name)
        model = registry.load(run_id) if run_id else None
        if run_id and isinstance(model, PredictsDescribed):
            return run_id, model
    raise LedgerError(
        f"MLflow has no fit of recipe {' or '.join(names)} with its model: expected one of a week "
        f"that it was evaluated in; make one with `python -m recsys train {names[0]}` (MLflow: "
        f"{registry.uri})"
    )


def person_named(conn: Connection, name: str, role: str) -> int:
    """Return the id of a director or actor of that name."""
    params = {"name": name, "role": role}
    person_id = find_value(conn, int, queries("prediction")["person_named"], params)
    if person_id is None:
        raise RecsysError(
            f"{role} {name!r}: nobody of that name in the drops; expected one as IMDb writes it"
        )
    return person_id
