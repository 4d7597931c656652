"""People by their names: which of the namesakes, and what they are called now."""

import pytest

from recsys.db.connect import Connection
from recsys.errors import RecsysError
from recsys.prediction import persons_named

BIGINT = 2**62


@pytest.fixture
def people(conn: Connection) -> Connection:
    """Three of the name Ann Lee, of whom the second directs most and the third acts most; Bo was
    Ann Lee once.
    """
    conn.execute(
        "INSERT INTO drops (source, drop_date, revision, sha256, files, admitted_for) "
        "VALUES ('imdb', '2020-01-06', 1, 'a', '[]', '2020-01-06'), ('imdb', '2020-01-13', 1, 'b', "
        "'[]', '2020-01-13')"
    )
    names = [
        (1, 1, "Ann Lee"),
        (2, 1, "Ann Lee"),
        (BIGINT, 1, "ann lee"),
        (4, 1, "Ann Lee"),
        (4, 2, "Bo"),
    ]
    casts = [(10, "director", 2), (11, "director", 2), (12, "director", 1), (10, "actor", BIGINT)]
    casts += [(movie, "director", 4) for movie in range(13, 19)]
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO persons (person_id, drop_id, name) VALUES (%s, %s, %s)", names
        )
        cursor.executemany(
            "INSERT INTO movie_persons (movie_id, drop_id, role, position, person_id) VALUES (%s, "
            "1, %s, 1, %s)",
            casts,
        )
    conn.execute("REFRESH MATERIALIZED VIEW mv_movie_persons")
    return conn


def test_of_namesakes_the_one_at_most_movies_in_the_role(people: Connection) -> None:
    assert persons_named(people, ["Bo", "ANN LEE"], "director") == (4, 2)
    assert persons_named(people, ["Ann Lee"], "actor") == (BIGINT,)
    assert persons_named(people, [], "actor") == ()


def test_a_name_that_nobody_has_is_named(people: Connection) -> None:
    with pytest.raises(
        RecsysError,
        match="actor 'Ann': nobody of that name in the drops; expected one as IMDb writes it",
    ):
        persons_named(people, ["Ann Lee", "Ann"], "actor")
