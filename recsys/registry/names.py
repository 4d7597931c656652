"""What MLflow's things are called; light, so that the ledger's side imports it without MLflow."""

from typing import Literal

#: The alias of the version that serves.
CHAMPION = "champion"

#: The login by which the API reads from MLflow.
READER = "recsys-api"

#: What a fit is for.
Kind = Literal["validation", "exam", "refit"]


def metric_name(name: str) -> str:
    """Return the name as MLflow accepts it."""
    return name.replace("@", "_at_").replace(",", "")
