"""Every stage of the speed bench runs, at a tiny scale, on a real server."""

from contextlib import closing
from dataclasses import replace

import psycopg2
import pytest

from bench.speed.databases import Databases
from bench.speed.ground import Ground
from bench.speed.scale import DELTAS, Scale
from bench.speed.stages import STAGES, stage_class
from recsys.db.connect import connect
from recsys.registry.store import Registry
from stack.datasets.imdb import generate_imdb
from stack.datasets.release import RELEASES

WORLD = replace(RELEASES["ml-20m"], users=60, movies=400, rated=390, ratings=2_000, tags=50)
TINY = Scale("tiny", WORLD)
STEPS = {
    "ingest_drops",
    "refresh_views",
    "train_model",
    "examine_models",
    "score_users",
    "publish_recommendations",
}


@pytest.fixture(scope="module")
def ground(postgres, tmp_path_factory) -> Ground:
    home = tmp_path_factory.mktemp("bench")
    ground = Ground(home, TINY, Databases(postgres), imdb=home / "imdb")
    drop = ground.zones.full / "movielens" / str(ground.first)
    generate_imdb(ground.imdb, drop, seed=1)
    return ground


def names(ground: Ground) -> set[str]:
    with connect(ground.in_use) as conn:
        return {
            row.datname
            for row in conn.execute("SELECT datname FROM pg_database WHERE datname LIKE 'speed_%'")
        }


@pytest.mark.parametrize("name", [*STAGES, "fit-als", "fit-svd"])
def test_a_stage_measures_what_its_targets_speak_of(ground, name):
    stage = stage_class(name)(ground)
    assert stage.lacks() == ""
    seconds = stage.measure(1)
    assert {label for bound in stage.bounds for label in (bound.over, bound.under)} | {
        stage.ours
    } <= set(seconds)
    assert {len(rounds) for rounds in seconds.values()} == {1}
    assert all(value > 0 for rounds in seconds.values() for value in rounds)
    kept = {ground.name(what) for what in ("blank", "unrated", "filled")}
    assert names(ground) <= kept, "a stage leaves no database of its own"


def test_a_weeks_steps_make_up_the_week(ground):
    stage = stage_class("week")(ground)
    seconds = stage.measure(1)
    assert {label.split()[0] for label in seconds} >= STEPS
    assert {
        label.split()[1].split("-")[0] for label in seconds if label.startswith("train_model ")
    } >= {"popularity", "als"}
    assert set(stage.peaks) == set(seconds)
    assert stage.peaks["run_week"] == max(stage.peaks.values()) > 50 * 2**20
    steps = sum(rounds[0] for label, rounds in seconds.items() if label != "run_week")
    # in between, what each cost is written down
    assert 0.8 * seconds["run_week"][0] < steps <= seconds["run_week"][0]
    filters = f"tags.as_of = '{ground.zones.dates[1]}'"
    usual = Registry(ground.in_use)
    assert usual.client.search_runs([usual.experiment_id], filters) == [], (
        "the next week would find this one's fits"
    )


def test_ways_do_the_same_work(ground):
    """What is timed beside ours gives what ours gives."""
    from bench.speed.stages.als_fit import handed_over
    from bench.speed.stages.csr import as_ours, by_hand, copied

    week, interactions = ground.data.week, ground.data.interactions
    with closing(psycopg2.connect(ground.in_use.database_url.get_secret_value())) as conn:
        rows = copied(conn, week.snapshot)
    ours, theirs, smaller = interactions.csr(), as_ours(rows, interactions.movie_ids), by_hand(rows)
    assert (ours != theirs).nnz == 0
    assert (smaller.nnz, smaller.sum()) == (ours.nnz, ours.sum())
    solver, matrix = handed_over(ground.data, ground.model.compute)
    solver.fit(matrix, show_progress=False)
    assert solver.item_factors.shape == ground.model.movie_factors_[ground.model.liked_].shape


def test_a_delta_meets_a_full_and_an_empty_table(ground):
    from bench.speed.stages import delta

    counts: dict[str, list[int]] = {}
    with delta.Delta(ground).ways() as ways:
        for way in ways:
            for number in range(DELTAS):
                settings, week = way.ready(number)
                with connect(settings) as conn:
                    before = conn.execute("SELECT count(*) AS n FROM ratings").fetchone().n
                    way.run((settings, week))
                    after = conn.execute("SELECT count(*) AS n FROM ratings").fetchone().n
                counts.setdefault(way.label, []).append(before)
                assert after - before == TINY.delta
    full = TINY.ratings - TINY.delta * DELTAS
    assert counts == {
        delta.OURS: [full + TINY.delta * done for done in range(DELTAS)],
        delta.EMPTY: [0] * DELTAS,
    }


def test_every_round_publishes_anew(ground):
    from bench.speed.stages.publication import OURS, WholePublication

    with WholePublication(ground).ways() as ways:
        way = next(way for way in ways if way.label == OURS)
        settings = ground.settings(ground.name("publication"), ground.zones.full)
        for number in range(2):  # the second finds what the first has made
            way.ready(number)
            with connect(settings) as conn:
                assert conn.execute("SELECT count(*) AS n FROM recommendations").fetchone().n == 0
            way.run(None)
            with connect(settings) as conn:
                assert (
                    conn.execute("SELECT count(*) AS n FROM recommendations").fetchone().n
                    == 10 * WORLD.users
                )


def test_a_database_is_filled_once_and_whole(ground):
    filled: list[str] = []
    for _ in range(2):
        ground.databases.once(ground.name("test"), filled.append)
    assert filled == [f"{ground.name('test')}_unfinished"]
    ground.databases.drop_others(ground.name("test"), keep=ground.name("test_"))
    assert ground.name("test") not in names(ground)
