"""Models at rest: logged, registered and found again in MLflow. `store.Registry` is the door;
nothing heavy is imported here.

MLflow reads these variables, most of them when it is first imported, so they stand before any of
its modules. With them it talks to the tracking server only. How long its client waits is
`patience`'s to say.
"""

import os

from recsys.registry.patience import PATIENT

__all__ = [
    "compute",
    "digest",
    "files",
    "fit_key",
    "fit_ledger",
    "fitting",
    "names",
    "patience",
    "store",
]

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
for _name, _value in PATIENT.items():
    os.environ.setdefault(_name, _value)
