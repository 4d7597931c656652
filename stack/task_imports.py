"""What the demo's tasks would each spend seconds to import, imported once.

Airflow's LocalExecutor forks its workers, and these their tasks, from a process that imports this
first: AIRFLOW__CORE__MP_FORKSERVER_PRELOAD. Of the project's own code it imports no more than how
threads wait, which counts only before a library starts its threads; the rest each task reads anew,
so that an edit counts at once.
"""

# ruff: noqa: F401, I001 - imported for what they leave in memory, in this order

import recsys

import airflow.dag_processing.dagbag
import airflow.executors.local_executor
import airflow.providers.postgres.hooks.postgres
import airflow.providers.standard.operators.hitl
import airflow.sdk.execution_time.task_runner
import implicit.cpu.als
import mlflow.pyfunc
import psycopg
import pyarrow.csv
import pydantic_settings
import scipy.sparse.linalg
import sklearn.decomposition
import sklearn.feature_extraction.text
import torch
from mlflow.utils import requirements_utils

# MLflow reads the list of files of every installed package before it logs its first model
requirements_utils._init_packages_to_modules_map()
