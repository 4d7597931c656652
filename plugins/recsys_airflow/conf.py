"""What a run's conf may hold: the DAG's Params. Airflow takes any key, and a mistyped one would run
another week.
"""

from collections.abc import Collection
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

if TYPE_CHECKING:
    from airflow.sdk import Context

#: Keys of Airflow's own, as for the detail of its traces.
AIRFLOWS = "airflow/"


def check_conf(context: "Context") -> None:
    """Fail a run whose conf names what is no Param of its DAG. A scheduled or backfilled run has an
    empty conf.
    """
    run: Any = context.get("dag_run")
    dag: Any = context.get("dag")
    if run is None or dag is None:
        return
    unknown = [
        key for key in run.conf or {} if key not in dag.params and not str(key).startswith(AIRFLOWS)
    ]
    if unknown:
        named = ", ".join(with_nearest(key, dag.params) for key in unknown)
        raise AirflowFailException(
            f"conf names {named}; {dag.dag_id} has no such Param. Expected some of: "
            f"{', '.join(sorted(dag.params))}. Nothing was "
            "changed: trigger the DAG again"
        )


def with_nearest(key: str, params: Collection[str]) -> str:
    """Return a key with the Param that was probably meant."""
    near = get_close_matches(str(key).replace("-", "_").lower(), list(params), n=1)
    return f"{key!r} (did you mean {near[0]!r}?)" if near else repr(key)
