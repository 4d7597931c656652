"""How long MLflow's client waits for a server that refuses, or that accepts and never answers.

It reads these variables at each request. What the environment sets otherwise is left as it is.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

#: For a fit, whose work would be lost: six attempts over 150 s of refusals, so that an outage of
#: two minutes passes. A server that takes in a large model may be silent for a minute; one that
#: never answers is given up after nine.
PATIENT = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",  # seconds, of one attempt
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "5",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "5",  # seconds: waits 0, 10, 20, 40, 80
    "MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER": "false",  # a proxy may say an hour
}
#: For what only mirrors the ledger, and for a person at a terminal: two attempts, 8 s of silence.
BRIEF = PATIENT | {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "4",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
}


@contextmanager
def brief() -> Iterator[None]:
    """Within: MLflow's client gives up after some ten seconds, wherever the environment has not
    chosen otherwise.
    """
    ours = [name for name in PATIENT if os.environ.get(name) == PATIENT[name]]
    os.environ.update({name: BRIEF[name] for name in ours})
    try:
        yield
    finally:
        os.environ.update({name: PATIENT[name] for name in ours})
