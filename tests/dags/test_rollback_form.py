"""The form of rollback_publication: a list where the database can be asked, a field where it
cannot.
"""

import copy
import socket
import time
from typing import Any

import pytest

from tests import airflow_home  # noqa: F401 - chooses Airflow's home

OFFERED = {
    12: "12: week 2018-09-24, als version 3, 610 users, live now",
    11: "11: week 2018-09-17, als version 2, 609 users",
}


def resolved(params: Any, name: str, value: Any) -> Any:
    return copy.copy(params[name]).resolve(value)


def refused(params: Any, name: str, value: Any) -> bool:
    from airflow.sdk.exceptions import ParamValidationError

    try:
        resolved(params, name, value)
    except ParamValidationError:
        return True
    return False


def test_a_list_of_what_there_is() -> None:
    from recsys_airflow.params import rollback_params

    params = rollback_params(OFFERED)
    schema = params["publication_id"].schema
    assert schema["enum"] == [None, 12, 11], "the newest first, after what an empty form means"
    usual = "the newest that was live before the present one and was not rolled back from"
    assert schema["values_display"] == {"null": usual, "12": OFFERED[12], "11": OFFERED[11]}
    assert [resolved(params, "publication_id", value) for value in (None, 12)] == [None, 12]
    assert refused(params, "publication_id", 10)


def test_a_field_where_there_is_nothing_to_list() -> None:
    from recsys_airflow.params import rollback_params

    params = rollback_params({})
    assert "enum" not in params["publication_id"].schema
    assert [resolved(params, "publication_id", value) for value in (None, 10)] == [None, 10]
    assert refused(params, "publication_id", 0) and refused(params, "publication_id", "ten")


def test_a_reason_must_be_given() -> None:
    from recsys_airflow.params import rollback_params

    params = rollback_params(OFFERED)
    assert resolved(params, "reason", "too much horror") == "too much horror"
    assert refused(params, "reason", "    ") and refused(params, "reason", "\n\t  ")
    assert (
        refused(params, "reason", "")
        and refused(params, "reason", "hm")
        and refused(params, "reason", None)
    )
    assert not params["reason"].has_value


def test_without_an_answer_the_file_still_parses(rollback) -> None:
    assert "enum" not in rollback.params.get_param("publication_id").schema


def test_an_empty_database_offers_nothing(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from recsys_airflow.publications import past_publications

    monkeypatch.setenv("AIRFLOW_CONN_RECSYS_DB", database_url)
    assert past_publications() == {}


def test_a_database_that_does_not_answer_holds_no_parse_up(monkeypatch: pytest.MonkeyPatch) -> None:
    from recsys_airflow.publications import PATIENCE, past_publications

    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv(
            "AIRFLOW_CONN_RECSYS_DB",
            f"postgresql://nobody:none@127.0.0.1:{silent.getsockname()[1]}/recsys",
        )
        started = time.monotonic()
        assert past_publications() == {}
    assert time.monotonic() - started < PATIENCE + 2


def test_no_connection_at_all_holds_no_parse_up(monkeypatch: pytest.MonkeyPatch) -> None:
    from recsys_airflow.publications import past_publications

    monkeypatch.setenv("AIRFLOW_CONN_RECSYS_DB", "nonsense")
    assert past_publications() == {}
