"""
# Retire week

A week that should never have run counts for nothing from now on: a mistyped year, a drop that
turned out to be another's.

```text
retire_week
```

**What it does.** In one transaction, the week is marked in the ledger with the reason and your
name. If readers saw its lists, they see what they would have without it: the newest publication
that the week kept from going live, or else what they had before; its recipe is champion, and
MLflow's alias follows. Newer weeks, exams, gates and drift no longer look at the week.

**What it does not do.** Nothing is deleted: `python -m recsys history` shows the week, who retired
it and why, and drops that it took in stay in. Where no other publication has its rows in place,
readers keep the week's lists until another week is run. A retired week is not run again, unless its
retirement is undone.

**Params.** `week`, `reason`, `undo`.

**From a terminal**

```bash
airflow dags trigger retire_week --conf '{"week": "2062-01-06", "reason": "mistyped year"}'
python -m recsys retire 2062-01-06 --reason "mistyped year"        # the same without Airflow
python -m recsys retire 2062-01-06 --undo --reason "it was right"
```

**Run it again.** A week that is retired already stays so, and nothing is entered.
"""

from datetime import timedelta

from recsys_airflow.defaults import DEFAULTS
from recsys_airflow.lateness import WatchedDag, late_after
from recsys_airflow.operators import RetireWeek
from recsys_airflow.params import RETIRE_PARAMS

with WatchedDag(
    "retire_week",
    schedule=None,
    catchup=False,
    max_active_runs=1,
    # by hand alone: a run that was asked for must not wait for someone to look
    is_paused_upon_creation=False,
    default_args=DEFAULTS,
    # it takes seconds, and readers see what they should not
    deadline=late_after(timedelta(minutes=10)),
    params=RETIRE_PARAMS,  # pyright: ignore[reportArgumentType] - a dict will do, whatever its annotation says
    tags=["recsys", "by hand"],
    description="A week that should not have run counts for nothing, and its lists go from readers",
    doc_md=__doc__,
):
    RetireWeek(
        task_id="retire_week",
        execution_timeout=timedelta(minutes=5),
        retry_delay=timedelta(seconds=10),
    )
