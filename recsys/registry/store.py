"""The registry: fits as MLflow runs, champions as versions of one registered model, a run a week
for what the week reports.
"""

from recsys.registry.fits import FitRun, data_window
from recsys.registry.studies import Studies
from recsys.registry.versions import CHAMPION, Versions

__all__ = ["CHAMPION", "FitRun", "Registry", "data_window"]


class Registry(Versions, Studies):
    """MLflow under the names of the settings: the one door to it."""
