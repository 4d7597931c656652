"""What every task of this project starts from: how it is tried again, and who hears of it when that
did not help.
"""

from datetime import timedelta

from recsys_airflow.notify import on_failure

DEFAULTS = {
    "owner": "recsys",
    "retries": 3,
    "retry_delay": timedelta(minutes=1),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=20),
    "on_failure_callback": on_failure,
}
