"""A challenger's share of the users: stable, labelled, of its own accord at an end; or a shadow
that nobody sees.
"""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from recsys.db.connect import Connection
from recsys.errors import LedgerError, RequestError
from recsys.promotion.gates import REFIT_GATES
from recsys.settings import Settings
from tests import steps


def arms(
    conn: Connection, as_of: date, *, shadow: bool = False
) -> dict[int, tuple[str | None, tuple[int, ...]]]:
    """User → arm and list, in the newest publication of a week."""
    query = """
        SELECT b.user_id, b.arm, array_agg(b.movie_id ORDER BY b.rank) AS movies
        FROM batch_recommendations b JOIN publications p USING (publication_id)
        WHERE p.publication_id = (SELECT max(publication_id) FROM publications WHERE as_of = %s
        AND is_shadow = %s)
        GROUP BY b.user_id, b.arm"""
    return {
        row.user_id: (row.arm, tuple(row.movies)) for row in conn.execute(query, [as_of, shadow])
    }


def in_arm(lists: dict[int, tuple[str | None, tuple[int, ...]]], arm: str) -> set[int]:
    return {user for user, (of, _) in lists.items() if of == arm}


SPLIT = {
    "challenger": "item_knn",
    "challenger_share": 0.5,
    "challenger_weeks": 2,
    "run_id": "by hand",
}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """An effect that nobody shows, so that popularity stays champion."""
    return settings.model_copy(update={"recipes": ("popularity",), "minimum_effect": 1.0})


def test_a_share_of_the_users_gets_the_challengers_lists(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    steps.run_week(settings, as_of=weeks[0], **SPLIT)
    seen, shadow = arms(conn, weeks[0]), arms(conn, weeks[0], shadow=True)
    challenger, champion = in_arm(seen, "challenger"), in_arm(seen, "champion")
    assert challenger | champion == shadow.keys()
    assert 0.3 < len(challenger) / len(seen) < 0.7
    assert all(seen[user][1] == shadow[user][1] for user in challenger)
    assert sum(seen[user][1] != shadow[user][1] for user in champion) > len(champion) / 2
    read = conn.execute("SELECT DISTINCT user_id, arm, recipe_key FROM recommendations").fetchall()
    assert {row.user_id: row.arm for row in read} == {user: arm for user, (arm, _) in seen.items()}
    makers = {(row.arm, row.recipe_key.split("-")[0]) for row in read}
    assert makers == {("champion", "popularity"), ("challenger", "item_knn")}
    lineage = conn.execute("SELECT fit_key, fingerprint, n_ratings FROM lineage").fetchall()
    assert len({row.fit_key for row in lineage}) == 2
    assert len({(row.fingerprint, row.n_ratings) for row in lineage}) == 1
    assert (
        conn.execute("SELECT count(*) AS n FROM publications WHERE is_live AND is_shadow")
        .fetchone()
        .n
        == 0
    )


def test_users_stay_in_and_the_share_is_over_by_itself(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    steps.run_week(settings, as_of=weeks[0], **SPLIT)
    steps.run_week(settings, as_of=weeks[1])
    steps.run_week(settings, as_of=weeks[2])
    first, second, third = (arms(conn, as_of) for as_of in weeks)
    both = first.keys() & second.keys()
    assert in_arm(first, "challenger") & both == in_arm(second, "challenger") & both
    assert {arm for arm, _ in third.values()} == {None}
    assert conn.execute("SELECT name, first_as_of, last_as_of FROM experiments").fetchall() == [
        (f"{challenger(conn)} from {weeks[0]}", weeks[0], weeks[0] + timedelta(7))
    ]


def challenger(conn: Connection) -> str:
    return conn.execute("SELECT recipe_key FROM experiments").fetchone().recipe_key


def test_a_larger_share_keeps_everyone_of_a_smaller_one(conn: Connection) -> None:
    shares = """
        SELECT count(*) FILTER (WHERE challenger_has(u, 'e', %(share)s)) AS n,
               bool_and(challenger_has(u, 'e', 0.5)) FILTER (WHERE challenger_has(u, 'e',
               %(share)s)) AS kept
        FROM generate_series(1, 10000) u"""
    for share in (0.05, 0.2, 0.5):
        row = conn.execute(shares, {"share": share}).fetchone()
        assert row.kept
        assert row.n == pytest.approx(10_000 * share, rel=0.1)
    edges = """
        SELECT bool_or(challenger_has(u, 'e', 0)) AS with_none, bool_and(challenger_has(u, 'e',
        1)) AS with_all,
               bool_or(challenger_has(u, NULL, 1)) AS without,
               count(*) FILTER (WHERE challenger_has(u, 'e', 0.5) AND challenger_has(u, 'f',
               0.5)) AS in_both
        FROM generate_series(1, 10000) u"""
    row = conn.execute(edges).fetchone()
    assert (row.with_none, row.with_all, row.without) == (False, True, False)
    assert row.in_both == pytest.approx(2_500, rel=0.1)  # another experiment draws anew


def test_a_shadow_is_made_and_seen_by_nobody(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    steps.run_week(settings, as_of=weeks[0], challenger="item_knn")
    seen, shadow = arms(conn, weeks[0]), arms(conn, weeks[0], shadow=True)
    assert in_arm(seen, "champion") == seen.keys() == shadow.keys()
    assert ["popularity" in label for _, label in steps.past_publications(settings)] == [True]


def test_the_challenger_is_examined_in_its_weeks(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    steps.run_week(settings, as_of=weeks[0], **SPLIT)
    steps.run_week(settings, as_of=weeks[1])
    n_entries = (
        conn.execute("SELECT count(*) AS n FROM exam_entries WHERE recipe_key LIKE 'item_knn-%'")
        .fetchone()
        .n
    )
    assert n_entries == 2


def test_run_again_adds_nothing_and_gives_the_same_bytes(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    steps.run_week(settings, as_of=weeks[0], **SPLIT)
    seen, shadow = arms(conn, weeks[0]), arms(conn, weeks[0], shadow=True)
    steps.run_week(settings, as_of=weeks[0])
    assert conn.execute("SELECT count(*) AS n FROM publications").fetchone().n == 2
    for row in conn.execute("SELECT publication_id FROM publications").fetchall():
        conn.execute(f"DROP TABLE published_lists_{row.publication_id}")  # pyright: ignore
    steps.run_week(settings, as_of=weeks[0])
    assert (arms(conn, weeks[0]), arms(conn, weeks[0], shadow=True)) == (seen, shadow)


def test_a_week_that_ran_without_it_keeps_its_lists_beside_those_with_it(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    steps.run_week(settings, as_of=weeks[0])
    without = arms(conn, weeks[0])
    steps.run_week(settings, as_of=weeks[0], **SPLIT)
    assert in_arm(arms(conn, weeks[0]), "challenger")
    steps.run_week(settings, as_of=weeks[0])  # part of the experiment from now on
    assert conn.execute("SELECT count(*) AS n FROM publications").fetchone().n == 3
    assert {arm for arm, _ in without.values()} == {None}
    assert conn.execute("SELECT count(DISTINCT arm) AS n FROM recommendations").fetchone().n == 2


def test_a_challenger_that_has_broken_down_serves_nobody(
    settings: Settings, weeks: list[date], conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = REFIT_GATES["finite"]
    monkeypatch.setitem(
        REFIT_GATES,
        "finite",
        lambda refit: replace(real(refit), passed="similarities_.data" not in refit.arrays),
    )
    steps.run_week(settings, as_of=weeks[0], **SPLIT)
    assert {arm for arm, _ in arms(conn, weeks[0]).values()} == {None}
    assert arms(conn, weeks[0], shadow=True) == {}


def test_what_was_withdrawn_since_the_challengers_lists_were_made_is_in_nobodys(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    steps.run_week(settings, as_of=weeks[0], **SPLIT)
    movie = (
        conn.execute("SELECT movie_id FROM recommendations WHERE arm = 'challenger' LIMIT 1")
        .fetchone()
        .movie_id
    )
    conn.execute("INSERT INTO withdrawals (movie_id, reason) VALUES (%s, 'rights')", [movie])
    steps.run_week(settings, as_of=weeks[0], top_n=10)
    live = (
        conn.execute("SELECT publication_id FROM publications WHERE is_live")
        .fetchone()
        .publication_id
    )
    conn.execute(f"DROP TABLE published_lists_{live}")  # pyright: ignore
    steps.run_week(settings, as_of=weeks[0])
    assert (
        conn.execute("SELECT count(*) AS n FROM recommendations WHERE movie_id = %s", [movie])
        .fetchone()
        .n
        == 0
    )
    assert {arm for arm, _ in arms(conn, weeks[0]).values()} == {"champion", "challenger"}


def test_one_at_a_time(settings: Settings, weeks: list[date]) -> None:
    steps.run_week(settings, as_of=weeks[0], **SPLIT)
    with pytest.raises(
        LedgerError,
        match=f"experiment item_knn-.* from {weeks[0]} runs from {weeks[0]} to "
        f"{weeks[1]}; one at a time",
    ):
        steps.resolve_week(settings, as_of=weeks[1], challenger="als")
    with pytest.raises(LedgerError, match=r"has 0.5 of the users until .*; found 0.2 until"):
        steps.resolve_week(settings, as_of=weeks[0], **{**SPLIT, "challenger_share": 0.2})
    assert (
        steps.resolve_week(settings, as_of=weeks[2], challenger="als").experiment.recipe.name
        == "als"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"challenger_share": 0.6}, "challenger_share is 0.6; expected a number from 0 to 0.5"),
        ({"challenger_share": float("nan")}, "challenger_share is nan"),
        ({"challenger_weeks": 0}, "challenger_weeks is 0; expected a whole number from 1 to 52"),
        ({"challenger_weeks": 10**9}, "challenger_weeks is 1000000000"),
    ],
)
def test_what_there_cannot_be_is_refused_and_leaves_nothing(
    settings: Settings, weeks: list[date], conn: Connection, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(RequestError, match=message):
        steps.resolve_week(settings, as_of=weeks[0], challenger="als", **options)
    assert conn.execute("SELECT count(*) AS n FROM weeks").fetchone().n == 0
