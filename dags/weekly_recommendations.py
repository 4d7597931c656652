"""
# Weekly recommendations

By the time people arrive on Monday, every user has a fresh top-N list in Postgres, made by the
model that won this week's exam.

```text
wait_for_movielens ┐
wait_for_imdb      ┴► collect_feedback ► resolve_week ► ingest_drops ► refresh_views ► checks
                                                                                         │
                                                                                         ▼
watch_drift ◄ examine_models ◄ train_model (recipes) ◄ list_recipes ◄ judge_publication ◄┘
     │
     └► propose_champion ► ask_approval
          ┌─────────────────────┘
          ├► refit_winner     ┐
          └► refit_challenger ┴► promote_champion ┬► list_shards ► score_users (shards) ┐
                                                  └► find_similar_movies ───────────────┤
                                      report_week ◄ publish_recommendations ◄───────────┘
```

**Which week?** A run knows nothing at or after its `as_of` (UTC midnight). A scheduled or
backfilled run takes the end of its data interval; a manual one takes `as_of` from the trigger form,
or else the newest complete MovieLens drop.

**Waiting.** The sensors wait for the drops dated `as_of`, without taking a worker slot. MovieLens
is required: six days after its date the run fails. One day after its date the run goes on without
the week's IMDb drop, and the report says so. A run for a past week waits for nothing.

**Feedback.** What people rated through the API before `as_of` becomes a drop of the week, written
by `collect_feedback`. A week without any has no such drop.

**Approval.** With `require_approval`, a new champion waits under Required Actions in this UI, with
what each answer does, the exam's table and what each gate says. Reject it, or let the time run out,
and the present champion stays; the week is published in any case.

**Params.** The trigger form explains each; left alone it means the usual. A week that ran before is
run again with what it was first run with and with the decision made then, unless the form says
otherwise.

**When something is wrong.** Each task that fails for good, a question that waits for an answer, and
a run that is not done when the next week's begins: the notifier tells (`RECSYS_NOTIFIER`: the log,
Slack or mail).

**From a terminal**

```bash
airflow dags trigger weekly_recommendations \\
    --conf '{"as_of": "2018-09-24", "recipes": ["als"], "top_n": 20}'
airflow dags trigger weekly_recommendations \\
    --conf '{"as_of": "2018-09-24", "require_approval": true}'
# in one process, without the scheduler:
airflow dags test weekly_recommendations --conf '{"as_of": "2018-09-24"}'
```

Give `dags test` no date: Airflow would first delete the run that has it as its logical date, which
is another week's.

**Backfill.** The dates name the *starts* of the weeks, both inclusive:
this runs as_of 2018-09-10, -17 and -24, one after the other, as champions need.

```bash
airflow backfill create --dag-id weekly_recommendations \\
    --from-date 2018-09-03 --to-date 2018-09-17 \\
    --max-active-runs 1 [--reprocess-behavior completed]
```

`completed` runs weeks again that already ran; without it they are left alone.

**Run it again.** Every task may be cleared and run again, any number of times: it adds no row and
changes no file. A rejected drop fails `ingest_drops` with file, line and reason; nothing of it was
taken in. Put the corrected files in its place, then clear `resolve_week` with all that follows it:
a week takes in the files that it saw when it was resolved. A week that was rolled back stays so.
"""

from datetime import UTC, datetime, timedelta
from inspect import getdoc
from typing import Any

from airflow.sdk import CronDataIntervalTimetable, TaskGroup, chain

from recsys.db.queries import SQL, checks
from recsys_airflow.defaults import DEFAULTS
from recsys_airflow.lateness import WatchedDag, late_after
from recsys_airflow.operators import (
    AskApproval,
    CheckFacts,
    CollectFeedback,
    ExamineModels,
    FindSimilarMovies,
    IngestDrops,
    JudgePublication,
    ListRecipes,
    ListShards,
    PromoteChampion,
    ProposeChampion,
    PublishRecommendations,
    RefitChallenger,
    RefitWinner,
    RefreshViews,
    ReportWeek,
    ResolveWeek,
    ScoreUsers,
    TrainModel,
    WatchDrift,
)
from recsys_airflow.params import PARAMS
from recsys_airflow.sensors import DropSensor

with WatchedDag(
    "weekly_recommendations",
    schedule=CronDataIntervalTimetable("0 0 * * 1", timezone="UTC"),
    # MovieLens begins in 1995; a replayed drop may be as old
    start_date=datetime(1995, 1, 2, tzinfo=UTC),
    catchup=False,
    max_active_runs=16,  # a run that waits for its drop keeps no other from working
    default_args=DEFAULTS,
    # not sooner: a run may wait six days for its drop, which is nobody's alarm; what fails, tells
    # at once by itself
    deadline=late_after(timedelta(days=7)),
    params=PARAMS,  # pyright: ignore[reportArgumentType] - a dict will do, whatever its annotation says
    template_searchpath=str(SQL),
    tags=["recsys", "weekly"],
    description="New drops in, a fresh and explained top-N for every user out",
    doc_md=__doc__,
):
    with TaskGroup("drops", prefix_group_id=False, tooltip="What the publishers delivered"):
        wait_for_movielens = DropSensor(
            task_id="wait_for_movielens",
            source="movielens",
            timeout=timedelta(days=6),
            poke_interval=60,
            execution_timeout=timedelta(minutes=5),
        )
        wait_for_imdb = DropSensor(
            task_id="wait_for_imdb",
            source="imdb",
            required=False,
            timeout=timedelta(days=1),
            poke_interval=60,
            execution_timeout=timedelta(minutes=5),
        )
        collect_feedback = CollectFeedback(
            task_id="collect_feedback", execution_timeout=timedelta(minutes=10)
        )
        resolve_week = ResolveWeek(task_id="resolve_week", execution_timeout=timedelta(minutes=10))
        week = resolve_week.output

    with TaskGroup("facts", prefix_group_id=False, tooltip="The facts, in Postgres"):
        ingest_drops = IngestDrops(
            task_id="ingest_drops", week=week, execution_timeout=timedelta(hours=3)
        )
        refresh_views = RefreshViews(
            task_id="refresh_views", week=week, execution_timeout=timedelta(hours=1)
        )
        check_facts = [
            CheckFacts(
                task_id=f"check_{path.stem}",
                week=week,
                check=path.stem,
                execution_timeout=timedelta(minutes=10),
                doc_md=f"`sql/checks/{path.name}`: one row, true where the facts are in order.",
            )
            for path in checks()
        ]

    with TaskGroup(
        "models", prefix_group_id=False, tooltip="Fitted, examined, one of them promoted"
    ):
        judge_publication = JudgePublication(
            task_id="judge_publication", week=week, execution_timeout=timedelta(hours=1)
        )
        list_recipes = ListRecipes(
            task_id="list_recipes", week=week, execution_timeout=timedelta(minutes=5)
        )
        train_model = TrainModel.partial(
            task_id="train_model",
            week=week,
            execution_timeout=timedelta(hours=6),
            map_index_template="{{ task.recipe['name'] }}",
            doc_md=getdoc(TrainModel),
        ).expand(recipe=list_recipes.output)
        examine_models = ExamineModels(
            task_id="examine_models", week=week, execution_timeout=timedelta(hours=3)
        )
        watch_drift = WatchDrift(
            task_id="watch_drift", week=week, execution_timeout=timedelta(minutes=30)
        )
        propose_champion = ProposeChampion(
            task_id="propose_champion", week=week, execution_timeout=timedelta(minutes=30)
        )
        ask_approval = AskApproval(
            task_id="ask_approval",
            proposal=propose_champion.output,
            execution_timeout=timedelta(minutes=30),
        )
        refit_winner = RefitWinner(
            task_id="refit_winner",
            week=week,
            approval=ask_approval.output,
            execution_timeout=timedelta(hours=6),
        )
        refit_challenger = RefitChallenger(
            task_id="refit_challenger", week=week, execution_timeout=timedelta(hours=6)
        )
        promote_champion = PromoteChampion(
            task_id="promote_champion",
            week=week,
            approval=ask_approval.output,
            model_version=refit_winner.output,
            execution_timeout=timedelta(minutes=30),
        )
        decided: dict[str, Any] = {
            "promotion_id": promote_champion.output,
            "challenger_version": refit_challenger.output,
        }

    with TaskGroup("publication", prefix_group_id=False, tooltip="What readers see"):
        list_shards = ListShards(
            task_id="list_shards", week=week, execution_timeout=timedelta(minutes=5)
        )
        score_users = ScoreUsers.partial(
            task_id="score_users",
            week=week,
            **decided,
            execution_timeout=timedelta(hours=3),
            doc_md=getdoc(ScoreUsers),
        ).expand(shard=list_shards.output)
        find_similar_movies = FindSimilarMovies(
            task_id="find_similar_movies",
            week=week,
            **decided,
            execution_timeout=timedelta(hours=1),
        )
        publish_recommendations = PublishRecommendations(
            task_id="publish_recommendations",
            week=week,
            **decided,
            execution_timeout=timedelta(hours=1),
        )
        report_week = ReportWeek(
            task_id="report_week",
            week=week,
            promotion_id=promote_champion.output,
            publication_id=publish_recommendations.output,
            notes=[wait_for_movielens.output, wait_for_imdb.output],
            execution_timeout=timedelta(minutes=10),
        )

    chain(
        [wait_for_movielens, wait_for_imdb],
        collect_feedback,
        resolve_week,
        ingest_drops,
        refresh_views,
        check_facts,
        judge_publication,
    )
    chain(judge_publication, list_recipes, train_model, examine_models)
    chain(examine_models, watch_drift, propose_champion, ask_approval)
    chain(
        ask_approval, [refit_winner, refit_challenger], promote_champion, list_shards, score_users
    )
    chain(promote_champion, find_similar_movies)
    chain([score_users, find_similar_movies], publish_recommendations, report_week)
