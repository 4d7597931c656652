"""The pages beside the API: what is on them, who may see them, and what they do not let through."""

import asyncio
import re

import httpx
import pytest

from recsys.db.connect import Connection
from recsys.serving.app import create_app
from recsys.serving.pages.sessions import COOKIE
from recsys.settings import Settings
from tests.serving.conftest import Api, Keys, client_of, new_key
from tests.serving.pages_routes import routes_of
from tests.serving.pages_visits import page, text_of, value, visit


@pytest.fixture
def user_id(conn: Connection) -> int:
    """A user with a list of the model's."""
    return value(
        conn, "SELECT min(user_id) FROM recommendations WHERE source = 'model' AND rank = 1"
    )


# what is on them


def test_home_begins_with_movies_and_names_the_live_week(
    settings: Settings, keys: Keys, conn: Connection
) -> None:
    response = page(settings, keys.read, "/")
    assert response.status_code == 200
    top = value(
        conn,
        "SELECT movie_id FROM recommendations GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1",
    )
    assert f"movies/{top}" in response.text
    as_of = value(conn, "SELECT as_of FROM publications WHERE is_live")
    assert f"weeks/{as_of}" in response.text
    assert response.text.index("movies/") < response.text.index("Champion")


def test_a_user_has_history_and_the_list_as_it_was_published(
    settings: Settings, keys: Keys, conn: Connection, user_id: int
) -> None:
    response = page(settings, keys.read, f"/users/{user_id}")
    assert response.status_code == 200
    listed = conn.execute(
        "SELECT movie_id FROM recommendations WHERE user_id = %s ORDER BY rank", [user_id]
    ).fetchall()
    own = response.text[response.text.index('id="recommended"') :]
    ids = [int(text) for text in re.findall(r'class="title" href="\.\./movies/(\d+)"', own)]
    assert ids == [row.movie_id for row in listed]
    n = value(conn, "SELECT count(DISTINCT movie_id) FROM ratings WHERE user_id = %s", user_id)
    assert f"{n} movies rated" in text_of(response)


def test_a_reason_cites_movies_that_the_user_liked(
    settings: Settings, keys: Keys, conn: Connection, user_id: int
) -> None:
    """As though the model had cited one for the first movie of a list, and none for the others."""
    liked = value(
        conn, "SELECT min(movie_id) FROM ratings WHERE user_id = %s AND rating >= 4", user_id
    )
    conn.execute(
        "UPDATE published_lists SET reason_kind = 'exact', cited = ARRAY[%s::bigint], "
        "contributions = ARRAY[0.5] WHERE user_id = %s",
        [liked, user_id],
    )
    text = page(settings, keys.read, f"/users/{user_id}").text
    why = text[text.index("Because you liked") :]
    assert re.search(r"movies/(\d+)", why)[1] == str(liked)
    assert text.count("Because you liked") == 1


def test_what_the_user_rated_since_is_said_to_be_left_out(
    settings: Settings, keys: Keys, conn: Connection, user_id: int
) -> None:
    assert "apps leave it out" not in page(settings, keys.read, f"/users/{user_id}").text
    movie_id = value(
        conn, "SELECT movie_id FROM recommendations WHERE user_id = %s AND rank = 2", user_id
    )
    rating = {"user_id": user_id, "movie_id": movie_id, "rating": 4}
    assert Api(settings, keys.write).post("/v1/ratings", json=rating).status_code == 201
    text = page(settings, keys.read, f"/users/{user_id}").text
    assert text.count("apps leave it out") == 1
    assert text.index("apps leave it out") > text.index(f"movies/{movie_id}")


def test_no_score_is_shown_as_a_share(settings: Settings, keys: Keys, user_id: int) -> None:
    assert "%" not in text_of(page(settings, keys.read, f"/users/{user_id}"))


def test_a_user_that_nobody_knows_gets_the_fallback_and_a_page_that_says_so(
    settings: Settings, keys: Keys, conn: Connection
) -> None:
    response = page(settings, keys.read, "/users/987654321")
    assert response.status_code == 200
    assert "has no list in this publication" in text_of(response)
    first = value(
        conn,
        "SELECT movie_id FROM api.fallback JOIN api.live ON origin_id = fallback.publication_id "
        "ORDER BY place LIMIT 1",
    )
    assert f"movies/{first}" in response.text


def test_filters_leave_the_movies_that_pass_them(
    settings: Settings, keys: Keys, conn: Connection, user_id: int
) -> None:
    query = """SELECT min(c.genres[1])
               FROM recommendations JOIN catalogue c USING (movie_id)
               WHERE user_id = %s AND c.genres <> '{}'"""
    genre = value(conn, query, user_id)
    response = page(settings, keys.read, f"/users/{user_id}", params={"genre": genre})
    own = response.text[response.text.index('id="recommended"') :]
    shown = [int(text) for text in re.findall(r'class="title" href="\.\./movies/(\d+)"', own)]
    passing = conn.execute(
        "SELECT m.movie_id FROM api.lists JOIN api.live USING (publication_id), "
        "unnest(movie_ids) WITH ORDINALITY m (movie_id, rank) JOIN catalogue c USING (movie_id) "
        "WHERE user_id = %s AND %s = ANY (c.genres) ORDER BY rank LIMIT 10",
        [user_id, genre],
    )
    assert shown == [row.movie_id for row in passing]


def test_a_movie_has_its_facts_and_who_is_recommended_it(
    settings: Settings, keys: Keys, conn: Connection
) -> None:
    movie_id = value(conn, "SELECT min(movie_id) FROM recommendations")
    director = value(conn, "SELECT directors[1] FROM catalogue WHERE movie_id = %s", movie_id)
    n = value(conn, "SELECT count(*) FROM recommendations WHERE movie_id = %s", movie_id)
    assert (director or "not known") in text_of(page(settings, keys.read, f"/movies/{movie_id}"))
    audience = page(settings, keys.read, f"/movies/{movie_id}?part=audience")
    assert f"It is in {n} of" in text_of(audience)
    rated = value(conn, "SELECT count(DISTINCT user_id) FROM ratings WHERE movie_id = %s", movie_id)
    assert f"{rated} rating" in text_of(
        page(settings, keys.read, f"/movies/{movie_id}?part=ratings")
    )


def test_a_title_from_a_drop_is_escaped(settings: Settings, keys: Keys, conn: Connection) -> None:
    movie_id = value(conn, "SELECT min(movie_id) FROM recommendations")
    conn.execute(
        "UPDATE movies SET title = '<script>alert(1)</script> & \"q\" (1999)' WHERE movie_id = %s",
        [movie_id],
    )
    for view in ("mv_catalogue", "mv_search_words", "mv_search_movies"):
        conn.execute(f"REFRESH MATERIALIZED VIEW {view}".encode())
    for path in (f"/movies/{movie_id}", "/search?q=alert"):
        response = page(settings, keys.read, path)
        assert "<script>alert" not in response.text
        assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp;" in response.text


def test_before_anything_is_published_pages_say_so(
    settings: Settings, keys: Keys, conn: Connection
) -> None:
    conn.execute("UPDATE publications SET is_live = false")
    for path in ("/", "/users/1", "/movies/1?part=audience"):
        assert "Nothing is published yet" in text_of(page(settings, keys.read, path)), path


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nowhere", 404),
        ("/movies/999999999", 404),
        ("/users/99999999999999999999", 404),
        ("/users/1?as_of=yesterday", 422),
        ("/users/1?as_of=1990-01-01", 404),
        ("/users/1?skip=-1", 422),
        ("/search?q=%00%25_", 200),
        ("/search?q=" + "a" * 5_000, 200),
    ],
)
def test_odd_addresses_get_a_page_that_says_what_is_wrong(
    settings: Settings, keys: Keys, path: str, status: int
) -> None:
    response = page(settings, keys.read, path, headers={"Accept": "text/html"})
    assert response.status_code == status
    assert response.headers["content-type"].startswith("text/html")


def test_htmx_gets_a_part_and_no_frame(settings: Settings, keys: Keys, user_id: int) -> None:
    part = page(
        settings, keys.read, f"/users/{user_id}?part=history", headers={"HX-Request": "true"}
    )
    assert "<html" not in part.text
    assert "movies/" in part.text


# who may see them


def test_nobody_opens_any_route(settings: Settings) -> None:
    app = create_app(settings)
    routes = routes_of(app)
    assert len(routes) > 4

    async def answers() -> dict[str, int]:
        async with client_of(settings) as client:
            return {
                f"{method} {path}": (await client.request(method, path)).status_code
                for method, path in routes
            }

    refused = asyncio.run(answers())
    assert refused.pop("GET /static/style.css") == 200  # the sign-in page's own
    assert set(refused.values()) <= {401, 403}, refused


def test_a_session_that_ended_meanwhile_leads_to_signing_in(settings: Settings) -> None:
    async def part() -> httpx.Response:
        async with client_of(settings) as client:
            return await client.get("/movies/1?part=audience", headers={"HX-Request": "true"})

    response = asyncio.run(part())
    assert response.status_code == 401
    assert response.headers["hx-refresh"] == "true"
    assert response.text == ""


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/redoc", "/static/htmx.min.js"])
def test_nobody_opens_what_frameworks_add(settings: Settings, path: str) -> None:
    async def answer() -> int:
        async with client_of(settings) as client:
            return (await client.get(path)).status_code

    assert asyncio.run(answer()) in (401, 403, 404)


def test_the_key_is_nowhere_in_what_the_browser_keeps(settings: Settings, keys: Keys) -> None:
    async def cookie() -> httpx.Response:
        async with client_of(settings) as client:
            return await client.post("/sign-in", data={"key": keys.read, "next": "users/1?skip=5"})

    response = asyncio.run(cookie())
    header = response.headers["set-cookie"].lower()
    secret = keys.read.split("_", 2)[2]
    assert secret.lower() not in header
    assert "httponly" in header and "samesite=strict" in header and "max-age=28800" in header
    assert response.headers["location"] == "./users/1?skip=5"
    assert secret not in response.headers["location"]


@pytest.mark.parametrize(
    "place", ["//evil.example", "https://evil.example", "\\evil", "/x", "a//b"]
)
def test_signing_in_leads_to_a_page_of_ours(settings: Settings, keys: Keys, place: str) -> None:
    async def location() -> str:
        async with client_of(settings) as client:
            answer = await client.post("/sign-in", data={"key": keys.read, "next": place})
            return answer.headers["location"]

    assert asyncio.run(location()) == "./"


@pytest.mark.parametrize("kind", ["write", "of a user", "made up", ""])
def test_a_key_that_does_not_read_everyone_does_not_sign_in(
    settings: Settings, keys: Keys, conn: Connection, kind: str
) -> None:
    key = {
        "write": keys.write,
        "of a user": new_key(conn, "read", user_id=1),
        "made up": keys.read[:-4] + "aaaa",
        "": "",
    }[kind]

    async def answer() -> httpx.Response:
        async with client_of(settings) as client:
            return await client.post("/sign-in", data={"key": key})

    response = asyncio.run(answer())
    assert response.status_code == 401
    assert "set-cookie" not in response.headers


def test_a_revoked_key_opens_nothing_more(settings: Settings, keys: Keys, conn: Connection) -> None:
    async def revoked(client: httpx.AsyncClient) -> list[int]:
        before = (await client.get("/")).status_code
        conn.execute("UPDATE api_keys SET revoked_at = now()")
        await asyncio.sleep(1.1)  # what a process trusts a key for
        return [before, (await client.get("/")).status_code]

    assert visit(settings, keys.read, revoked) == [200, 401]


@pytest.mark.parametrize("part", range(4))
def test_a_cookie_that_was_changed_opens_nothing(settings: Settings, keys: Keys, part: int) -> None:
    async def forged(client: httpx.AsyncClient) -> int:
        pieces = client.cookies[COOKIE].split(".")
        pieces[part] = pieces[part][:-1] + ("1" if pieces[part][-1] != "1" else "2")
        client.cookies.clear()
        client.cookies.set(COOKIE, ".".join(pieces))
        return (await client.get("/")).status_code

    assert visit(settings, keys.read, forged) == 401


# what they do not let through


def test_signing_out_takes_the_forms_token(settings: Settings, keys: Keys) -> None:
    async def out(client: httpx.AsyncClient) -> list[int]:
        bare = await client.post("/sign-out")
        wrong = await client.post("/sign-out", data={"csrf": "0" * 64})
        home = await client.get("/")
        token = re.search(r'name="csrf" value="(\w+)"', home.text)[1]
        other_site = await client.post(
            "/sign-out", data={"csrf": token}, headers={"Sec-Fetch-Site": "cross-site"}
        )
        right = await client.post("/sign-out", data={"csrf": token})
        after = await client.get("/")
        return [each.status_code for each in (bare, wrong, other_site, right, after)]

    assert visit(settings, keys.read, out) == [403, 403, 403, 303, 401]


def test_every_answer_has_a_strict_policy(settings: Settings, keys: Keys) -> None:
    for path in ("/", "/movies/999999999", "/static/style.css"):
        policy = page(settings, keys.read, path).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy


def test_templates_have_no_inline_script_or_style() -> None:
    from recsys.serving.pages.rendering import HERE

    for path in (HERE / "templates").glob("*.jinja"):
        text = path.read_text()
        assert not re.search(r"<script(?! src)|<style|\sstyle=|\son\w+=|\|\s*safe", text), path.name
        assert not re.search(r"""(href|src|action|hx-get|hx-post)=["']/""", text), path.name


def test_the_api_keeps_its_own_errors(settings: Settings, keys: Keys) -> None:
    for path in ("/v1/nowhere", "/nowhere"):
        response = page(settings, keys.read, path)
        assert response.status_code == 404
        assert response.headers["content-type"] == "application/problem+json"
