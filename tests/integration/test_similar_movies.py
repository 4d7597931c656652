"""Similar movies: made before a publication, read with it, and removed with it."""

from datetime import date

import pytest

from recsys.db.connect import Connection
from recsys.errors import PublicationError
from recsys.removal import withdraw_movie
from recsys.run import run_step
from recsys.settings import Settings
from recsys.week import WeekPlan
from tests import steps

VIEW = "SELECT movie_id, rank, similar_id, score, basis FROM similar_movies"


@pytest.fixture
def decided(settings: Settings, weeks: list[date]) -> tuple[WeekPlan, int]:
    """A week up to its scores."""
    week = steps.examined(settings, weeks[0])
    version = steps.refit_winner(settings, week)
    promotion_id = steps.promote_champion(settings, week, version)
    for shard in steps.list_shards(settings, week):
        steps.score_users(settings, week, promotion_id, shard)
    return week, promotion_id


def rows(conn: Connection, query: str) -> list[tuple]:
    return [tuple(row) for row in conn.execute(query)]  # type: ignore[call-overload]


def test_similar_movies_are_read_from_the_moment_of_publication(
    settings: Settings, decided: tuple[WeekPlan, int], conn: Connection
) -> None:
    with pytest.raises(PublicationError, match="no similar movies; run find_similar_movies"):
        run_step(settings, "publish_recommendations", *decided)
    n_pairs = steps.find_similar_movies(settings, *decided)
    assert n_pairs > 0
    assert rows(conn, VIEW) == []
    steps.publish_recommendations(settings, *decided)
    assert len(rows(conn, VIEW)) == n_pairs
    stored = rows(conn, "SELECT * FROM published_similar ORDER BY movie_id")
    assert steps.find_similar_movies(settings, *decided) == 0
    steps.publish_recommendations(settings, *decided)
    assert rows(conn, "SELECT * FROM published_similar ORDER BY movie_id") == stored


def test_every_movie_has_its_nearest(
    settings: Settings, decided: tuple[WeekPlan, int], conn: Connection
) -> None:
    steps.publish_recommendations(settings, *decided)
    pairs = rows(conn, VIEW + " ORDER BY movie_id, rank")
    assert all(movie != similar for movie, _, similar, _, _ in pairs)
    ranks: dict[int, list[int]] = {}
    scores: dict[int, list[float]] = {}
    for movie, rank, _, score, _ in pairs:
        ranks.setdefault(movie, []).append(rank)
        scores.setdefault(movie, []).append(score)
    assert all(of == list(range(1, len(of) + 1)) for of in ranks.values())
    assert all(of == sorted(of, reverse=True) for of in scores.values())
    assert max(map(len, ranks.values())) == 50
    assert sorted(ranks) == [
        movie for (movie,) in rows(conn, "SELECT movie_id FROM catalogue ORDER BY 1")
    ]
    assert {basis for *_, basis in pairs} == {"content"}, "the champion compares no movies"


def test_raters_in_common_are_those_of_the_week(
    settings: Settings,
    decided: tuple[WeekPlan, int],
    conn: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("recsys.scoring.similar.USERS_AT_ONCE", 32)  # of 80 users
    as_of = decided[0].as_of
    again = "INSERT INTO ratings SELECT user_id, movie_id, %s, drop_id, rating FROM ratings"
    conn.execute(f"{again} WHERE user_id = 1", ["1995-01-01"])  # rated twice counts once
    later = (
        "INSERT INTO ratings SELECT 1, movie_id, %s, max(drop_id), 4 FROM movies GROUP BY movie_id"
    )
    conn.execute(later, [as_of])
    steps.publish_recommendations(settings, *decided)
    raters: dict[int, set[int]] = {}
    of_the_week = f"SELECT user_id, movie_id FROM ratings WHERE rated_at < '{as_of}'"
    for user, movie in rows(conn, of_the_week):
        raters.setdefault(movie, set()).add(user)
    pairs = rows(conn, "SELECT movie_id, similar_id, n_raters FROM similar_movies")
    nobody: set[int] = set()
    for movie, similar, n_raters in pairs:
        both = raters.get(movie, nobody) & raters.get(similar, nobody)
        assert n_raters == len(both), (movie, similar)
    assert {0, 5} < {n_raters for *_, n_raters in pairs}


def test_an_older_publication_without_raters_is_read(
    settings: Settings, decided: tuple[WeekPlan, int], conn: Connection
) -> None:
    steps.publish_recommendations(settings, *decided)
    before = rows(conn, VIEW)
    conn.execute("UPDATE published_similar SET n_raters = NULL")
    assert rows(conn, VIEW) == before
    assert rows(conn, "SELECT DISTINCT n_raters FROM similar_movies") == [(None,)]


def test_a_withdrawn_movie_is_near_to_none_at_once(
    settings: Settings, decided: tuple[WeekPlan, int], conn: Connection
) -> None:
    steps.publish_recommendations(settings, *decided)
    before = rows(conn, VIEW)
    raters = "SELECT movie_id, similar_id, n_raters FROM similar_movies"
    n_raters = set(rows(conn, raters))
    withdrawn = before[0][2]
    withdraw_movie(settings, withdrawn, "requested")
    assert set(rows(conn, raters)) == {row for row in n_raters if row[1] != withdrawn}
    after = rows(conn, VIEW)
    assert withdrawn not in {similar for _, _, similar, _, _ in after}
    lost = sum(similar == withdrawn for _, _, similar, _, _ in before)
    assert len(after) == len(before) - lost


def test_readers_of_both_arms_have_the_champions(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    nobody_is_better = {"recipes": ("popularity",), "minimum_effect": 1.0}
    settings = settings.model_copy(update=nobody_is_better)
    steps.run_week(settings, as_of=weeks[0])
    without = rows(conn, f"{VIEW} ORDER BY 1, 2")
    split = {"challenger": "item_knn", "challenger_share": 0.5, "challenger_weeks": 2}
    steps.run_week(settings, as_of=weeks[0], **split)
    assert {arm for (arm,) in rows(conn, "SELECT arm FROM recommendations")} == {
        "champion",
        "challenger",
    }
    assert rows(conn, f"{VIEW} ORDER BY 1, 2") == without
    with_similar = (
        "SELECT publication_key FROM publications WHERE {} AND publication_key IN "
        "(SELECT publication_key FROM published_similar)"
    )
    assert len(rows(conn, with_similar.format("is_live"))) == 1
    assert rows(conn, with_similar.format("is_shadow")) == []


def test_a_rollback_brings_back_those_of_its_publication(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    query = "SELECT * FROM similar_movies ORDER BY movie_id, rank"
    steps.run_week(settings, as_of=weeks[0])
    first = rows(conn, query)
    steps.run_week(settings, as_of=weeks[1])
    assert rows(conn, query) != first
    undo = {"publication_id": None, "reason": "bad lists", "requested_by": "ann"}
    steps.rollback_publication(settings, **undo)
    assert rows(conn, query) == first


def test_they_are_removed_with_their_publication(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    brief = settings.model_copy(update={"keep_weeks": 1})
    for as_of in weeks[:3]:
        steps.run_week(brief, as_of=as_of)
    kept = rows(conn, "SELECT publication_key FROM publications WHERE dropped_at IS NULL")
    dropped = rows(conn, "SELECT publication_key FROM publications WHERE dropped_at IS NOT NULL")
    assert dropped
    stored = rows(conn, "SELECT DISTINCT publication_key FROM published_similar")
    assert sorted(stored) == sorted(kept)
