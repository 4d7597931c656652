"""Reasons: made with the lists, read with them, and true."""

from datetime import date

import numpy as np
import psycopg
import pytest
from psycopg.rows import namedtuple_row

from recsys.db.connect import Connection
from recsys.features.train import Loaded
from recsys.features.visible import read_catalogue, read_interactions
from recsys.models import model_class
from recsys.models.base import Compute, Recommender
from recsys.scoring.reasons import EACH
from recsys.settings import Settings
from recsys.steps import publish as steps_of_publication
from recsys.week import WeekPlan
from tests import steps

REASONS = """
    SELECT r.user_id, r.rank, r.movie_id, b.source, r.kind, r.sentence, r.cited, r.shared, b.score
    FROM reasons r JOIN batch_recommendations b USING (publication_id, user_id, rank)
    ORDER BY r.user_id, r.rank
"""


@pytest.fixture
def decided(settings: Settings, weeks: list[date]) -> tuple[WeekPlan, int]:
    """A week up to its decision."""
    return decide(settings, weeks[0])


def decide(settings: Settings, as_of: date) -> tuple[WeekPlan, int]:
    week = steps.examined(settings, as_of)
    version = steps.refit_winner(settings, week)
    return week, steps.promote_champion(settings, week, version)


def publish(settings: Settings, decided: tuple[WeekPlan, int]) -> None:
    for shard in steps.list_shards(settings, decided[0]):
        steps.score_users(settings, *decided, shard)
    steps.publish_recommendations(settings, *decided)


def serve(recipe: str, conn: Connection, week: WeekPlan, patch: pytest.MonkeyPatch) -> Recommender:
    """Publish the lists of another recipe than the week's champion."""
    catalogue = read_catalogue(conn, week.snapshot)
    ratings = read_interactions(conn, week.snapshot, catalogue.movie_ids)
    model = model_class(recipe)(compute=Compute(threads=1, device="cpu"))
    model.fit(Loaded(ratings, week.like_threshold), catalogue)
    patch.setattr(steps_of_publication, "model_to_serve", lambda *_: model)
    return model


@pytest.mark.parametrize("recipe", ["als", "ease"])
def test_what_is_cited_was_liked_and_adds_to_the_score(
    settings: Settings,
    decided: tuple[WeekPlan, int],
    conn: Connection,
    monkeypatch: pytest.MonkeyPatch,
    recipe: str,
) -> None:
    week, _ = decided
    model = serve(recipe, conn, week, monkeypatch)
    publish(settings, decided)
    ratings = read_interactions(conn, week.snapshot, model.movie_ids_)
    rows = conn.execute(REASONS).fetchall()  # pyright: ignore[reportArgumentType]
    by_model = [row for row in rows if row.source == "model"]
    assert sum(bool(row.cited) for row in by_model) > 0.99 * len(by_model) > 0
    for row in by_model[:: len(by_model) // 40]:
        history = ratings.histories_of(np.array([row.user_id]))
        movie = np.searchsorted(model.movie_ids_, [[row.movie_id]])
        explanation = model.explain(history, movie)
        (best,) = explanation.strongest(EACH).movies[0]
        cited = [each["movie_id"] for each in row.cited]
        assert cited == model.movie_ids_[best[best >= 0]].tolist()
        stars = dict(zip(model.movie_ids_[history.movies], history.ratings, strict=True))
        assert all(stars[movie_id] >= week.like_threshold for movie_id in cited)
        contributions = [each["contribution"] for each in row.cited]
        assert contributions == sorted(contributions, reverse=True) and min(contributions) > 0
        assert explanation.sums[0, 0] + explanation.rest[0, 0] == pytest.approx(row.score, rel=1e-5)
        assert row.kind == "exact"
        assert row.sentence.startswith("Because you liked ")
        assert all(each["title"] in row.sentence for each in row.cited)


def test_the_fallback_and_popularity_name_their_rule(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    strict = settings.model_copy(update={"min_history": 20})
    decided = decide(strict, weeks[0])
    publish(strict, decided)
    rows = conn.execute(REASONS).fetchall()  # pyright: ignore[reportArgumentType]
    assert {row.source for row in rows} == {"model", "fallback"}
    assert {row.kind for row in rows} == {"rule"}
    assert all(row.sentence.startswith("Popular of late") and row.cited == [] for row in rows)
    genres = {row.movie_id: row.genres for row in conn.execute("SELECT * FROM catalogue")}
    liked = {
        (row.user_id, genre)
        for row in conn.execute(
            "SELECT r.user_id, unnest(c.genres) AS genre FROM ratings r JOIN catalogue c "
            "USING (movie_id) WHERE rating >= 4 AND rated_at < %s",
            [decided[0].as_of],
        )
        for genre in [row.genre]
    }
    for row in rows[::50]:
        shared = row.shared["genres"]
        of_both = {genre for genre in genres[row.movie_id] if (row.user_id, genre) in liked}
        assert set(shared) <= of_both and len(shared) == min(len(of_both), 3)
        assert row.sentence.endswith(", ".join(shared) if shared else "Popular of late")


def test_the_api_reads_reasons_and_similar_movies(
    settings: Settings, decided: tuple[WeekPlan, int], conn: Connection
) -> None:
    publish(settings, decided)
    url = settings.api_database_url
    assert url is not None
    with psycopg.connect(url.get_secret_value(), row_factory=namedtuple_row) as api:
        n_reasons = api.execute("SELECT count(*) AS n FROM api.list_reasons").fetchone()
        assert n_reasons == conn.execute("SELECT count(*) AS n FROM reasons").fetchone()
        assert n_reasons != (0,)
        n_near = api.execute("SELECT count(*) AS n FROM api.near_movies").fetchone()
        assert n_near == conn.execute("SELECT count(*) AS n FROM similar_movies").fetchone()
        assert n_near != (0,)
        api.execute("SELECT sentence, shared::text FROM api.list_reasons").fetchall()


def test_titles_are_as_people_say_them(conn: Connection) -> None:
    titles = {
        "Sixth Sense, The (1999)": "The Sixth Sense (1999)",
        "Heat (1995)": "Heat (1995)",
        "City of Lost Children, The (Cité des enfants perdus, La) (1995)": (
            "The City of Lost Children (Cité des enfants perdus, La) (1995)"
        ),
        "Avventura, L' (1960)": "L'Avventura (1960)",
        "Me, Myself & Irene (2000)": "Me, Myself & Irene (2000)",
        "No year, A": "A No year",
    }
    for title, expected in titles.items():
        row = conn.execute("SELECT display_title(%s) AS title", [title]).fetchone()
        assert row.title == expected


def test_sentences_name_up_to_three_titles(conn: Connection) -> None:
    query = "SELECT because_you_liked(%s::text[]) AS sentence"
    for titles, expected in [
        (["Heat (1995)"], "Because you liked Heat (1995)"),
        (["A", "B"], "Because you liked A and B"),
        (["A", "B", "C"], "Because you liked A, B and C"),
        ([], None),
    ]:
        assert conn.execute(query, [titles]).fetchone().sentence == expected
    query = "SELECT popular_of_late(%s::text[]) AS sentence"
    genres = "Popular of late in the genres that you like: Crime, Drama"
    assert conn.execute(query, [["Crime", "Drama"]]).fetchone().sentence == genres
    assert conn.execute(query, [[]]).fetchone().sentence == "Popular of late"
