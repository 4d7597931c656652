"""The login by which the API reads from MLflow: it may look at runs and models, and change none."""

import os

import mlflow
from mlflow.exceptions import RestException
from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, ErrorCode
from mlflow.server import get_app_client

from recsys.registry.names import READER

__all__ = ["ensure_reader"]


def ensure_reader(password: str) -> None:
    """Make the login unless it is there; MLflow's `default_permission = READ` says what it may do.

    MLFLOW_TRACKING_URI and the variables of MLflow's own client say where, and who asks: its
    administrator.
    """
    client = get_app_client("basic-auth", tracking_uri=mlflow.get_tracking_uri())
    try:
        client.create_user(username=READER, password=password)
    except RestException as error:
        if error.error_code != ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
            raise


if __name__ == "__main__":
    ensure_reader(os.environ["MLFLOW_READER_PASSWORD"])
