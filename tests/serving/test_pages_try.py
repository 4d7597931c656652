"""Try it: lists for ratings that are in the address alone."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from recsys.db.connect import Connection
from recsys.serving.database import Database
from recsys.serving.pages.access import Visitor
from recsys.serving.pages.app import pages_app
from recsys.serving.pages.asks import ApiAway, HttpAsks
from recsys.serving.pages.means import Means
from recsys.settings import Settings
from tests.serving.conftest import Api, Keys
from tests.serving.pages_visits import page, text_of


@pytest.fixture
def ratings(conn: Connection) -> list[int]:
    """Movies that most users rated."""
    rows = conn.execute(
        "SELECT movie_id FROM ratings GROUP BY movie_id ORDER BY count(*) DESC, movie_id LIMIT 6"
    )
    return [row.movie_id for row in rows]


def address(movie_ids: list[int], **more: Any) -> str:
    query = httpx.QueryParams([("rated", f"{each}-5") for each in movie_ids])
    return f"/try?{query.merge(more)}"


def own_list(response: httpx.Response) -> list[int]:
    text = response.text[response.text.index('id="list"') :]
    return [int(each) for each in re.findall(r'class="title" href="\./movies/(\d+)"', text)]


def test_the_list_is_the_one_that_the_api_gives(
    settings: Settings, keys: Keys, ratings: list[int]
) -> None:
    response = page(settings, keys.predict, address(ratings))
    assert response.status_code == 200
    body = {
        "ratings": [{"movie_id": each, "rating": 5} for each in ratings],
        "n": 12,
        "fold_in": True,
    }
    answer = Api(settings, keys.predict).post("/v1/recommendations:for-ratings", json=body)
    assert own_list(response) == [item["movie_id"] for item in answer.json()["items"]]
    assert not set(own_list(response)) & set(ratings)


def test_another_rating_changes_it_and_taking_it_back_restores_it(
    settings: Settings, keys: Keys, ratings: list[int]
) -> None:
    few = own_list(page(settings, keys.predict, address(ratings[:3])))
    more = own_list(page(settings, keys.predict, address(ratings)))
    assert few != more
    dropped = "&".join(f"drop={each}" for each in ratings[3:])
    assert own_list(page(settings, keys.predict, f"{address(ratings)}&{dropped}")) == few


def test_a_key_that_only_reads_gets_a_page_that_says_so(
    settings: Settings, keys: Keys, ratings: list[int]
) -> None:
    assert "reads only" in text_of(page(settings, keys.read, address(ratings)))


@pytest.mark.parametrize("rated", ["x", "1", "1-9", "-1-5", "1-5-5", "9" * 30 + "-5", "1-0"])
def test_ratings_that_are_none_are_left_aside(settings: Settings, keys: Keys, rated: str) -> None:
    response = page(settings, keys.predict, "/try", params={"rated": rated})
    assert response.status_code == 200
    assert "None yet" in text_of(response)


def test_a_rating_of_no_movie_leaves_the_list_of_the_others(
    settings: Settings, keys: Keys, ratings: list[int]
) -> None:
    with_others = f"{address(ratings)}&rated=987654321-5"
    own = own_list(page(settings, keys.predict, with_others))
    assert own == own_list(page(settings, keys.predict, address(ratings)))
    nothing = page(settings, keys.predict, "/try?rated=987654321-5")
    assert "None yet" in text_of(nothing)


class Open:
    """Lets everybody in, as somebody else's login would."""

    secret = b"a test"

    async def visitor(self, _request: Any) -> Visitor:
        return Visitor("ada", "a test")

    async def refuse(self, _request: Any) -> Any:
        raise AssertionError

    async def is_operator(self, _request: Any, _visitor: Visitor) -> bool:
        return False


def opened(settings: Settings, asks: Any, path: str) -> httpx.Response:
    async def talk() -> httpx.Response:
        app = pages_app(Database.of(settings), Open(), Means(asks), opens_database=True)
        transport = httpx.ASGITransport(app=app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://pages") as client,
        ):
            return await client.get(path)

    return asyncio.run(talk())


def test_where_the_api_is_away_the_page_says_so_and_stays(
    settings: Settings, ratings: list[int]
) -> None:
    away = settings.model_copy(update={"api_url": "http://127.0.0.1:1"})
    response = opened(settings, HttpAsks(away), address(ratings))
    assert response.status_code == 200
    assert "The model cannot be asked now" in text_of(response)
    assert "no address of the API" in text_of(
        opened(settings, HttpAsks(settings), address(ratings))
    )


def test_a_failure_of_the_api_is_no_failure_of_the_page(
    settings: Settings, ratings: list[int]
) -> None:
    class Failing:
        async def for_ratings(self, _body: Mapping[str, Any]) -> dict[str, Any]:
            raise ApiAway("the API answered 503")

    response = opened(settings, Failing(), address(ratings))
    assert response.status_code == 200
    assert "answered 503" in text_of(response)
