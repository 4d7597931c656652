"""GET /v1/movies: one by its number, and search."""

import pytest

from recsys.db.connect import Connection
from tests.serving.conftest import Api, Keys
from tests.serving.test_problems import assert_problem

BEYOND = 2**63


@pytest.fixture
def movie(conn: Connection) -> tuple[int, str]:
    (row,) = conn.execute(
        "SELECT movie_id, title FROM catalogue WHERE actors IS NOT NULL AND imdb_id IS NOT NULL "
        "ORDER BY movie_id LIMIT 1"
    ).fetchall()
    return row.movie_id, row.title


def test_a_movie_has_its_people_and_what_imdb_says(
    api: Api, conn: Connection, movie: tuple[int, str]
) -> None:
    movie_id, title = movie
    answer = api.get(f"/v1/movies/{movie_id}")
    assert answer.status_code == 200
    body = answer.json()
    (row,) = conn.execute("SELECT * FROM catalogue WHERE movie_id = %s", [movie_id]).fetchall()
    assert (body["title"], body["actors"], body["genres"]) == (title, row.actors, row.genres)
    assert body["imdb"]["votes"] == row.votes
    assert body["imdb"]["id"] == f"tt{row.imdb_id:07}"
    assert body["withdrawn_at"] is None


def test_a_movie_without_people_and_imdb_has_none(api: Api, conn: Connection) -> None:
    (drop,) = conn.execute("SELECT max(drop_id) AS id FROM drops").fetchall()
    conn.execute("INSERT INTO movies VALUES (999999, %s, 'Alone', NULL, '{}')", [drop.id])
    conn.execute("REFRESH MATERIALIZED VIEW mv_catalogue")
    body = api.get("/v1/movies/999999").json()
    assert body["imdb"] is None and body["year"] is None
    assert body["directors"] == body["actors"] == body["genres"] == []


def test_a_withdrawn_movie_says_so_at_once(
    api: Api, conn: Connection, movie: tuple[int, str]
) -> None:
    conn.execute("INSERT INTO withdrawals (movie_id, reason) VALUES (%s, 'rights')", [movie[0]])
    assert api.get(f"/v1/movies/{movie[0]}").json()["withdrawn_at"]


def test_a_movie_that_is_not_there_is_a_problem(api: Api) -> None:
    assert "no movie 987654" in assert_problem(api.get("/v1/movies/987654"), 404)["detail"]


@pytest.mark.parametrize("number", ["-1", str(BEYOND), "1.5", "x", "1%00", "9" * 5_000])
def test_a_number_that_is_none_is_refused(api: Api, number: str) -> None:
    assert_problem(api.get(f"/v1/movies/{number}"), 422)


def test_a_search_finds_by_title(api: Api, movie: tuple[int, str]) -> None:
    body = api.get("/v1/movies", params={"q": movie[1], "n": 5}).json()
    assert body["items"][0]["title"] == movie[1]
    assert len(body["items"]) <= 5 and body["total"] >= 1


def test_pages_of_a_search_follow_one_another_and_say_the_same_total(still_api: Api) -> None:
    whole = still_api.get("/v1/movies?q=the&n=6").json()
    pages = [still_api.get(f"/v1/movies?q=the&n=3&offset={at}").json() for at in (0, 3, 5_000)]
    assert pages[0]["items"] + pages[1]["items"] == whole["items"] and pages[2]["items"] == []
    assert whole["total"] > 6
    assert [page["total"] for page in pages] == [whole["total"]] * 3


def test_a_search_that_leads_nowhere_is_an_empty_list(api: Api) -> None:
    answer = api.get("/v1/movies", params={"q": "qqqqqqqqqq"})
    assert answer.status_code == 200
    assert answer.json() == {"q": "qqqqqqqqqq", "total": 0, "items": []}


@pytest.mark.parametrize(
    "query",
    [
        *("q=", "q=x&n=0", "q=x&n=101", "q=x&offset=-1", "q=x&offset=10001", "q=x&n=x", "n=5"),
        f"q={'x' * 201}",
        "q=a%00b",
    ],
)
def test_a_search_out_of_bounds_is_refused(api: Api, query: str) -> None:
    assert_problem(api.get(f"/v1/movies?{query}"), 422)


@pytest.mark.parametrize("path", ["/v1/movies/1", "/v1/movies?q=x", "/v1/movies/1/similar"])
def test_movies_need_a_key_that_reads(api: Api, keys: Keys, path: str) -> None:
    assert_problem(api.get(path, key=""), 401)
    assert_problem(api.get(path, key=keys.write), 403)


def test_similar_movies_are_those_of_the_live_publication(
    api: Api, conn: Connection, movie: tuple[int, str]
) -> None:
    body = api.get(f"/v1/movies/{movie[0]}/similar?n=50").json()
    rows = conn.execute(
        "SELECT similar_id, basis FROM similar_movies WHERE movie_id = %s ORDER BY rank", [movie[0]]
    ).fetchall()
    assert rows and [item["movie_id"] for item in body["items"]] == [r.similar_id for r in rows]
    assert body["basis"] == rows[0].basis and body["total"] == len(rows)
    (live,) = conn.execute("SELECT publication_id FROM publications WHERE is_live").fetchall()
    assert body["publication"] == live.publication_id


def test_what_two_movies_share_is_said(api: Api, conn: Connection, movie: tuple[int, str]) -> None:
    near = api.get(f"/v1/movies/{movie[0]}/similar?n=50").json()["items"]
    facts = {
        row.movie_id: row
        for row in conn.execute("SELECT movie_id, genres, actors, directors FROM catalogue")
    }
    own = facts[movie[0]]
    for item in near:
        other = facts[item["movie_id"]]
        for name in ("genres", "actors", "directors"):
            both = set(getattr(own, name) or ()) & set(getattr(other, name) or ())
            assert item["shared"][name] == sorted(both)
    assert any(item["shared"]["genres"] for item in near)


def test_raters_in_common_are_those_of_the_publication(
    api: Api, conn: Connection, movie: tuple[int, str]
) -> None:
    path = f"/v1/movies/{movie[0]}/similar?n=50"
    query = "SELECT similar_id, n_raters FROM similar_movies WHERE movie_id = %s ORDER BY rank"
    rows = conn.execute(query, [movie[0]]).fetchall()
    near = api.get(path).json()["items"]
    assert [(item["movie_id"], item["shared"]["raters"]) for item in near] == rows
    assert any(row.n_raters for row in rows)
    conn.execute("UPDATE published_similar SET n_raters = NULL")  # as before they were counted
    assert {item["shared"]["raters"] for item in api.get(path).json()["items"]} == {None}


def test_a_movie_that_is_withdrawn_is_near_nothing_at_once(
    api: Api, conn: Connection, movie: tuple[int, str]
) -> None:
    path = f"/v1/movies/{movie[0]}/similar?n=3"
    first, second, _ = (item["movie_id"] for item in api.get(path).json()["items"])
    conn.execute("INSERT INTO withdrawals (movie_id, reason) VALUES (%s, 'rights')", [first])
    items = api.get(path).json()["items"]
    assert (items[0]["movie_id"], items[0]["rank"]) == (second, 1)


def test_pages_of_similar_movies_follow_one_another(api: Api, movie: tuple[int, str]) -> None:
    path = f"/v1/movies/{movie[0]}/similar"
    whole = api.get(f"{path}?n=4").json()["items"]
    pages = [api.get(f"{path}?n=2&offset={offset}").json()["items"] for offset in (0, 2)]
    assert pages[0] + pages[1] == whole
    assert api.get(f"{path}?offset=100").json()["items"] == []
    assert_problem(api.get(f"{path}?n=101"), 422)
    assert_problem(api.get("/v1/movies/987654/similar"), 404)


def test_a_movie_that_came_after_the_publication_has_none_yet(api: Api, conn: Connection) -> None:
    (drop,) = conn.execute("SELECT max(drop_id) AS id FROM drops").fetchall()
    conn.execute("INSERT INTO movies VALUES (999999, %s, 'Alone', NULL, '{}')", [drop.id])
    conn.execute("REFRESH MATERIALIZED VIEW mv_catalogue")
    body = api.get("/v1/movies/999999/similar").json()
    assert (body["basis"], body["total"], body["items"]) == (None, 0, [])
