"""Looking back: the view `lineage`, the queries of docs/how-to, and the pages of `python -m recsys
history`.
"""

import re
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from recsys.db.connect import Connection
from recsys.errors import NothingToRecommend
from recsys.history import show_history
from recsys.lineage import Moment, show_lineage
from recsys.promotion.approval import Approval, Proposal
from recsys.registry.store import Registry
from recsys.settings import Settings
from tests import steps
from tests.pages import blocks, pages

SHA = "0123456789abcdef0123456789abcdef01234567"
NOW, USER = "now()", 42


def agree(_proposal: Proposal) -> Approval:
    return Approval("approved", "ada")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Code of a known commit; a first champion that little is asked of."""
    return settings.model_copy(update={"git_sha": SHA, "recipes": ("popularity", "als")})


@pytest.fixture
def two_weeks(settings: Settings, weeks: list[date]) -> list[date]:
    """Two weeks that ran, the first of which a person may have had to agree to."""
    for as_of in weeks[:2]:
        steps.run_week(
            settings, as_of=as_of, require_approval=True, approve=agree, run_id=f"run of {as_of}"
        )
    return weeks[:2]


def lineage(conn: Connection, as_of: date) -> Any:
    return conn.execute(
        "SELECT * FROM lineage WHERE as_of = %s AND NOT is_shadow ORDER BY publication_id", [as_of]
    ).fetchone()


def page(conn: Connection, show: Any, *args: Any, **named: Any) -> str:
    shown = StringIO()
    show(conn, Console(file=shown, width=260), *args, **named)
    return shown.getvalue()


def long_ago(conn: Connection, weeks: list[date]) -> None:
    """As though each week had gone live on its Monday at nine."""
    of_week = "publication_id IN (SELECT publication_id FROM publications WHERE as_of = %s)"
    for as_of in weeks:
        moment = datetime(as_of.year, as_of.month, as_of.day, 9, tzinfo=UTC)
        conn.execute(
            f"UPDATE live_history SET went_live_at = %s WHERE {of_week}".encode(), [moment, as_of]
        )


# ---------------------------------------------------------------- the view


def test_a_publication_names_its_model_data_code_decision_and_run(
    settings: Settings, two_weeks: list[date], conn: Connection
) -> None:
    for as_of in two_weeks:
        row = lineage(conn, as_of)
        decided = conn.execute("SELECT * FROM promotions WHERE as_of = %s", [as_of]).fetchone()
        tags = Registry(settings).version_tags(row.model_version)
        assert (row.recipe_key, row.recipe, row.model_version) == (
            decided.recipe_key,
            decided.recipe,
            decided.model_version,
        )
        assert (row.fingerprint, str(row.n_ratings)) == (tags["fingerprint"], tags["n_ratings"])
        assert (row.decision, row.reasons, row.run_id) == (
            decided.decision,
            decided.reasons,
            f"run of {as_of}",
        )
        assert (row.git_sha, row.decided_git_sha) == (SHA, SHA)
        verdicts = conn.execute(
            "SELECT passed FROM gate_verdicts WHERE promotion_id = %s", [row.promotion_id]
        ).fetchall()
        passed = sum(verdict.passed for verdict in verdicts)
        assert verdicts and (row.gates_passed, row.gates_refused) == (
            passed,
            len(verdicts) - passed,
        )
        rows = conn.execute(
            "SELECT count(*) AS n, count(DISTINCT user_id) AS n_users FROM "
            "batch_recommendations "
            "WHERE publication_id = "
            "%s",
            [row.publication_id],
        ).fetchone()
        assert (row.n_rows, row.n_users) == (rows.n, rows.n_users)


def test_the_data_are_the_drops_taken_in_by_then(two_weeks: list[date], conn: Connection) -> None:
    conn.execute(
        "UPDATE drops SET state = 'refused' WHERE drop_date = %s AND source = 'imdb'",
        [two_weeks[0]],
    )
    conn.execute(
        "UPDATE drops SET settled_at = now() + interval '1 day' WHERE drop_date = %s AND source = "
        "'imdb'",
        [two_weeks[1]],
    )
    first, second = (lineage(conn, as_of) for as_of in two_weeks)
    on_record = {
        (row.source, str(row.drop_date)): row
        for row in conn.execute("SELECT * FROM drops").fetchall()
    }
    assert [(drop["source"], drop["drop_date"]) for drop in first.drops] == [
        ("movielens", str(two_weeks[0]))
    ]
    assert [(drop["source"], drop["drop_date"]) for drop in second.drops] == [
        ("movielens", str(as_of)) for as_of in two_weeks
    ]
    for drop in second.drops:
        stored = on_record[drop["source"], drop["drop_date"]]
        assert (drop["sha256"], drop["revision"]) == (stored.sha256, stored.revision)
        assert (drop["rows"], drop["new"]) == (
            sum(stored.counts["read"].values()),
            sum(stored.counts["new"].values()),
        )
        assert drop["rows"] >= stored.counts["read"]["ratings.csv"] > 0 < drop["new"]


def test_a_drop_that_came_after_the_watermark_is_none_of_its_data(
    two_weeks: list[date], conn: Connection
) -> None:
    # as though another run had taken it in before this one published
    conn.execute("UPDATE drops SET settled_at = '2000-01-01'")
    assert {drop["drop_date"] for drop in lineage(conn, two_weeks[0]).drops} == {str(two_weeks[0])}


def test_it_knows_when_readers_saw_a_publication(
    settings: Settings, two_weeks: list[date], conn: Connection
) -> None:
    steps.rollback_publication(
        settings, publication_id=None, reason="odd lists", requested_by="bob"
    )
    times = [
        row.went_live_at
        for row in conn.execute("SELECT went_live_at FROM live_history ORDER BY seq")
    ]
    first, second = (lineage(conn, as_of) for as_of in two_weeks)
    assert [(period.lower, period.upper) for period in first.live] == [
        (times[0], times[1]),
        (times[2], None),
    ]
    assert [(period.lower, period.upper) for period in second.live] == [(times[1], times[2])]
    assert [(flip["cause"], flip["reason"], flip["requested_by"]) for flip in first.by_hand] == [
        ("rolled back", "odd lists", "bob")
    ]
    assert second.by_hand is None
    live = conn.execute("SELECT publication_id FROM lineage WHERE live @> now()").fetchall()
    assert (
        live
        == conn.execute("SELECT publication_id FROM publications WHERE is_live").fetchall()
        == [(first.publication_id,)]
    )


def test_a_clock_that_was_set_back_leaves_one_publication_at_a_time(
    two_weeks: list[date], conn: Connection
) -> None:
    conn.execute(
        "UPDATE live_history SET went_live_at = went_live_at - interval '1 day' WHERE seq = "
        "(SELECT max(seq) FROM live_history)"
    )
    first, second = (lineage(conn, as_of) for as_of in two_weeks)
    assert (list(first.live), [period.upper for period in second.live]) == ([], [None])


def test_an_approval_is_in_the_lineage_of_what_was_approved(
    two_weeks: list[date], conn: Connection
) -> None:
    for as_of in two_weeks:
        row = lineage(conn, as_of)
        has_approval = row.decision in ("first", "promoted")
        assert (row.approval, row.approved_by) == (
            ("approved", "ada") if has_approval else (None, None)
        )
    conn.execute(
        "UPDATE promotions SET approval = 'rejected', approved_by = 'eve' WHERE as_of = %s",
        [two_weeks[1]],
    )
    assert (lineage(conn, two_weeks[1]).approval, lineage(conn, two_weeks[1]).approved_by) == (
        "rejected",
        "eve",
    )


# ---------------------------------------------------------------- the pages' queries


def ledger_queries(moment: datetime | None = None) -> list[bytes]:
    """The page's three queries as they are there, or asked of a moment of the test's own."""
    statements = blocks(pages()["docs/how-to/on-call.md"], "sql")
    assert len(statements) == 3 and all(NOW in text for text in statements)
    at = f"timestamptz '{moment.isoformat()}'" if moment else NOW
    return [text.replace(NOW, at).encode() for text in statements]


def test_the_pages_queries_return_rows_where_weeks_of_the_past_were_run_today(
    two_weeks: list[date], conn: Connection
) -> None:
    assert all(conn.execute(query).fetchall() for query in ledger_queries())


@pytest.mark.parametrize("name", ["README.md", "docs/how-to/app-developer.md"])
def test_the_query_of_a_users_list_returns_it(
    name: str, two_weeks: list[date], conn: Connection
) -> None:
    (query,) = [block for block in blocks(pages()[name]) if block.strip().startswith("SELECT")]
    rows = conn.execute(query.encode()).fetchall()
    assert [row.rank for row in rows] == list(range(1, 11))
    assert all(row.title for row in rows)


@pytest.fixture
def in_week_one(two_weeks: list[date], conn: Connection) -> datetime:
    """A moment at which readers saw the first week's publication, though the second's is live
    now.
    """
    long_ago(conn, two_weeks)
    return datetime(two_weeks[0].year, two_weeks[0].month, two_weeks[0].day, 12, tzinfo=UTC)


def test_which_model_made_a_users_list_and_with_which_code(
    in_week_one: datetime, two_weeks: list[date], conn: Connection
) -> None:
    origin = lineage(conn, two_weeks[0])
    rows = conn.execute(ledger_queries(in_week_one)[0]).fetchall()
    listed = conn.execute(
        "SELECT movie_id FROM batch_recommendations WHERE (publication_id, "
        "user_id) = (%s, %s) ORDER BY rank",
        [origin.publication_id, USER],
    ).fetchall()
    assert [row.movie_id for row in rows] == [row.movie_id for row in listed] and len(listed) == 10
    origins = {(row.recipe_key, row.model_version, row.git_sha, row.run_id) for row in rows}
    assert origins == {(origin.recipe_key, origin.model_version, SHA, f"run of {two_weeks[0]}")}
    assert rows[0].recipe == origin.recipe


def test_on_which_data_it_was_made(
    in_week_one: datetime, two_weeks: list[date], conn: Connection
) -> None:
    origin = lineage(conn, two_weeks[0])
    rows = conn.execute(ledger_queries(in_week_one)[1]).fetchall()
    visible = conn.execute(
        "SELECT source, drop_date, sha256 FROM drops WHERE drop_id <= %s ORDER BY drop_date, "
        "source",
        [origin.watermark],
    )
    assert [(row.source, row.drop_date, row.sha256) for row in rows] == [
        tuple(row) for row in visible.fetchall()
    ]
    assert {(row.fingerprint, row.n_ratings, row.n_users, row.rows_sha256) for row in rows} == {
        (origin.fingerprint, origin.n_ratings, origin.n_users, origin.rows_sha256)
    }
    assert all(row.rows > 0 for row in rows)


def test_why_it_was_champion_and_who_approved_it(
    settings: Settings, in_week_one: datetime, two_weeks: list[date], conn: Connection
) -> None:
    conn.execute(
        "UPDATE promotions SET approval = 'approved', approved_by = 'ada' WHERE as_of = %s",
        [two_weeks[0]],
    )
    steps.rollback_publication(
        settings, publication_id=None, reason="odd lists", requested_by="bob"
    )
    origin = lineage(conn, two_weeks[0])
    rows = conn.execute(ledger_queries(in_week_one)[2]).fetchall()
    verdicts = conn.execute(
        "SELECT recipe_key, gate, sentence FROM gate_verdicts WHERE "
        "promotion_id = %s ORDER BY 1, 2",
        [origin.promotion_id],
    ).fetchall()
    assert [(row.recipe_key, row.gate, row.sentence) for row in rows] == [
        tuple(row) for row in verdicts
    ] and verdicts
    assert {(row.decision, tuple(row.reasons), row.approved_by) for row in rows} == {
        (origin.decision, tuple(origin.reasons), "ada")
    }
    assert [flip["requested_by"] for flip in rows[0].by_hand] == ["bob"]


# ---------------------------------------------------------------- the pages


def test_the_history_has_a_line_for_each_publication_and_each_rollback(
    settings: Settings, two_weeks: list[date], conn: Connection
) -> None:
    steps.rollback_publication(
        settings, publication_id=None, reason="odd [lists]", requested_by="bob"
    )
    conn.execute(
        "UPDATE promotions SET forced = true, approval = 'approved', approved_by = 'ada' WHERE "
        "as_of = %s",
        [two_weeks[0]],
    )
    origin = [lineage(conn, as_of) for as_of in two_weeks]
    shown = page(conn, show_history, 5, every=True)
    rollback, newer, older = rows = re.split(r"(?m)^(?=Week )", shown)[1:]
    assert [re.findall(r"^Week (.*), publication (\d+)", row)[0] for row in rows] == [
        (str(two_weeks[1]), str(origin[0].publication_id)),
        (str(two_weeks[1]), str(origin[1].publication_id)),
        (str(two_weeks[0]), str(origin[0].publication_id)),
    ]
    assert "rolled back by bob: odd [lists]" in rollback
    for row, of_week in ((newer, origin[1]), (older, origin[0])):
        best = (
            "SELECT value FROM exam_results WHERE (as_of, recipe_key, slice, metric) = (%s, %s, "
            "'all', 'NDCG@10')"
        )
        ndcg = conn.execute(best, [of_week.as_of, of_week.recipe_key]).fetchone().value
        run = f"run of {of_week.as_of}"
        for word in (
            f"{of_week.recipe_key} v{of_week.model_version}",
            of_week.decision,
            f"{ndcg:.4f}",
            SHA[:10],
            run,
        ):
            assert word in row
    assert ["– now" in row for row in rows] == [False, False, True]
    assert ["approved by ada" in row and "(forced)" in row for row in rows] == [False, False, True]
    brief = page(conn, show_history, 5)
    assert "rolled back by bob: odd [lists]" in brief and f"{origin[1].recipe_key} v" in brief
    assert f"│ {two_weeks[0]} │" in brief and SHA[:10] not in brief
    assert f"│ {two_weeks[0]} │" not in page(conn, show_history, 1)


def test_a_narrow_terminal_breaks_no_date_and_no_figure(
    two_weeks: list[date], conn: Connection
) -> None:
    shown = StringIO()
    show_history(conn, Console(file=shown, width=100), 5)
    assert all(f"│ {as_of} │" in shown.getvalue() for as_of in two_weeks)


def test_the_history_shows_what_people_did_rate(two_weeks: list[date], conn: Connection) -> None:
    origin = lineage(conn, two_weeks[0])
    conn.execute("DELETE FROM observed_hits")
    for as_of, source, value, n in (
        (two_weeks[0], "all", 0.9, 30),
        (two_weeks[1], "all", 0.8, 10),
        (two_weeks[1], "model", 0.1, 9),
    ):
        judged = (
            as_of,
            origin.publication_id,
            two_weeks[0],
            source,
            origin.recipe_key,
            value,
            value,
            value,
            n,
        )
        conn.execute(
            "INSERT INTO observed_hits (as_of, publication_id, since, arm, source, recipe_key, "
            "metric, value, low, high, n) "
            "VALUES (%s, %s, %s, 'all', %s, %s, 'NDCG@10', %s, %s, %s, %s)",
            judged,
        )
    shown = page(conn, show_history, 5, every=True)
    assert shown.count("0.8750") == 1  # the mean over users of both weeks that judged it
    assert len(re.findall(r"(?m)^Week ", shown)) == 2


def test_a_users_page_says_where_the_list_came_from(
    settings: Settings, in_week_one: datetime, two_weeks: list[date], conn: Connection
) -> None:
    then, now = (lineage(conn, as_of) for as_of in two_weeks)
    text = page(conn, show_lineage, USER, Moment(on=two_weeks[0]), every=True)
    titles = conn.execute(
        "SELECT title FROM batch_recommendations JOIN catalogue USING (movie_id) WHERE "
        "(publication_id, user_id) = (%s, %s)",
        [then.publication_id, USER],
    ).fetchall()
    assert titles and all(row.title in text for row in titles)
    for word in (
        f"publication {then.publication_id} of week {two_weeks[0]}",
        f"{then.recipe_key}, version {then.model_version}",
        then.fingerprint,
        f"{then.n_ratings:,} ratings",
        then.rows_sha256,
        SHA,
        f"run of {two_weeks[0]}",
        f"decision {then.promotion_id}, {then.decision}",
    ):
        assert word in text
    assert all(drop["sha256"] in text for drop in then.drops)
    assert f"of week {two_weeks[1]}" in page(conn, show_lineage, USER)
    assert f"publication {now.publication_id} " in page(
        conn, show_lineage, USER, Moment(on=two_weeks[1])
    )
    assert f"publication {then.publication_id} " in page(
        conn, show_lineage, USER, Moment(on=two_weeks[1] - timedelta(1))
    )


def test_a_week_is_asked_for_as_readers_had_it(
    settings: Settings, two_weeks: list[date], weeks: list[date], conn: Connection
) -> None:
    first, second = (lineage(conn, as_of).publication_id for as_of in two_weeks)

    def shown(as_of: date) -> int:
        return int(
            re.findall(
                r"publication (\d+) of week", page(conn, show_lineage, USER, Moment(as_of=as_of))
            )[0]
        )

    assert [shown(as_of) for as_of in two_weeks] == [first, second]
    steps.rollback_publication(
        settings, publication_id=None, reason="odd lists", requested_by="bob"
    )
    assert [shown(as_of) for as_of in two_weeks] == [first, first]
    assert "rolled back" in page(conn, show_lineage, USER, Moment(as_of=two_weeks[1]))
    steps.run_week(settings, as_of=weeks[2])
    assert shown(two_weeks[1]) == first
    assert shown(weeks[2]) not in (first, second)


def test_a_challengers_user_reads_of_the_challengers_model(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    settings = settings.model_copy(update={"recipes": ("popularity",)})
    steps.run_week(settings, as_of=weeks[0], challenger="als", challenger_share=0.5)
    arms = dict(
        conn.execute(
            "SELECT arm, min(user_id) AS user_id FROM recommendations GROUP BY arm"
        ).fetchall()
    )
    origin = lineage(conn, weeks[0])
    shadow = conn.execute("SELECT * FROM lineage WHERE is_shadow").fetchone()
    assert (
        origin.challenger_id == shadow.publication_id
        and shadow.recipe["name"] == "als"
        and shadow.live is None
    )
    assert shadow.challenger_id is None
    pages = {arm: page(conn, show_lineage, user_id) for arm, user_id in arms.items()}
    assert f"{shadow.recipe_key}, version {shadow.model_version}; " in pages["challenger"]
    assert "the user is in the challenger's share" in pages["challenger"]
    assert f"{origin.recipe_key}, version {origin.model_version}; " in pages["champion"]
    assert "shadow" in page(conn, show_history, 1)


def test_what_cannot_be_shown_is_said(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    with pytest.raises(NothingToRecommend, match="nothing was ever published"):
        page(conn, show_history, 5)
    with pytest.raises(NothingToRecommend, match="nothing was live yet"):
        page(conn, show_lineage, USER)
    steps.run_week(settings, as_of=weeks[0])
    with pytest.raises(NothingToRecommend, match=r"nothing was live at the end of 2001-01-01"):
        page(conn, show_lineage, USER, Moment(on=date(2001, 1, 1)))
    with pytest.raises(
        NothingToRecommend,
        match=r"nothing was live in week "
        rf"{weeks[0] - timedelta(7)}",
    ):
        page(conn, show_lineage, USER, Moment(as_of=weeks[0] - timedelta(7)))
    with pytest.raises(NothingToRecommend, match="user 999999 has no row in publication"):
        page(conn, show_lineage, 999999)


def test_a_page_outlives_the_rows(settings: Settings, weeks: list[date], conn: Connection) -> None:
    brief = settings.model_copy(update={"keep_weeks": 1, "recipes": ("popularity",)})
    for as_of in weeks:
        steps.run_week(brief, as_of=as_of)
    text = page(conn, show_lineage, USER, Moment(as_of=weeks[0]))
    assert "Its rows went by retention" in text
    assert lineage(conn, weeks[0]).rows_sha256 in text


def test_what_a_run_was_outlives_it(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    """Airflow may delete a run that lineage names; one that is cleared stays as it was first
    started.
    """
    run: dict[str, Any] = {"run_id": "manual__7", "run_kind": "manual", "started_by": "ada"}
    steps.run_week(settings, as_of=weeks[0], recipes=["popularity"], **run)
    steps.resolve_week(settings, as_of=weeks[0], **{**run, "started_by": "grace"})
    kept = conn.execute(
        "SELECT run_id, kind, started_by FROM runs JOIN lineage USING (run_id)"
    ).fetchall()
    assert kept == [("manual__7", "manual", "ada")]
    assert re.search(
        r"manual__7, published .*; a manual run, first started .* by "
        r"ada",
        page(conn, show_lineage, USER),
    )
