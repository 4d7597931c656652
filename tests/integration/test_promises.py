"""The promises of the design, on a real Postgres and a real MLflow store, without Airflow."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from psycopg.types.json import Jsonb

from recsys.db.connect import Connection, connect
from recsys.drops.zone import LandingZone
from recsys.errors import DropError, LedgerError, NothingToRecommend, PublicationError
from recsys.exam_data import exam_of
from recsys.features.visible import read_catalogue, read_interactions, read_users
from recsys.promotion import ledger
from recsys.promotion.approval import Approval
from recsys.registry.store import Registry
from recsys.request import Run
from recsys.settings import Settings
from recsys.week import WeekPlan, WeekRun
from tests import steps


def lists(conn: Connection, as_of: date) -> list[tuple]:
    """Every published list of a week, whole and with its reasons, publication ids apart."""
    query = """
        SELECT l.user_id, l.movie_ids, l.scores, l.n_model, l.reason_kind, l.cited, l.contributions
        FROM published_lists l JOIN publications p USING (publication_id)
        WHERE p.as_of = %s ORDER BY l.publication_id, l.user_id"""
    return [tuple(row) for row in conn.execute(query, [as_of])]


def drop_rows_of(conn: Connection, as_of: date) -> None:
    """As an operator who needs the space might."""
    for row in conn.execute(
        "SELECT publication_id FROM publications WHERE as_of = %s", [as_of]
    ).fetchall():
        conn.execute(f"DROP TABLE published_lists_{row.publication_id}")  # pyright: ignore


def counts(conn: Connection) -> dict[str, int]:
    """Rows of every table and view of the project, but those that tell what was run."""
    query = """
        SELECT oid::regclass::text AS name FROM pg_class
        WHERE relkind IN ('r', 'p', 'm') AND relnamespace = 'public'::regnamespace
        AND relname <> 'step_times'"""
    names = conn.execute(query).fetchall()
    counts = {}
    for row in names:
        counts[row.name] = conn.execute(f"SELECT count(*) FROM {row.name}").fetchone()[0]  # pyright: ignore
    return counts


def write_drop(
    zone: str, source: str, when: date, files: Mapping[str, Sequence[Sequence[object]]]
) -> None:
    """A complete drop of CSV files."""
    folder = Path(zone) / source / when.isoformat()
    folder.mkdir(parents=True)
    for name, rows in files.items():
        with (folder / name).open("w", newline="") as stream:
            csv.writer(stream).writerows(rows)
    (folder / "_SUCCESS").touch()


RATINGS = ["userId", "movieId", "rating", "timestamp"]
MOVIES = ["movieId", "title", "genres"]


def seconds(day: date) -> int:
    return int((day - date(1970, 1, 1)).total_seconds())


def snapshot_fingerprint(conn: Connection, week: WeekPlan) -> tuple[str, str, list[int]]:
    """All that a fit and a publication of the week can see."""
    catalogue = read_catalogue(conn, week.snapshot)
    interactions = read_interactions(conn, week.snapshot, catalogue.movie_ids)
    # one rating a user and movie, whatever came later
    assert (interactions.csr(np.ones(len(interactions))).data == 1).all()
    return (
        catalogue.fingerprint(),
        interactions.fingerprint(),
        read_users(conn, week.snapshot).tolist(),
    )


def test_a_week_ends_in_a_live_list_for_every_user(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    for as_of in weeks:
        steps.run_week(settings, as_of=as_of)
    users = {row.user_id for row in conn.execute("SELECT DISTINCT user_id FROM ratings")}
    live = conn.execute(
        "SELECT user_id, as_of, count(*) AS n FROM recommendations GROUP BY user_id, as_of"
    ).fetchall()
    assert {row.user_id for row in live} == users
    assert {(row.as_of, row.n) for row in live} == {(weeks[-1], 10)}


def test_run_again_adds_nothing(settings: Settings, weeks: list[date], conn: Connection) -> None:
    for as_of in weeks[:2]:
        steps.run_week(settings, as_of=as_of)
    before, live = counts(conn), lists(conn, weeks[1])
    for as_of in weeks[:2]:
        steps.run_week(settings, as_of=as_of)
    assert counts(conn) == before
    assert lists(conn, weeks[1]) == live


def test_a_past_week_publishes_the_same_bytes_after_its_future_came_in(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    ran = [steps.run_week(settings, as_of=as_of) for as_of in weeks]
    before = [lists(conn, as_of) for as_of in weeks]
    seen = [snapshot_fingerprint(conn, week) for week in ran]
    _publish_corrections(settings, conn, weeks)
    steps.run_week(settings, as_of=weeks[-1] + timedelta(7))
    assert conn.execute("SELECT state FROM drops ORDER BY drop_id DESC LIMIT 2").fetchall() == [
        ("ingested",),
        ("ingested",),
    ]
    for as_of in weeks:
        drop_rows_of(conn, as_of)
        steps.run_week(settings, as_of=as_of)
    assert [lists(conn, as_of) for as_of in weeks] == before
    assert [snapshot_fingerprint(conn, week) for week in ran] == seen


def test_approval_split_and_rollback_in_its_history_change_no_byte_of_it(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    eager = settings.model_copy(update={"minimum_effect": 0.001})
    answer = Approval("approved", "ann")
    steps.run_week(
        eager, as_of=weeks[0], recipes=["item_knn"], require_approval=True, approve=lambda _: answer
    )
    steps.run_week(
        eager, as_of=weeks[1], challenger="als", challenger_share=0.4, challenger_weeks=1
    )
    steps.rollback_publication(eager, publication_id=None, reason="odd lists", requested_by="ann")
    steps.run_week(eager, as_of=weeks[2])
    steps.rollback_publication(eager, publication_id=None, reason="odd again", requested_by="ann")
    before, ledgers = [lists(conn, as_of) for as_of in weeks], _ledgers(conn)
    assert [
        row.approval
        for row in conn.execute("SELECT approval FROM promotions WHERE as_of = %s", [weeks[0]])
    ] == ["approved"]
    assert (
        conn.execute("SELECT count(DISTINCT arm) AS n FROM batch_recommendations").fetchone().n == 2
    )
    _publish_corrections(settings, conn, weeks)
    for as_of in weeks:
        drop_rows_of(conn, as_of)
        steps.run_week(settings, as_of=as_of)
    assert [lists(conn, as_of) for as_of in weeks] == before
    assert _ledgers(conn) == ledgers


def _ledgers(conn: Connection) -> dict[str, list[str]]:
    """Every decision, flip, experiment and judgement."""
    tables = (
        "promotions",
        "live_history",
        "experiments",
        "gate_verdicts",
        "observed_hits",
        "drift",
        "newest_live",
    )
    return {
        table: sorted(map(str, conn.execute(f"SELECT * FROM {table}").fetchall()))
        for table in tables
    }  # pyright: ignore


def _publish_corrections(settings: Settings, conn: Connection, weeks: list[date]) -> None:
    """A re-rating, a late rating and a late user from before week 2, another title and genre,
    another cast.
    """
    early = seconds(weeks[1]) - 3 * 86400
    rated = conn.execute(
        "SELECT user_id, movie_id FROM ratings ORDER BY rated_at LIMIT 1"
    ).fetchone()
    others = (
        "SELECT min(movie_id) AS movie_id FROM movies WHERE movie_id NOT IN (SELECT movie_id FROM "
        "ratings WHERE user_id = %s)"
    )
    unrated = conn.execute(others, [rated.user_id]).fetchone()
    late_user = [
        [9_999, row.movie_id, 5, early + n]
        for n, row in enumerate(conn.execute("SELECT DISTINCT movie_id FROM ratings LIMIT 8"))
    ]
    movie = conn.execute("SELECT movie_id, title FROM movies ORDER BY movie_id LIMIT 1").fetchone()
    when = weeks[-1] + timedelta(7)
    ratings = [
        [rated.user_id, rated.movie_id, 0.5, early],
        [rated.user_id, unrated.movie_id, 5, early + 60],
        *late_user,
    ]
    write_drop(
        settings.drops,
        "movielens",
        when,
        {
            "ratings.csv": [RATINGS, *ratings],
            "movies.csv": [MOVIES, [movie.movie_id, "Another Title (1931)", "Western|Musical"]],
        },
    )
    _publish_another_cast(settings, weeks[-1], when)


def _publish_another_cast(settings: Settings, newest: date, when: date) -> None:
    """IMDb's files again, with every director another."""
    zone = LandingZone(settings.drops)
    members = zone.members(zone.drop("imdb", newest))  # pyright: ignore[reportArgumentType]
    folder = Path(settings.drops) / "imdb" / when.isoformat()
    folder.mkdir(parents=True)
    for name, member in members.items():
        with member.open() as stream:
            text = stream.read()
        (folder / name).write_bytes(
            text.replace(b"\tnm", b"\tnm9") if name == "title.crew.tsv" else text
        )
    (folder / "_SUCCESS").touch()


def test_the_corrections_do_reach_a_week_that_may_see_them(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    last = [steps.run_week(settings, as_of=as_of) for as_of in weeks][-1]
    before = snapshot_fingerprint(conn, last)
    _publish_corrections(settings, conn, weeks)
    after = snapshot_fingerprint(conn, steps.run_week(settings, as_of=weeks[-1] + timedelta(7)))
    assert [a != b for a, b in zip(before, after, strict=True)] == [True, True, True]
    assert 9_999 in after[2]


def test_history_does_not_govern_the_present(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    steps.run_week(settings, as_of=weeks[0])
    steps.run_week(settings, as_of=weeks[2])
    present = (
        lists(conn, weeks[2]),
        conn.execute("SELECT publication_id FROM publications WHERE is_live").fetchall(),
    )
    champion = ledger.newest_champion(conn)
    late = steps.run_week(settings, as_of=weeks[1])
    assert late.resolved_late
    assert late.watermark == steps.resolve_week(settings, as_of=weeks[2]).watermark
    assert (
        lists(conn, weeks[2]),
        conn.execute("SELECT publication_id FROM publications WHERE is_live").fetchall(),
    ) == present
    assert ledger.newest_champion(conn) == champion
    assert Registry(settings).champion() == champion.model.version  # pyright: ignore[reportOptionalMemberAccess]
    assert lists(conn, weeks[1])


def test_a_late_week_sees_nothing_after_its_as_of(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    steps.run_week(settings, as_of=weeks[2])
    week = steps.resolve_week(settings, as_of=weeks[0])
    catalogue = read_catalogue(conn, week.snapshot)
    interactions = read_interactions(conn, week.snapshot, catalogue.movie_ids)
    assert (
        interactions.newest
        < seconds(weeks[0])
        <= read_interactions(
            conn, replace(week.snapshot, as_of=weeks[2]), catalogue.movie_ids
        ).newest
    )


def test_a_week_is_decided_once(settings: Settings, weeks: list[date], conn: Connection) -> None:
    steps.run_week(settings, as_of=weeks[0])
    decided = ledger.champion_of(conn, weeks[0])
    stricter = settings.model_copy(update={"minimum_effect": 1.0, "seed": 5})
    steps.run_week(stricter, as_of=weeks[0], recipes=["popularity"])
    assert ledger.champion_of(conn, weeks[0]) == decided


@pytest.mark.usefixtures("small_blocks")
def test_the_number_of_shards_changes_nothing(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    steps.run_week(settings.model_copy(update={"score_shards": 1}), as_of=weeks[0])
    whole = lists(conn, weeks[0])
    drop_rows_of(conn, weeks[0])
    steps.run_week(settings.model_copy(update={"score_shards": 3}), as_of=weeks[0])
    assert lists(conn, weeks[0]) == whole


def test_an_outage_of_three_weeks_loses_nothing(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    steps.run_week(settings, as_of=weeks[2])
    dates = [
        row.drop_date
        for row in conn.execute(
            "SELECT drop_date FROM drops WHERE state = 'ingested' ORDER BY drop_id"
        )
    ]
    assert dates == [day for day in weeks for _ in ("movielens", "imdb")]


def test_a_bad_drop_fails_its_week_each_time_and_no_other(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    steps.run_week(settings, as_of=weeks[2])
    before = counts(conn)
    bad, next_week = weeks[2] + timedelta(7), weeks[2] + timedelta(14)
    write_drop(
        settings.drops, "movielens", bad, {"ratings.csv": [RATINGS, [1, 1, 55, seconds(bad) - 9]]}
    )
    for _ in range(2):
        with pytest.raises(
            DropError, match=r"ratings\.csv.* bad .*line 2: rating '55' is not between 0\.5 and 5"
        ):
            steps.run_week(settings, as_of=bad)
    after = counts(conn)
    assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == {
        "drops": 1,
        "rejected_rows": 1,
        "weeks": 1,
    }
    write_drop(
        settings.drops,
        "movielens",
        next_week,
        {"ratings.csv": [RATINGS, [1, 1, 5, seconds(bad) - 9]]},
    )
    steps.run_week(settings, as_of=next_week)
    assert conn.execute("SELECT as_of FROM publications WHERE is_live").fetchall() == [(next_week,)]


def test_a_corrected_drop_lets_its_week_run(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    steps.run_week(settings, as_of=weeks[2])
    when = weeks[2] + timedelta(7)
    write_drop(
        settings.drops, "movielens", when, {"ratings.csv": [RATINGS, [1, 1, 55, seconds(when) - 9]]}
    )
    with pytest.raises(DropError):
        steps.run_week(settings, as_of=when)
    (Path(settings.drops) / "movielens" / when.isoformat() / "ratings.csv").write_text(
        f"{','.join(RATINGS)}\n1,1,5,{seconds(when) - 9}\n"
    )
    steps.run_week(settings, as_of=when)
    revisions = conn.execute(
        "SELECT revision, state FROM drops WHERE drop_date = %s AND source = 'movielens' ORDER BY "
        "revision",
        [when],
    )
    assert revisions.fetchall() == [(1, "refused"), (2, "ingested")]


def test_a_watermark_that_another_run_moved_is_not_worked_with(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    when = weeks[2] + timedelta(7)
    write_drop(
        settings.drops, "movielens", when, {"ratings.csv": [RATINGS, [1, 1, 5, seconds(when) - 9]]}
    )
    stale = steps.resolve_week(settings, as_of=when)
    (Path(settings.drops) / "movielens" / when.isoformat() / "ratings.csv").write_text(
        f"{','.join(RATINGS)}\n1,1,4,{seconds(when) - 9}\n"
    )
    fresh = steps.resolve_week(settings, as_of=when)
    steps.ingest_drops(settings, fresh)
    with pytest.raises(
        LedgerError,
        match=rf"found watermark {fresh.watermark}, expected "
        rf"{stale.watermark}: run it again",
    ):
        steps.ingest_drops(settings, stale)
    steps.ingest_drops(settings, steps.resolve_week(settings, as_of=when))


def test_a_manual_run_of_the_same_week_with_other_parameters_keeps_its_own_rows(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    steps.run_week(settings, as_of=weeks[0])
    steps.run_week(settings, as_of=weeks[0], top_n=3)
    lengths = conn.execute(
        "SELECT publication_id, max(rank) AS n FROM batch_recommendations GROUP BY 1 ORDER BY 1"
    ).fetchall()
    assert [row.n for row in lengths] == [10, 3]
    assert steps.resolve_week(settings, as_of=weeks[0]).top_n == 10


def test_a_week_is_run_again_with_what_its_first_run_asked_for(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    steps.run_week(settings, as_of=weeks[0], recipes=["als"], top_n=4)
    first = lists(conn, weeks[0])
    other = settings.model_copy(
        update={"recipes": ("popularity",), "top_n": 7, "seed": 3, "exam_min_users": 1}
    )
    steps.run_week(other, as_of=weeks[0])
    assert lists(conn, weeks[0]) == first
    assert [recipe.name for recipe in steps.resolve_week(other, as_of=weeks[0]).recipes] == [
        "popularity",
        "als",
    ]


def test_a_champion_promoted_in_between_sits_no_exam_that_was_set(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    """The week before is backfilled while this one stands between its exam and its decision."""
    week = steps.resolve_week(settings, as_of=weeks[1], recipes=["popularity"])
    steps.ingest_drops(settings, week)
    steps.refresh_views(settings)
    steps.examine_models(settings, week)
    steps.run_week(settings, as_of=weeks[0], recipes=["als"])
    steps.promote_champion(settings, week, steps.refit_winner(settings, week))
    assert ledger.champion_of(conn, weeks[1]).incumbent is None


def test_other_recipes_of_another_run_decide_nothing_here(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    week = steps.resolve_week(settings, as_of=weeks[0], recipes=["popularity"])
    steps.ingest_drops(settings, week)
    steps.refresh_views(settings)
    steps.examine_models(settings, week)
    version = steps.refit_winner(settings, week)
    steps.examine_models(settings, steps.resolve_week(settings, as_of=weeks[0], recipes=["als"]))
    conn.execute(
        "UPDATE exam_entries SET ndcg = array_fill(1::real, ARRAY[cardinality(ndcg)]) "
        "WHERE recipe_key LIKE 'als-%'"
    )
    decided = ledger.decision_by_id(conn, steps.promote_champion(settings, week, version))
    assert decided.recipe.name == "popularity"


def test_a_week_whose_ingest_failed_says_that_it_is_late_by_then(
    settings: Settings, weeks: list[date]
) -> None:
    assert not steps.resolve_week(settings, as_of=weeks[0]).resolved_late
    steps.run_week(settings, as_of=weeks[1])
    assert steps.resolve_week(settings, as_of=weeks[0]).resolved_late


def test_shards_that_hold_no_user_are_not_scheduled(settings: Settings, weeks: list[date]) -> None:
    week = steps.run_week(settings.model_copy(update={"score_shards": 8}), as_of=weeks[0])
    assert steps.list_shards(settings.model_copy(update={"score_shards": 8}), week) == [0]


@pytest.mark.usefixtures("small_blocks")
def test_another_number_of_shards_starts_anew(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    week = steps.run_week(settings.model_copy(update={"score_shards": 3}), as_of=weeks[0])
    whole = lists(conn, weeks[0])
    drop_rows_of(conn, weeks[0])
    decided = ledger.champion_of(conn, weeks[0]).promotion_id
    for n_shards in (3, 2):
        for shard in range(n_shards):
            steps.score_users(
                settings.model_copy(update={"score_shards": n_shards}), week, decided, shard
            )
    steps.publish_recommendations(settings, week, decided)
    assert lists(conn, weeks[0]) == whole


def test_a_past_week_knows_no_user_of_the_future(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    steps.run_week(settings, as_of=weeks[2])
    newest = (
        conn.execute("SELECT max(drop_id) AS drop_id FROM drops WHERE source = 'movielens'")
        .fetchone()
        .drop_id
    )
    conn.execute("INSERT INTO users (user_id, drop_id) VALUES (5555, %s)", [newest])
    steps.run_week(settings, as_of=weeks[0])
    assert 5555 in read_users(conn, steps.resolve_week(settings, as_of=weeks[2]).snapshot)
    assert 5555 not in {row[0] for row in lists(conn, weeks[0])}
    assert 5555 not in read_users(conn, steps.resolve_week(settings, as_of=weeks[0]).snapshot)


def test_a_drop_put_back_as_it_was_is_a_revision_too(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    steps.run_week(settings, as_of=weeks[2])
    when = weeks[2] + timedelta(7)
    write_drop(
        settings.drops, "movielens", when, {"ratings.csv": [RATINGS, [1, 1, 5, seconds(when) - 9]]}
    )
    path = Path(settings.drops) / "movielens" / when.isoformat() / "ratings.csv"
    published = path.read_text()
    steps.run_week(settings, as_of=when)
    for text in (published.replace(",5,", ",2,"), published):
        path.write_text(text)
        when += timedelta(7)
        write_drop(settings.drops, "movielens", when, {"ratings.csv": [RATINGS]})
        last = steps.run_week(settings, as_of=when)
    ratings = read_interactions(conn, last.snapshot, read_catalogue(conn, last.snapshot).movie_ids)
    assert conn.execute("SELECT max(revision) AS n FROM drops").fetchone().n == 3
    assert ratings.where((ratings.users == 0) & (ratings.movies == 0)).ratings.tolist() == [5.0]


def test_a_dated_exam_holds_out_nothing_that_was_rated_before(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    """A user rates again, inside the exam's weeks, what was rated before: known as it was then, and
    no question.
    """
    dated = settings.model_copy(update={"exam_min_users": 1})
    steps.run_week(dated, as_of=weeks[2])
    old = conn.execute(
        "SELECT user_id, movie_id, rating FROM ratings ORDER BY rated_at LIMIT 1"
    ).fetchone()
    when = weeks[2] + timedelta(7)
    again = [old.user_id, old.movie_id, 5.0 if old.rating < 4 else 1.0, seconds(when) - 9]
    fresh = [[user, 1, 5, seconds(when) - 8] for user in (70, 71)]
    write_drop(settings.drops, "movielens", when, {"ratings.csv": [RATINGS, again, *fresh]})
    week = steps.resolve_week(dated, as_of=when)
    steps.ingest_drops(dated, week)
    steps.refresh_views(dated)
    exam, _ = exam_of(conn, week)
    assert exam.kind == "dated"
    train = exam.train.interactions()
    pair = train.where((train.row_user_ids == old.user_id) & (train.row_movie_ids == old.movie_id))
    assert pair.ratings.tolist() == [old.rating]
    held_out = exam.held_out
    assert (old.user_id, old.movie_id) not in set(
        zip(
            held_out.user_ids[held_out.users].tolist(),
            held_out.movie_ids[held_out.movies].tolist(),
            strict=True,
        )
    )


def test_steps_out_of_order_say_what_is_missing(settings: Settings, weeks: list[date]) -> None:
    week = steps.resolve_week(settings, as_of=weeks[0])
    with pytest.raises(NothingToRecommend, match="no rating before"):
        steps.train_model(settings, week, week.recipes[0])
    with pytest.raises(
        LedgerError, match="no decision 1 in the ledger: expected one that promote_champion entered"
    ):
        steps.score_users(settings, week, 1, 0)
    with pytest.raises(NothingToRecommend, match="no complete movielens drop in"):
        steps.resolve_week(settings.model_copy(update={"drops": "/nonexistent"}), as_of=None)


def test_the_newest_drop_is_the_week_of_a_run_that_names_none(
    settings: Settings, weeks: list[date]
) -> None:
    assert steps.resolve_week(settings, as_of=None).as_of == weeks[-1]


def test_the_alias_is_repaired_at_the_start_of_a_run(settings: Settings, weeks: list[date]) -> None:
    steps.run_week(settings, as_of=weeks[0])
    registry = Registry(settings)
    champion = registry.champion()
    registry.client.delete_registered_model_alias(settings.registered_model, "champion")
    steps.resolve_week(settings, as_of=weeks[1])
    assert registry.champion() == champion is not None


def test_a_week_and_what_a_run_wants_of_it_travel_as_json(
    settings: Settings, weeks: list[date]
) -> None:
    week = steps.resolve_week(settings, as_of=weeks[0])
    assert WeekPlan.from_json(week.to_json()) == week
    passed_on = WeekRun(week, Run(force=True, require_approval=True, run_id="anew"))
    assert WeekRun.from_json(passed_on.to_json()) == passed_on


def test_what_a_run_wants_is_not_stored_with_the_week(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    steps.resolve_week(settings, as_of=weeks[0], force=True, require_approval=True, run_id="anew")
    stored = conn.execute("SELECT params FROM weeks").fetchone().params
    assert stored["form"] == 2
    assert not stored.keys() & {"force", "require_approval", "run_id"}


def form_1(week: WeekPlan, run: Run) -> dict[str, Any]:
    """A week as the first form had it: the run's wishes among the plan's fields."""
    return week.to_json() | run.to_json() | {"form": 1}


def test_a_week_stored_in_form_1_is_read_without_that_runs_wishes(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    week = steps.resolve_week(settings, as_of=weeks[0], top_n=3)
    wishes = Run(force=True, require_approval=True, run_id="monday")
    conn.execute("UPDATE weeks SET params = %s", [Jsonb(form_1(week, wishes))])
    assert steps.resolve_week(settings, as_of=weeks[0]) == week


def test_a_task_reads_what_another_passed_on_in_form_1(
    settings: Settings, weeks: list[date]
) -> None:
    week = steps.resolve_week(settings, as_of=weeks[0])
    wishes = Run(force=True, require_approval=True, run_id="monday")
    assert WeekRun.from_json(form_1(week, wishes)) == WeekRun(week, wishes)


@pytest.mark.parametrize(
    ("change", "form"), [({"form": 3}, "form 3"), ({"eyesight": 1}, "form 2 with eyesight")]
)
def test_a_week_of_another_form_is_refused_with_a_sentence(
    settings: Settings, weeks: list[date], change: dict[str, int], form: str
) -> None:
    stored = steps.resolve_week(settings, as_of=weeks[0]).to_json()
    with pytest.raises(LedgerError, match=rf"week {weeks[0]} was stored .* found {form}, expected"):
        WeekPlan.from_json(stored | change)


def test_a_week_that_was_stored_before_forms_had_versions_is_read(
    settings: Settings, weeks: list[date]
) -> None:
    week = steps.resolve_week(settings, as_of=weeks[0])
    assert (
        WeekPlan.from_json({key: week.to_json()[key] for key in week.to_json() if key != "form"})
        == week
    )


def test_old_publications_go_and_the_live_one_stays(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    brief = settings.model_copy(update={"keep_weeks": 1})
    for as_of in weeks:
        steps.run_week(brief, as_of=as_of)
    assert [bool(lists(conn, as_of)) for as_of in weeks] == [False, True, True]
    assert conn.execute(
        "SELECT as_of FROM publications WHERE dropped_at IS NOT NULL"
    ).fetchall() == [(weeks[0],)]
    steps.run_week(brief, as_of=weeks[0])
    assert conn.execute("SELECT as_of FROM publications WHERE is_live").fetchall() == [(weeks[2],)]


def test_a_long_reader_keeps_no_run_waiting(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    brief = settings.model_copy(update={"keep_weeks": 1})
    for as_of in weeks[:2]:
        steps.run_week(brief, as_of=as_of)
    with connect(settings) as reader, reader.transaction():
        before = reader.execute("SELECT count(*) AS n FROM recommendations").fetchone()
        steps.run_week(brief, as_of=weeks[2])
        assert before == reader.execute("SELECT count(*) AS n FROM recommendations").fetchone()
        assert conn.execute("SELECT as_of FROM publications WHERE is_live").fetchall() == [
            (weeks[2],)
        ]
    steps.run_week(brief, as_of=weeks[2])
    assert not lists(conn, weeks[0])


def test_a_long_reader_of_several_old_publications(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    kept = settings.model_copy(update={"keep_weeks": 9})
    for as_of in weeks:
        steps.run_week(kept, as_of=as_of)
    when = weeks[2] + timedelta(14)
    write_drop(settings.drops, "movielens", when, {"ratings.csv": [RATINGS]})
    brief = settings.model_copy(update={"keep_weeks": 1})
    with connect(settings) as reader, reader.transaction():
        reader.execute("SELECT count(*) AS n FROM recommendations").fetchone()
        steps.run_week(brief, as_of=when)
        week = steps.resolve_week(brief, as_of=weeks[0])  # on its way out, and asked for again
        decided = ledger.champion_of(conn, weeks[0]).promotion_id
        with pytest.raises(PublicationError, match="on its way out and still read"):
            for shard in range(brief.score_shards):
                steps.score_users(brief, week, decided, shard)
            steps.publish_recommendations(brief, week, decided)
    steps.publish_recommendations(kept, week, decided)
    assert lists(conn, weeks[0])
    steps.run_week(brief, as_of=when)
    # made again, kept again
    assert [bool(lists(conn, as_of)) for as_of in (*weeks[:2], when)] == [True, False, True]
