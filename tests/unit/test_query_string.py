"""The query of a list: what is remembered of those that came."""

from recsys.serving.query_string import read_query, remembered_query


def test_a_query_that_came_before_is_not_read_again() -> None:
    query = b"n=7&genre=Comedy"
    assert read_query(query) is read_query(query)


def test_a_long_query_is_not_remembered() -> None:
    query = "&".join(f"exclude={number}" for number in range(1_000)).encode()
    before = remembered_query.cache_info().currsize
    assert read_query(query).exclude == list(range(1_000))
    assert remembered_query.cache_info().currsize == before
