"""MLflow that is away, or has lost what it is asked for: what it raises, and the sentence that people read."""

import re

import requests
from mlflow.exceptions import MlflowException

from recsys.errors import LedgerError

#: Whatever its client raises: requests' errors are OSErrors, and LedgerError is ours for what MLflow lacks.
TROUBLE = (MlflowException, OSError, LedgerError)

_AWAY = re.compile(r"Max retries exceeded|timeout exception|Connection aborted|NewConnectionError|RemoteDisconnected")
_CAUSE = re.compile(
    r"Connection refused|[Rr]ead timed out|[Cc]onnect(?:ion)? timed? ?out|Name or service not known|No route to host"
)


def sentence_of(error: BaseException, uri: str) -> str:
    """What went wrong with the MLflow server at `uri`, in one line."""
    if isinstance(error, LedgerError):
        return str(error)
    text = " ".join(str(error).split())
    if isinstance(error, requests.ConnectionError | requests.Timeout) or _AWAY.search(text):
        cause = _CAUSE.search(text)
        return f"MLflow at {uri} does not answer{f' ({cause[0].lower()})' if cause else ''}"
    return f"MLflow at {uri} answers: {text[:300]}"
