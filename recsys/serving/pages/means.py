"""What a home gives its pages to act with."""

from dataclasses import dataclass

from recsys.serving.pages.approvals import SignedIn
from recsys.serving.pages.asks import Asks
from recsys.serving.pages.operator import Operator

__all__ = ["NO_MEANS", "Means"]


@dataclass(frozen=True)
class Means:
    """Where the model is asked, as whom operations are done, and how Airflow is reached. What is
    None is not set up, and the pages say so.
    """

    asks: Asks | None = None
    operator: Operator | None = None
    airflow: SignedIn | None = None


NO_MEANS = Means()
