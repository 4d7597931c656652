"""How a task of this project is tried again; every DAG's default."""

from datetime import timedelta

RETRIES = {
    "owner": "recsys",
    "retries": 3,
    "retry_delay": timedelta(minutes=1),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=20),
}
