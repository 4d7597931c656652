"""What the steps of a week cost is kept, and told in its report."""

from dataclasses import astuple
from datetime import date
from pathlib import Path

import pytest

from recsys.costs import Cost, costs_of_run, keep_cost
from recsys.db.connect import Connection
from recsys.registry.store import Registry
from recsys.request import Run
from recsys.settings import Settings
from recsys.work import Work
from tests import steps


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"score_shards": 2})


def report_of(settings: Settings, as_of: date) -> str:
    registry = Registry(settings)
    return Path(
        registry.client.download_artifacts(registry.week_run(as_of), "report.md")
    ).read_text()


def cost_table(page: str) -> list[list[str]]:
    """Cells of the report's last table, without its header."""
    lines = page.split("## What it cost")[1].splitlines()
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in lines
        if line.startswith("|")
    ][2:]


@pytest.mark.usefixtures("small_blocks")
def test_every_step_of_a_week_is_kept_with_its_rows(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    begun: list[str] = []
    week = steps.run_week(settings, as_of=weeks[0], run_id="monday", on_step=begun.append)
    costs = costs_of_run(conn, weeks[0], "monday")
    assert [f"{cost.step} {cost.part}".rstrip() for cost in costs] == begun
    assert [cost.part for cost in costs if cost.step == "train_model"] == [
        recipe.key for recipe in week.recipes
    ]
    assert [cost.part for cost in costs if cost.step == "score_users"] == ["shard 0", "shard 1"]
    assert all(cost.seconds > 0 and (cost.peak_bytes or 0) > 50 * 2**20 for cost in costs)
    rows: dict[str, int] = {}
    for cost in costs:
        rows[cost.step] = rows.get(cost.step, 0) + (cost.n_rows or 0)
    read = (
        "SELECT sum(n::bigint)::bigint AS n FROM drops, jsonb_each_text(counts -> 'read') AS f "
        "(file, n)"
    )
    visible = conn.execute("SELECT count(*) AS n FROM ratings").fetchone().n
    published = conn.execute("SELECT count(*) AS n FROM recommendations").fetchone().n
    assert rows["ingest_drops"] == conn.execute(read).fetchone().n
    fits = "SELECT sum(n_ratings)::bigint AS n FROM fits WHERE kind = 'exam'"
    assert rows["train_model"] == conn.execute(fits).fetchone().n
    assert rows["examine_models"] == rows["refit_winner"] == visible
    assert rows["publish_recommendations"] == published
    users = conn.execute("SELECT count(DISTINCT user_id) AS n FROM recommendations").fetchone().n
    assert rows["score_users"] == users
    assert {cost.step for cost in costs if cost.n_rows is None} == {
        "collect_feedback",
        "resolve_week",
        "refresh_views",
        "check_facts",
        "judge_publication",
        "watch_drift",
        "propose_champion",
        "refit_challenger",
        "promote_champion",
        "report_week",
    }


def test_a_retry_adds_a_row_and_the_first_one_counts(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    steps.resolve_week(settings, as_of=weeks[0])
    monday = Work(settings, conn, Run(run_id="monday"))
    for seconds in (3.0, 0.1):
        keep_cost(monday, weeks[0], "train_model", Cost(seconds, 2**20, 5), part="als-1")
    keep_cost(monday, weeks[0], "train_model", Cost(0.2, 2**20), part="ease-1")
    assert conn.execute("SELECT count(*) AS n FROM step_times").fetchone().n == 3
    assert [astuple(row) for row in costs_of_run(conn, weeks[0], "monday")] == [
        ("train_model", "als-1", 3.0, 2**20, 5),
        ("train_model", "ease-1", 0.2, 2**20, None),
    ]
    assert costs_of_run(conn, weeks[0], "tuesday") == []


def test_the_report_tells_what_each_step_cost(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    steps.run_week(settings, as_of=weeks[0], run_id="monday")
    page = report_of(settings, weeks[0])
    assert "(monday)" in page
    *lines, whole = cost_table(page)
    kept = [cost for cost in costs_of_run(conn, weeks[0], "monday") if cost.step != "report_week"]
    assert [line[0] for line in lines] == [f"{cost.step} {cost.part}".rstrip() for cost in kept]
    assert [line[3] for line in lines] == [
        f"{(cost.peak_bytes or 0) / 2**20:,.0f}" for cost in kept
    ]
    assert sum(float(line[2].rstrip("%")) for line in lines) == pytest.approx(
        100, abs=0.05 * len(lines)
    )
    published = next(cost for cost in kept if cost.step == "publish_recommendations")
    assert published.n_rows
    of_publication = next(line for line in lines if line[0] == published.step)
    assert of_publication[4:] == [
        f"{published.n_rows:,}",
        f"{published.n_rows / published.seconds:,.0f}",
    ]
    assert next(line for line in lines if line[0] == "refresh_views")[4:] == ["–", "–"]
    seconds, peak = sum(cost.seconds for cost in kept), max(cost.peak_bytes or 0 for cost in kept)
    assert whole[1:4] == [f"{seconds:,.1f}", "100.0%", f"{peak / 2**20:,.0f}"]


def test_a_run_that_finds_all_done_changes_no_byte_of_the_report(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    steps.run_week(settings, as_of=weeks[0], run_id="monday")
    page = report_of(settings, weeks[0])
    for run_id in ("monday", "tuesday"):
        steps.run_week(settings, as_of=weeks[0], run_id=run_id)
        assert report_of(settings, weeks[0]) == page
    again = {
        f"{cost.step} {cost.part}".rstrip(): cost.n_rows
        for cost in costs_of_run(conn, weeks[0], "tuesday")
    }
    assert again["ingest_drops"] == 0
    assert again["score_users shard 0"] is None and again["examine_models"] is None, (
        "what was found done was not worked on"
    )


def test_a_publication_from_before_costs_were_kept_has_a_report(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    week = steps.run_week(settings, as_of=weeks[0])
    conn.execute("TRUNCATE step_times")
    row = conn.execute("SELECT promotion_id, publication_id FROM publications").fetchone()
    page = steps.report_week(settings, week, row.promotion_id, row.publication_id)
    assert page.endswith("## What it cost\n\nNot measured.\n")


def test_a_step_whose_memory_was_not_measured_is_shown_as_that(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    week = steps.run_week(settings, as_of=weeks[0])
    conn.execute("UPDATE step_times SET peak_bytes = NULL WHERE step = 'ingest_drops'")
    row = conn.execute("SELECT promotion_id, publication_id FROM publications").fetchone()
    page = steps.report_week(settings, week, row.promotion_id, row.publication_id)
    assert next(line for line in cost_table(page) if line[0] == "ingest_drops")[3] == "–"
