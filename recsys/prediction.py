"""What a user would give a movie that nobody has rated, nor any drop told of: by its description
alone.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from recsys.db.connect import Connection, one_row
from recsys.db.queries import queries
from recsys.errors import LedgerError, RecsysError
from recsys.features.catalogue import Catalogue, Description
from recsys.models.hybrid import Hybrid
from recsys.registry.patience import brief
from recsys.registry.store import Registry


def persons_named(
    conn: Connection, names: Sequence[str], role: Literal["director", "actor"]
) -> tuple[int, ...]:
    """Ids of people as the newest drop names them, in their order. Raises RecsysError for a name
    that nobody has.
    """
    return tuple(_person_named(conn, name, role) for name in names)


def predict_stars(conn: Connection, registry: Registry, user_id: int, movie: Description) -> float:
    """Expected stars, by the newest fitted hybrid.

    Raises LedgerError where none was fitted, RecsysError for a user of whom it has seen no rating
    or a genre that it does not know.
    """
    with brief():
        run_id = registry.newest_fit(Hybrid.name)
        model = registry.load(run_id) if run_id else None
    if not isinstance(model, Hybrid):
        raise LedgerError(
            f"MLflow has no fit of recipe {Hybrid.name} with its model: expected one of a week "
            "that it was evaluated in; "
            f"make one with `python -m recsys train {Hybrid.name}` (MLflow: {registry.uri})"
        )
    rated = one_row(conn, queries("prediction")["has_rated"], {"user_id": user_id}).has_rated
    if not rated or user_id not in model.user_ids_:
        raise RecsysError(
            f"user {user_id} has no rating that run {run_id} has seen: expected a "
            "user whom it learned about"
        )
    unknown = sorted(set(movie.genres) - set(model.content_encoder_.genres))
    if unknown:
        raise RecsysError(
            f"no genre {', '.join(unknown)}: expected some of "
            f"{', '.join(model.content_encoder_.genres)}"
        )
    return float(
        model.predict_described(np.array([user_id]), Catalogue.of_descriptions([movie]))[0, 0]
    )


def _person_named(conn: Connection, name: str, role: str) -> int:
    found = conn.execute(
        queries("prediction")["person_named"], {"name": name, "role": role}
    ).fetchone()
    if found is None:
        raise RecsysError(
            f"{role} {name!r}: nobody of that name in the drops; expected one as IMDb writes it"
        )
    return found.person_id
