"""
# Rollback publication

Readers see an earlier publication again, or a later one, and its recipe is champion again: in one
transaction, in under a second.

```text
rollback_publication
```

**Which?** The form lists the publications that still have their rows, the newest first; left empty,
it is the newest that readers saw before the present one and that was not rolled back from, so that
a second rollback goes further back. The same form rolls forward again.

**What it does.** The ledger changes at once: what is live, the champion, the reason and your name.
MLflow's alias follows; cut short between the two, or with MLflow away, it is put right by the next
run. Readers see the one publication or the other, never none.

**What it does not do.** Nothing is fitted or scored. Weekly runs go on: the next new week decides
and publishes as ever, against the champion that you chose. Running the rolled-back week again does
not undo the rollback. A week that was decided already and not live yet was decided in favour of
what you put aside: it will not go live unless it is decided anew (`force_decision`).

**Params.** `publication_id`, `reason`. A form is made when Airflow parses this file (every half
minute or so), so its list is as old as that; where the database could not be asked, it is a field
for a number that `python -m recsys rollback --list` prints.

**From a terminal**

```bash
airflow dags trigger rollback_publication --conf '{"reason": "lists full of one director"}'
python -m recsys rollback --reason "lists full of one director"        # the same without Airflow
```

**Run it again.** A publication that is live already stays so, and nothing is entered.
"""

from datetime import timedelta

from recsys_airflow.defaults import DEFAULTS
from recsys_airflow.lateness import WatchedDag, late_after
from recsys_airflow.operators import RollbackPublication
from recsys_airflow.params import rollback_params
from recsys_airflow.publications import past_publications

with WatchedDag(
    "rollback_publication",
    schedule=None,
    catchup=False,
    # a run by hand of a paused DAG is queued, and nothing says that it never starts
    is_paused_upon_creation=False,
    max_active_runs=1,
    default_args=DEFAULTS,
    # it takes seconds, and is asked for when readers see what they should not
    deadline=late_after(timedelta(minutes=10)),
    # at parse time, as a form has no other: Airflow keeps its schema with the parsed DAG
    params=rollback_params(past_publications()),  # pyright: ignore[reportArgumentType] - a dict will do, whatever its annotation says
    tags=["recsys", "by hand"],
    description="What readers saw before, back before them, with its champion",
    doc_md=__doc__,
):
    RollbackPublication(
        task_id="rollback_publication",
        execution_timeout=timedelta(minutes=5),
        retry_delay=timedelta(seconds=10),
    )
