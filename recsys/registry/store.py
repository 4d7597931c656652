"""The registry: fits as MLflow runs, champions as versions of one registered model, a run a week
for what the week reports.
"""

from recsys.registry.fits import FitRun
from recsys.registry.studies import Studies
from recsys.registry.versions import Versions

__all__ = ["FitRun", "Registry"]


class Registry(Versions, Studies):
    """MLflow under the names of the settings: the one door to it."""
