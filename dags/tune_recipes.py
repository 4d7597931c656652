"""
# Tune recipes

Once a month, and by hand: look for better hyperparameters of the recipes that compete, on data that
no exam to come evaluates on.

```text
find_week ► list_tunable ► tune_recipe (recipes)
```

**On what?** `find_week` takes the newest week whose drops are in. Its exam's questions are left
alone: a trial is fitted on the older part of what the exam's own fits may see, and evaluated by
NDCG@10 on the newer part, the validation slice.

**What comes of it.** The first trial is the recipe as it is named: its default, or with settings of
its own, as in `als[factors=128]`, which stay as they are. Where another is better, it is entered as
a tuned recipe under a key of its own (`als-3f9a2c41`), and from then on it is evaluated in the exam
of each new week that names no recipes, beside the one that it was tuned from. It must win there, by
the same rule as any other, before it makes anyone's list. A week that ran already keeps the recipes
it had.

**When?** The DAG is on from the start, for runs by hand. By itself it starts its first study on the
first day of the month to come, not when it is new or is unpaused. Paused on a first of the month
later on, it makes up that study when it is unpaused. A study that falls due before a week has its
drops in is skipped.

**Looking at it.** Each study is a run in MLflow, and each trial a run beneath it, with its
hyperparameters and its figure.

**Params.** `as_of`, `recipes`, `trials`: the trigger form explains each; empty means the usual.

**From a terminal**

```bash
airflow dags trigger tune_recipes --conf '{"recipes": ["als"], "trials": 50}'
python -m recsys tune als --trials 50  # the same without Airflow, with a progress bar
```

**Run it again.** A study goes on where it stopped, be it a timeout, a retry or a killed worker;
with as many trials as were asked for it adds nothing. More trials continue it; another week, or
other code, is another study.
"""

from datetime import timedelta
from inspect import getdoc

from airflow.sdk import DAG, CronTriggerTimetable, chain
from dateutil.relativedelta import relativedelta

from recsys_airflow.defaults import DEFAULTS
from recsys_airflow.operators import FindWeek, ListTunable, TuneRecipe
from recsys_airflow.params import TUNING_PARAMS

#: With a start date, or as a CronDataIntervalTimetable, the DAG would start the last month's study
#: as soon as it is there. The hour is for a first study that falls due while the scheduler is busy.
MONTHLY = CronTriggerTimetable(
    "0 0 1 * *",
    timezone="UTC",
    interval=relativedelta(months=1),
    run_immediately=timedelta(hours=1),
)

with DAG(
    "tune_recipes",
    schedule=MONTHLY,
    catchup=False,
    # a run by hand of a paused DAG is queued, and nothing says that it never starts
    is_paused_upon_creation=False,
    max_active_runs=1,
    default_args=DEFAULTS,
    params=TUNING_PARAMS,  # pyright: ignore[reportArgumentType] - a dict will do, whatever its annotation says
    tags=["recsys", "monthly"],
    description="Better hyperparameters, found before the exam; what is found must then win one",
    doc_md=__doc__,
):
    find_week = FindWeek(task_id="find_week", execution_timeout=timedelta(minutes=10))
    list_tunable = ListTunable(task_id="list_tunable", execution_timeout=timedelta(minutes=5))
    tune_recipe = TuneRecipe.partial(
        task_id="tune_recipe",
        week=find_week.output,
        n_trials="{{ params.trials }}",
        execution_timeout=timedelta(hours=12),
        map_index_template="{{ task.recipe }}",
        doc_md=getdoc(TuneRecipe),
    ).expand(recipe=list_tunable.output)
    chain(find_week, list_tunable, tune_recipe)
