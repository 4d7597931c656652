"""GET /v1/users/{id}/recommendations and POST /v1/recommendations:batch: what was published,
exactly.
"""

from typing import Any

import pytest

from recsys.db.connect import Connection
from recsys.db.queries import queries
from tests.serving.conftest import Api, new_key
from tests.serving.test_problems import assert_problem


def url_of(user_id: int) -> str:
    return f"/v1/users/{user_id}/recommendations"


def published(conn: Connection, user_id: int) -> list[dict[str, Any]]:
    rows = conn.execute(
        "SELECT r.rank, r.movie_id, r.score, r.source, c.title, c.year, c.genres "
        "FROM recommendations r JOIN catalogue c USING (movie_id) WHERE user_id = %s ORDER BY rank",
        [user_id],
    ).fetchall()
    return [row._asdict() for row in rows]


@pytest.fixture
def user_id(conn: Connection) -> int:
    """A user whose list is the model's."""
    (row,) = conn.execute(
        "SELECT min(user_id) AS user_id FROM recommendations WHERE source = 'model'"
    ).fetchall()
    return row.user_id


def test_a_list_is_what_was_published(api: Api, conn: Connection, user_id: int) -> None:
    answer = api.get(url_of(user_id)).json()
    assert answer["items"] == published(conn, user_id)
    (live,) = conn.execute(
        "SELECT publication_id, as_of, recipe_key, model_version FROM publications WHERE is_live"
    ).fetchall()
    assert answer["recommendation_id"].startswith(f"{live.publication_id}-{user_id}-")
    del answer["recommendation_id"], answer["items"]
    assert answer == {
        "publication": live.publication_id,
        "as_of": str(live.as_of),
        "recipe": live.recipe_key,
        "model_version": live.model_version,
        "arm": None,
        "user_id": user_id,
        "known": True,
        "complete": True,
    }


def test_every_user_gets_the_published_list(api: Api, conn: Connection) -> None:
    users = [
        row.user_id
        for row in conn.execute("SELECT DISTINCT user_id FROM recommendations ORDER BY 1")
    ]
    body = {"user_ids": users}
    answers = api.post("/v1/recommendations:batch", json=body).json()["items"]
    assert [answer["user_id"] for answer in answers] == users
    assert [answer["items"] for answer in answers] == [published(conn, user) for user in users]


def test_pages_of_a_list_join_to_the_whole(api: Api, user_id: int) -> None:
    whole = api.get(url_of(user_id)).json()["items"]
    pages = [api.get(url_of(user_id), params={"n": 3, "offset": at}).json() for at in (0, 3, 6)]
    assert [page["complete"] for page in pages] == [True, True, True]
    items = [item for page in pages for item in page["items"]]
    assert items == whole[:9]


def test_beyond_the_depth_is_refused_with_the_bound(
    api: Api, conn: Connection, user_id: int
) -> None:
    (row,) = conn.execute("SELECT depth FROM api.live").fetchall()
    answer = api.get(url_of(user_id), params={"n": 10, "offset": row.depth - 9})
    problem = assert_problem(answer, 422)
    assert problem["depth"] == row.depth and str(row.depth) in problem["detail"]
    assert api.get(url_of(user_id), params={"n": 10, "offset": row.depth - 10}).status_code == 200


def test_filters_act_on_the_depth_and_the_fallback_fills_up(
    api: Api, conn: Connection, user_id: int
) -> None:
    params = {"genre": ["Comedy", "Drama"], "exclude_genre": "Horror", "year_from": 1980, "n": 10}
    answer = api.get(url_of(user_id), params=params).json()
    depth = conn.execute(
        "SELECT unnest(movie_ids) AS movie_id FROM api.lists JOIN api.live USING (publication_id) "
        "WHERE user_id = %s",
        [user_id],
    ).fetchall()
    movies = {
        row.movie_id: row for row in conn.execute("SELECT movie_id, genres, year FROM catalogue")
    }
    admitted = {
        movie_id
        for movie_id, movie in movies.items()
        if {"Comedy", "Drama"} & set(movie.genres)
        and "Horror" not in movie.genres
        and (movie.year or 0) >= 1980
    }
    deep = [row.movie_id for row in depth if row.movie_id in admitted][:10]
    ids = [item["movie_id"] for item in answer["items"]]
    assert ids[: len(deep)] == deep
    assert set(ids) <= admitted and len(set(ids)) == len(ids)
    assert answer["complete"] is (len(ids) == 10)
    sources = [item["source"] for item in answer["items"]]
    assert set(sources[len(deep) :]) <= {"fallback"}
    rated = {
        row.movie_id
        for row in conn.execute("SELECT movie_id FROM ratings WHERE user_id = %s", [user_id])
    }
    assert not rated & set(ids)


def test_years_are_within_both_bounds(still_api: Api) -> None:
    first = still_api.get(url_of(1)).json()["items"][0]
    year = first["year"]
    for params in ({"year_to": year}, {"year_from": year}, {"year_from": year, "year_to": year}):
        items = still_api.get(url_of(1), params=params | {"n": 5}).json()["items"]
        assert items[0]["movie_id"] == first["movie_id"]
        years = {item["year"] for item in items}
        assert max(years) <= params.get("year_to", 9_999)
        assert min(years) >= params.get("year_from", 0)


def test_a_list_that_cannot_be_filled_says_so(api: Api, user_id: int) -> None:
    answer = api.get(url_of(user_id), params={"genre": "No such genre"}).json()
    assert (answer["items"], answer["complete"]) == ([], False)


def test_excluded_movies_are_left_out(api: Api, user_id: int) -> None:
    first, second, *_ = [item["movie_id"] for item in api.get(url_of(user_id)).json()["items"]]
    items = api.get(url_of(user_id), params={"exclude": [first, 1]}).json()["items"]
    assert items[0]["movie_id"] == second and items[0]["rank"] == 1
    assert len(items) == 10


def test_fields_are_what_items_have(api: Api, user_id: int) -> None:
    items = api.get(url_of(user_id), params={"fields": ["title", "score"]}).json()["items"]
    assert {tuple(item) for item in items} == {("movie_id", "title", "score")}


def test_an_unknown_user_gets_the_fallback_and_reads_so(api: Api, conn: Connection) -> None:
    answer = api.get(url_of(2**40 + 5), params={"genre": "Comedy", "n": 3}).json()
    assert answer["known"] is False and answer["complete"] is True
    rows = conn.execute(
        "SELECT f.movie_id FROM published_fallback f JOIN api.live l USING (publication_id) "
        "JOIN catalogue c USING (movie_id) WHERE 'Comedy' = ANY (c.genres) ORDER BY place LIMIT 3"
    ).fetchall()
    assert [item["movie_id"] for item in answer["items"]] == [row.movie_id for row in rows]
    assert {item["source"] for item in answer["items"]} == {"fallback"}


def test_what_is_withdrawn_is_left_out_at_once(api: Api, conn: Connection, user_id: int) -> None:
    before = api.get(url_of(user_id))
    gone = before.json()["items"][0]["movie_id"]
    conn.execute("INSERT INTO withdrawals (movie_id, reason) VALUES (%s, 'a test')", [gone])
    headers = {"If-None-Match": before.headers["etag"]}
    after = api.get(url_of(user_id), headers=headers)
    assert after.status_code == 200
    assert gone not in {item["movie_id"] for item in after.json()["items"]}
    conn.execute("UPDATE withdrawals SET undone_at = now()")
    again = api.get(url_of(user_id))
    assert again.json()["items"] == before.json()["items"]
    assert again.headers["etag"] not in {before.headers["etag"], after.headers["etag"]}


def test_what_was_rated_or_dismissed_since_is_left_out(
    api: Api, conn: Connection, user_id: int
) -> None:
    before = api.get(url_of(user_id))
    rated, dismissed = (item["movie_id"] for item in before.json()["items"][:2])
    conn.execute(
        "INSERT INTO feedback_ratings (user_id, movie_id, rating, rated_at, received_at) "
        "VALUES (%s, %s, 4, now(), now())",
        [user_id, rated],
    )
    middle = api.get(url_of(user_id), headers={"If-None-Match": before.headers["etag"]})
    assert middle.status_code == 200
    conn.execute(
        "INSERT INTO feedback_events (user_id, movie_id, kind, received_at) "
        "VALUES (%s, %s, 'dismissed', now())",
        [user_id, dismissed],
    )
    after = api.get(url_of(user_id), headers={"If-None-Match": middle.headers["etag"]})
    assert after.status_code == 200
    ids = [item["movie_id"] for item in after.json()["items"]]
    assert not {rated, dismissed} & set(ids) and len(ids) == 10


def test_what_the_reader_has_is_not_sent_again(api: Api, user_id: int) -> None:
    first = api.get(url_of(user_id))
    assert first.headers["cache-control"] == "private, no-cache"
    etag = first.headers["etag"]
    same = api.get(url_of(user_id), headers={"If-None-Match": f'"other", {etag}'})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", etag)
    for params in ({"n": 9}, {"fields": "title"}, {"explain": True}, {"exclude": 1}):
        assert api.get(url_of(user_id), params=params).headers["etag"] != etag
    assert api.get(url_of(user_id + 1)).headers["etag"] != etag


def test_a_catalogue_of_more_drops_changes_the_tag(
    api: Api, conn: Connection, user_id: int
) -> None:
    refresh = queries("views")["refresh_catalogue"]
    before = api.get(url_of(user_id)).headers["etag"]
    conn.execute(refresh)
    assert api.get(url_of(user_id)).headers["etag"] == before, "it is the same catalogue"
    conn.execute(
        "INSERT INTO drops (source, drop_date, revision, sha256, files, admitted_for, state) "
        "VALUES ('imdb', '2031-01-06', 1, '', '[]', '2031-01-06', 'ingested')"
    )
    conn.execute(refresh)
    assert api.get(url_of(user_id)).headers["etag"] != before


def test_an_erased_user_has_another_tag(api: Api, conn: Connection, user_id: int) -> None:
    before = api.get(url_of(user_id)).headers["etag"]
    conn.execute("INSERT INTO erased_users (user_id) VALUES (%s)", [user_id])
    assert api.get(url_of(user_id)).headers["etag"] != before


def test_a_key_of_one_user_touches_no_other(api: Api, conn: Connection, user_id: int) -> None:
    own = new_key(conn, user_id=user_id)
    assert api.get(url_of(user_id), key=own).status_code == 200
    assert_problem(api.get(url_of(user_id + 1), key=own), 403)
    body = {"user_ids": [user_id, user_id + 1]}
    assert_problem(api.post("/v1/recommendations:batch", key=own, json=body), 403)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/users/abc/recommendations",
        "/v1/users/-1/recommendations",
        "/v1/users/9223372036854775808/recommendations",
        "/v1/users/1'%20OR%201=1/recommendations",
        "/v1/users/1/recommendations?n=0",
        "/v1/users/1/recommendations?n=100000",
        "/v1/users/1/recommendations?offset=-1",
        "/v1/users/1/recommendations?genre=",
        "/v1/users/1/recommendations?genre=%00",
        "/v1/users/1/recommendations?year_from=1e9",
        "/v1/users/1/recommendations?exclude=9223372036854775808",
        "/v1/users/1/recommendations?fields=password",
        "/v1/users/1/recommendations?nosuch=1",
        "/v1/users/1/recommendations?n=5&n=6",
        "/v1/users/1/recommendations?genre=" + "x" * 101,
    ],
)
def test_what_is_not_as_expected_is_refused(still_api: Api, path: str) -> None:
    assert_problem(still_api.get(path), 422)


def test_a_quote_in_a_genre_is_a_genre(api: Api, user_id: int) -> None:
    params = {"genre": "x'; DROP TABLE ratings; --"}
    assert api.get(url_of(user_id), params=params).json()["items"] == []


@pytest.mark.parametrize(
    "body",
    [{}, {"user_ids": []}, {"user_ids": [1] * 1_001}, {"user_ids": ["x"]}, [], {"user_ids": [1.5]}],
)
def test_a_batch_that_is_not_as_expected_is_refused(still_api: Api, body: object) -> None:
    assert_problem(still_api.post("/v1/recommendations:batch", json=body), 422)
    assert_problem(still_api.post("/v1/recommendations:batch", content=b"{"), 422)
