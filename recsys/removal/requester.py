"""Who wants something removed."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Requester:
    """A person, and the run in which they want it; both empty where nobody says."""

    requested_by: str = ""
    run_id: str = ""


NOBODY = Requester()
