"""Everything that a terminal of 80 columns shows is read there: no line is cut, none is wider, and
no number, key, date or checksum is taken apart.
"""

import logging
import re
from collections.abc import Callable
from datetime import date
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from recsys import cli
from recsys.db.connect import Connection
from recsys.history import show_history
from recsys.lineage import show_lineage
from recsys.promotion.ledger import champion_of
from recsys.report import week_page
from recsys.report.exam import METRICS
from recsys.settings import Settings
from recsys.show import show_exam, show_user
from recsys.steps.plan import find_week
from recsys.steps.undo import past_publications
from recsys.terminal import LinesHandler, say
from recsys.work import open_work
from tests import steps

WIDTH = 80
SHA = "0123456789abcdef0123456789abcdef01234567+"
#: As MODELS name them and settings digest them; a blend's members are in its settings.
KEYS = ("popularity-af3a3c4c", "item_knn-00000001", "hybrid-0c1d2e3f", "blend-12345678")
GATES = ("beats champion", "beats popularity", "enough evidence", "concentration", "fresh exam")

Shown = Callable[..., str]


def run_id(as_of: date) -> str:
    return f"scheduled__{as_of}T00:00:00+00:00"


@pytest.fixture
def played(settings: Settings, weeks: list[date], conn: Connection) -> list[date]:
    """Two weeks, with more recipes, gates, users and rows than a test can compute."""
    settings = settings.model_copy(update={"git_sha": SHA, "recipes": ("popularity",)})
    for as_of in weeks[:2]:
        steps.run_week(settings, as_of=as_of, run_id=run_id(as_of))
    steps.rollback_publication(
        settings, publication_id=None, reason="lists of 1,234,567 users were odd", requested_by="a"
    )
    for as_of in weeks[:2]:
        for key in KEYS:
            add_results(conn, as_of, key)
            add_verdicts(conn, as_of, key)
    conn.execute("UPDATE publications SET n_users = 1234567, n_rows = 12345670, n_fallback = 98765")
    conn.execute("UPDATE step_times SET seconds = 12345.6, n_rows = 32000204")
    conn.execute("UPDATE promotions SET approval = 'approved', approved_by = 'ada@example.org'")
    return weeks[:2]


def add_results(conn: Connection, as_of: date, key: str) -> None:
    slices = [("all", metric) for metric in METRICS]
    slices += [
        (name, "NDCG@10") for name in ("cold users", "heavy users", "light users", "new movies")
    ]
    for name, metric in slices:
        conn.execute(
            "INSERT INTO exam_results (as_of, recipe_key, slice, metric, value, n) "
            "VALUES (%s, %s, %s, %s, 0.1234, 1234567) ON CONFLICT DO NOTHING",
            [as_of, key, name, metric],
        )


def add_verdicts(conn: Connection, as_of: date, key: str) -> None:
    for gate in GATES:
        conn.execute(
            "INSERT INTO gate_verdicts (promotion_id, recipe_key, gate, passed, figure, bound, "
            "sentence) SELECT promotion_id, %s, %s, true, 0.1, 0.1, %s FROM promotions "
            "WHERE as_of = %s ON CONFLICT DO NOTHING",
            [key, gate, "NDCG@10 0.1234 is above 0.1200 (0.0012 to 0.0056) by 12,345 users", as_of],
        )


@pytest.fixture
def console() -> Console:
    return Console(
        file=StringIO(),
        width=WIDTH,
        force_terminal=True,
        color_system=None,
        markup=False,
        emoji=False,
        highlight=False,
    )


@pytest.fixture
def shown(console: Console, conn: Connection) -> Shown:
    """Show something; return the text, checked to fit."""

    def run(show: Callable[..., Any], *arguments: Any, **named: Any) -> str:
        show(conn, console, *arguments, **named)
        assert isinstance(console.file, StringIO)
        return fitting(console.file.getvalue())

    return run


def fitting(text: str) -> str:
    """Return a text whose every line fits, and is not cut."""
    too_wide = [line for line in text.split("\n") if len(line.rstrip()) > WIDTH]
    assert not too_wide, too_wide
    assert "…" not in text
    return text


def words(text: str) -> set[str]:
    """Return what stands between blanks and a table's lines, bare of punctuation."""
    return {word.strip("().,:;`") for word in re.split(r"[\s│┃|]+", text)}


def test_an_exam_fits(shown: Shown, played: list[date]) -> None:
    page = shown(show_exam, played[1])
    assert words(page) >= {*KEYS, "0.1234", "1,234,567", "NDCG@10"}
    assert page.count("┏") == 1, "what decides is one table"
    assert not set(METRICS[1:]) & words(page)
    assert f"recsys exam --all --as-of {played[1]}" in " ".join(page.split())


def test_every_figure_of_an_exam_fits(shown: Shown, played: list[date]) -> None:
    page = shown(show_exam, played[1], every=True)
    assert all(f" {metric} " in page for metric in METRICS)
    assert all(page.count(f" {key} ") == page.count("┏") > 1 for key in KEYS[1:])


def test_the_history_fits(shown: Shown, played: list[date], conn: Connection) -> None:
    page = shown(show_history, 26)
    events = [line for line in page.split("\n") if re.match(r"│ \d{4}-\d\d-\d\d ", line)]
    assert len(events) == 3
    assert len(page.split("\n")) < 16
    models = conn.execute("SELECT recipe_key FROM publications").fetchall()
    assert words(page) >= {row.recipe_key for row in models} | {"1,234,567"}


def test_all_of_the_history_fits(shown: Shown, played: list[date]) -> None:
    page = shown(show_history, 26, every=True)
    assert words(page) >= {*map(run_id, played), f"{SHA[:10]}+", "ada@example.org"}


@pytest.mark.parametrize("every", [False, True])
def test_where_a_list_came_from_fits(
    shown: Shown, played: list[date], conn: Connection, every: bool
) -> None:
    page = shown(show_lineage, 42, every=every)
    live = conn.execute("SELECT * FROM lineage WHERE is_live").fetchone()
    assert words(page) >= {live.rows_sha256, live.fingerprint, SHA, live.run_id, "12,345,670"}
    assert {drop["sha256"] for drop in live.drops} <= words(page) or not every
    assert {drop["sha256"][:12] for drop in live.drops} <= words(page)


def test_a_users_lists_fit(shown: Shown, played: list[date], conn: Connection) -> None:
    conn.execute(
        "UPDATE movies SET genres = ARRAY['Documentary', 'Adventure', 'Children', 'Science'], "
        "title = 'The Englishman Who Went Up a Hill But Came Down a Mountain ' || movie_id"
    )
    conn.execute("REFRESH MATERIALIZED VIEW mv_catalogue")
    page = shown(show_user, 42, 10)
    rows = conn.execute("SELECT movie_id FROM recommendations WHERE user_id = 42").fetchall()
    assert words(page) >= {str(row.movie_id) for row in rows} | {"Documentary"}


def test_a_weeks_report_fits_the_log(
    console: Console, settings: Settings, played: list[date], conn: Connection
) -> None:
    as_of = played[1]
    publication = conn.execute("SELECT max(publication_id) FROM publications").fetchone()[0]
    decision = champion_of(conn, as_of)
    assert decision
    with open_work(settings) as work:
        week = find_week(work, as_of)
        page = week_page(conn, week, decision, publication, ["A note on 1,234,567 of its users."])
    record = logging.LogRecord("recsys", logging.WARNING, "", 0, "\n%s", (page.brief,), None)
    LinesHandler(console).emit(record)
    assert isinstance(console.file, StringIO)
    text = fitting(console.file.getvalue())
    assert words(text) >= {*KEYS, "12,345.6", "32,000,204", "1,234,567", run_id(as_of)}
    assert all(gate in text for gate in GATES)
    assert "rows/s" in page.full and "rows/s" not in text
    assert "coverage@10" in page.full and "coverage@10" not in text


def test_what_can_be_rolled_back_to_fits(
    console: Console, settings: Settings, played: list[date]
) -> None:
    with open_work(settings) as work:
        for _, line in past_publications(work):
            say(console, line)
    assert isinstance(console.file, StringIO)
    assert words(fitting(console.file.getvalue())) >= {"1,234,567", *map(str, played)}


def test_the_list_of_drops_fits(
    settings: Settings,
    weeks: list[date],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    capsys.readouterr()
    assert cli.main(["drops", "list", "--drops", settings.drops]) == 0
    table = [line for line in capsys.readouterr().out.split("\n") if re.search("[│┃]", line)]
    assert words(fitting("\n".join(table))) >= set(map(str, weeks))
