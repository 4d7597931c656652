"""What a movie's page says of the movies that are near it."""

import re

import pytest

from recsys.db.connect import Connection
from recsys.settings import Settings
from tests.serving.conftest import Keys
from tests.serving.pages_visits import page, text_of, value


@pytest.mark.parametrize(
    ("n_raters", "words"),
    [
        ([1412, 4, 5, 0], ["1,412 people rated both", "5 people rated both"]),
        (None, []),  # a publication from before they were counted
    ],
)
def test_a_movies_page_says_how_many_rated_both(
    settings: Settings,
    keys: Keys,
    conn: Connection,
    n_raters: list[int] | None,
    words: list[str],
) -> None:
    movie_id = value(conn, "SELECT min(movie_id) FROM similar_movies WHERE n_raters >= 5")
    conn.execute(
        "UPDATE published_similar SET n_raters = %s WHERE movie_id = %s", [n_raters, movie_id]
    )
    text = text_of(page(settings, keys.read, f"/movies/{movie_id}"))
    assert "Similar movies" in text
    assert re.findall(r"[\d,]+ people rated both", text) == words


#: What a movie shares with one near it, where that is an actor and a genre.
SHARED = """
    SELECT s.movie_id,
           ARRAY(SELECT unnest(own.directors) INTERSECT SELECT unnest(near.directors) ORDER BY 1)
           || ARRAY(SELECT unnest(own.actors) INTERSECT SELECT unnest(near.actors) ORDER BY 1)
           AS people,
           ARRAY(SELECT unnest(own.genres) INTERSECT SELECT unnest(near.genres) ORDER BY 1)
           AS genres
    FROM similar_movies s
    JOIN catalogue own ON own.movie_id = s.movie_id
    JOIN catalogue near ON near.movie_id = s.similar_id
    WHERE s.rank <= 12 AND own.genres && near.genres
      AND own.actors && near.actors
    ORDER BY s.movie_id, s.rank LIMIT 1"""


def test_a_movies_page_says_what_both_have_in_common(
    settings: Settings, keys: Keys, conn: Connection
) -> None:
    (shared,) = conn.execute(SHARED).fetchall()
    text = text_of(page(settings, keys.read, f"/movies/{shared.movie_id}"))
    assert f"In common: {', '.join([*shared.people[:3], *shared.genres])} " in text
