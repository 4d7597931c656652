"""The DAG over three weeks of a small generated world, in one process: `dag.test()`, a real
database, a real MLflow store.
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql

from recsys.db.connect import Connection
from recsys.db.queries import checks
from recsys.drops.replay import replay
from recsys.models import COMPETING
from recsys.settings import Settings
from recsys.steps import STEPS
from stack.datasets.imdb import generate_imdb
from stack.datasets.movielens import generate_movielens
from tests import airflow_home  # noqa: F401 - chooses Airflow's home
from tests.postbox import mail_connection, post_office

pytestmark = pytest.mark.e2e

#: At least: two sensors, fifteen steps that are one task, two lists, the checks, all recipes, a
#: shard.
TASKS = 20 + len(checks()) + len(COMPETING)
#: What a step that is called several times is called for.
PARTS = {
    "checks": [path.stem for path in checks()],
    "recipes": list(COMPETING),
    "shards": ["shard 0"],
    None: [""],
}
#: What a run keeps the cost of.
COSTS = {
    (step.name, part) for step in STEPS if not step.is_answered for part in PARTS[step.maps_over]
}
FACTS = ("users", "movies", "persons", "movie_persons", "imdb_titles", "links", "ratings", "tags")


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small world as its publishers would offer it: movielens/ and imdb/."""
    folder = tmp_path_factory.mktemp("published")
    generate_movielens(folder / "movielens", users=60, movies=150, ratings=2_400, seed=7)
    generate_imdb(folder / "imdb", folder / "movielens", seed=7)
    return folder


@pytest.fixture
def weeks(published: Path, installation: Settings) -> list[date]:
    """The dates of three drops in the test's landing zone."""
    return replay(published / "movielens", installation.drops, weeks=2, imdb=published / "imdb")


def run_week(dag: Any, as_of: date) -> Any:
    """The DAG run of the week that ends at as_of."""
    return dag.test(logical_date=datetime(as_of.year, as_of.month, as_of.day, tzinfo=UTC))


def states(run: Any) -> dict[tuple[str, int], str]:
    return {(task.task_id, task.map_index): str(task.state) for task in run.get_task_instances()}


def rows(conn: Connection) -> dict[str, str]:
    """Every table of the project → a digest of its rows, whatever their order; not of those that
    say what was run.
    """
    query = (
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN ('runs', "
        "'step_times') ORDER BY 1"
    )
    tables = conn.execute(query).fetchall()
    digest = sql.SQL(
        "SELECT count(*) || ' rows, md5 ' || coalesce(md5(string_agg(t::text, '' "
        "ORDER BY t::text)), '') FROM {} t"
    )
    return {name: one(conn, digest.format(sql.Identifier(name)))[0] for (name,) in tables}


def one(conn: Connection, query: Any, params: Sequence[Any] = ()) -> Any:
    """The query's one row."""
    return conn.execute(query, params).fetchone()


def models(settings: Settings, tmp_path: Path) -> dict[str, Any]:
    """MLflow's runs, registered versions and artifacts."""
    from mlflow import MlflowClient

    client = MlflowClient(settings.mlflow_tracking_uri)
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    versions = client.search_model_versions(f"name = '{settings.registered_model}'")
    runs = client.search_runs(experiments)
    files = [path for path in tmp_path.rglob("mlflow-artifacts/**/*") if path.is_file()]
    return {
        **{f"run {run.info.run_id}": (run.data.metrics, run.data.params) for run in runs},
        **{f"version {version.version}": version.run_id for version in versions},
        **{str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files},
    }


def steps_kept(conn: Connection) -> set[tuple[date, str, str, str]]:
    """Steps of which the cost is kept; recipes by name."""
    query = (
        "SELECT as_of, run_id, step, split_part(part, '-', 1) FROM step_times WHERE peak_bytes > 0"
    )
    return {tuple(row) for row in conn.execute(query)}


def zone_stamps(settings: Settings) -> dict[str, Any]:
    return {str(path): path.stat().st_mtime_ns for path in Path(settings.drops).rglob("*")}


def changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What is there before and after, where it differs."""
    names = sorted(before.keys() | after.keys())
    return {
        name: (before.get(name), after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    }


def test_three_weeks_twice(
    weekly: Any, weeks: list[date], installation: Settings, conn: Connection, tmp_path: Path
) -> None:
    def everything() -> dict[str, Any]:
        return rows(conn) | models(installation, tmp_path) | zone_stamps(installation)

    first = [run_week(weekly, as_of) for as_of in weeks]
    for run in first:
        assert set(states(run).values()) == {"success"} and len(states(run)) >= TASKS
    evaluated = conn.execute(
        "SELECT DISTINCT split_part(recipe_key, '-', 1) AS name FROM exam_results WHERE as_of = %s",
        [weeks[-1]],
    )
    assert {row.name for row in evaluated} == set(COMPETING)
    each = conn.execute(
        "SELECT as_of, n_users, n_rows, is_live FROM publications ORDER BY as_of"
    ).fetchall()
    n_users = (
        "SELECT count(DISTINCT user_id) FROM ratings JOIN drops USING (drop_id) WHERE drop_date <= "
        "%s"
    )
    users = [one(conn, n_users, [as_of])[0] for as_of in weeks]
    assert [(row.as_of, row.n_users, row.n_rows, row.is_live) for row in each] == [
        (as_of, n, 10 * n, as_of == weeks[-1]) for as_of, n in zip(weeks, users, strict=True)
    ]
    assert one(conn, "SELECT count(*), min(as_of) FROM recommendations") == (
        each[-1].n_rows,
        weeks[-1],
    )
    assert steps_kept(conn) == {
        (as_of, run.run_id, *step)
        for as_of, run in zip(weeks, first, strict=True)
        for step in COSTS
    }

    again = first[-1]
    before, started = (
        everything(),
        [{task.id: task.start_date for task in run.get_task_instances()} for run in first],
    )
    for as_of, earlier in zip(weeks, started, strict=True):
        again = run_week(weekly, as_of)
        tasks = again.get_task_instances()
        assert {task.state for task in tasks} == {"success"} and len(tasks) == len(earlier)
        assert not earlier.keys() & {task.id for task in tasks}
        assert min(task.start_date for task in tasks) > max(earlier.values())
        assert changes(before, everything()) == {}, f"by a second run of {as_of}"

    for name, keywords in steps_of(again):
        run_step(name, **keywords)
        assert changes(before, everything()) == {}, f"by {name} run again"


def steps_of(run: Any) -> list[tuple[str, dict[str, Any]]]:
    """The operators of a run that has been, each with what it was given."""

    def returned(task_id: str) -> Any:
        return run.get_task_instance(task_id).xcom_pull(task_ids=task_id)

    week, approval, version = (
        returned("resolve_week"),
        returned("ask_approval"),
        returned("refit_winner"),
    )
    decided = {
        "promotion_id": returned("promote_champion"),
        "challenger_version": returned("refit_challenger"),
    }
    reported = {
        "promotion_id": decided["promotion_id"],
        "publication_id": returned("publish_recommendations"),
    }
    given: list[tuple[str, dict[str, Any]]] = [
        ("IngestDrops", {}),
        ("RefreshViews", {}),
        ("JudgePublication", {}),
    ]
    given += [("TrainModel", {"recipe": recipe}) for recipe in week["plan"]["recipes"]]
    given += [("ExamineModels", {}), ("WatchDrift", {}), ("ProposeChampion", {})]
    given += [("RefitWinner", {"approval": approval}), ("RefitChallenger", {})]
    given += [("PromoteChampion", {"approval": approval, "model_version": version})]
    given += [("ScoreUsers", decided | {"shard": shard}) for shard in returned("list_shards")]
    given += [("FindSimilarMovies", decided)]
    given += [("PublishRecommendations", decided), ("ReportWeek", reported)]
    return [(name, {"week": week, **keywords}) for name, keywords in given]


def run_step(name: str, **keywords: Any) -> None:
    from recsys_airflow import operators

    getattr(operators, name)(
        task_id="again", execution_timeout=timedelta(minutes=5), **keywords
    ).execute({})


def test_a_rejected_drop_fails_its_task_and_changes_no_fact(
    weekly: Any,
    weeks: list[date],
    installation: Settings,
    conn: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RECSYS_RECIPES", "popularity")  # the quickest
    run_week(weekly, weeks[0])
    before = rows(conn)
    spoilt = Path(installation.drops) / "movielens" / str(weeks[1])
    (spoilt / "SHA256SUMS").unlink()
    with (spoilt / "ratings.csv").open("a") as file:
        file.writelines(f"{user},1,55,1538000000\r\n" for user in range(1, 200))
    with post_office() as (port, mail):
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", mail_connection(port))
        monkeypatch.setenv("RECSYS_NOTIFIER", "mail")
        monkeypatch.setenv("RECSYS_NOTIFY_TO", "ada@recsys.example")
        run = run_week(weekly, weeks[1])
    assert run.state == "failed"
    (message,) = mail
    assert message["Subject"] == "weekly_recommendations: ingest_drops failed"
    assert (
        f"Task ingest_drops of run {run.run_id} failed, try 1." in message.get_body().get_content()
    )
    assert "rating &#x27;55&#x27;" in message.get_body().get_content()
    assert states(run)["ingest_drops", -1] == "failed"
    assert run.get_task_instance("ingest_drops").try_number == 1, "the same files would fail again"
    assert {states(run)[task, -1] for task in ("refresh_views", "publish_recommendations")} == {
        "upstream_failed"
    }
    after = rows(conn)
    assert {table: after[table] for table in FACTS} == {table: before[table] for table in FACTS}
    refused = conn.execute(
        "SELECT source, drop_date, reason FROM drops WHERE state = 'refused'"
    ).fetchall()
    assert [(row.source, row.drop_date) for row in refused] == [("movielens", weeks[1])]
    assert "ratings.csv" in refused[0].reason and "55" in refused[0].reason
    assert one(conn, "SELECT count(*) FROM rejected_rows WHERE file = 'ratings.csv'")[0] >= 199
    assert conn.execute("SELECT DISTINCT as_of FROM recommendations").fetchall() == [(weeks[0],)]
