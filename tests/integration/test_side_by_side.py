"""Runs at the same time: everything is keyed by week or publication, and what is shared takes an
advisory lock.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from recsys.db.connect import Connection
from recsys.registry.store import Registry
from recsys.settings import Settings
from tests import steps


def published(conn: Connection) -> list[tuple]:
    """All rows of all publications, by week and parameters."""
    query = """
        SELECT p.as_of, p.params->>'top_n' AS top_n, b.user_id, b.rank, b.movie_id, b.score,
        b.source
        FROM batch_recommendations b JOIN publications p USING (publication_id) ORDER BY 1, 2, 3,
        4"""
    return [tuple(row) for row in conn.execute(query)]


def live(conn: Connection) -> list[date]:
    return [row.as_of for row in conn.execute("SELECT as_of FROM publications WHERE is_live")]


def together(settings: Settings, runs: list[dict]) -> None:
    with ThreadPoolExecutor(len(runs)) as pool:
        for future in [pool.submit(steps.run_week, settings, **run) for run in runs]:
            future.result()


def test_the_same_week_twice_at_once(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    together(settings, [{"as_of": weeks[0]}] * 3)
    assert conn.execute("SELECT count(*) AS n FROM publications").fetchall() == [(1,)]
    assert conn.execute("SELECT count(*) AS n FROM promotions").fetchall() == [(1,)]
    registry = Registry(settings)
    runs = registry.client.search_runs([registry.experiment_id], "tags.kind != 'week'")
    keys = [run.data.tags["fit_key"] for run in runs]
    assert len(keys) == len(set(keys))
    assert len(registry.client.search_model_versions(f"name = '{settings.registered_model}'")) == 1


def test_a_backfill_beside_the_newest_week(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    steps.run_week(settings, as_of=weeks[0])
    steps.run_week(settings, as_of=weeks[1])
    before = published(conn)
    for row in conn.execute("SELECT publication_id FROM publications").fetchall():
        conn.execute(f"DROP TABLE published_lists_{row.publication_id}")  # pyright: ignore
    together(settings, [{"as_of": weeks[0]}, {"as_of": weeks[1]}, {"as_of": weeks[2]}])
    assert [row for row in published(conn) if row[0] != weeks[2]] == before
    assert live(conn) == [weeks[2]]


@pytest.mark.parametrize(
    "parameters",
    [({"top_n": 4}, {"top_n": 7}), ({"recipes": ["als"]}, {"recipes": ["popularity"]})],
)
def test_two_manual_runs_of_one_week_with_other_parameters(
    settings: Settings, weeks: list[date], conn: Connection, parameters: tuple[dict, dict]
) -> None:
    together(settings, [{"as_of": weeks[0], **options} for options in parameters])
    assert conn.execute("SELECT count(*) AS n FROM promotions").fetchall() == [(1,)]
    assert live(conn) == [weeks[0]]
    lengths = {
        row[1]: max(r[3] for r in published(conn) if r[1] == row[1]) for row in published(conn)
    }
    assert lengths == {top_n: int(top_n) for top_n in lengths}
    assert len(lengths) == len({options.get("top_n", 10) for options in parameters})
