"""The ledger's routes: publications, models, weeks, experiments."""

import json

import pytest

from recsys.db.connect import Connection
from recsys.promotion.live import go_live
from tests.serving.conftest import Api, Keys, World
from tests.serving.test_problems import assert_problem

LISTS = ("/v1/publications", "/v1/models", "/v1/experiments")


def test_publications_say_which_is_live_and_since_when(api: Api, conn: Connection) -> None:
    body = api.get("/v1/publications").json()
    rows = conn.execute("SELECT * FROM publications ORDER BY publication_id DESC").fetchall()
    assert body["total"] == len(rows)
    assert [item["publication"] for item in body["items"]] == [row.publication_id for row in rows]
    (live,) = (item for item in body["items"] if item["is_live"])
    assert live["live"][0]["from"] and live["live"][0]["until"] is None
    assert live["rows_sha256"] == rows[0].rows_sha256


def test_a_rollback_shows_at_once(api: Api, conn: Connection) -> None:
    conn.execute(
        "INSERT INTO publications (publication_key, as_of, watermark, params, recipe_key, "
        "model_version, n_users, n_rows, n_fallback, rows_sha256) SELECT 'other', as_of, "
        "watermark, params, recipe_key, '2', 1, 1, 0, 'x' FROM publications WHERE is_live"
    )
    (other,) = conn.execute("SELECT max(publication_id) AS id FROM publications").fetchall()
    flip = {"cause": "by hand", "reason": "a test", "requested_by": "ada.lovelace", "run_id": ""}
    go_live(conn, {"publication_id": other.id, **flip})
    answer = api.get("/v1/publications")
    assert answer.json()["items"][0]["is_live"]
    assert answer.json()["items"][1]["live"][0]["until"]
    assert "ada.lovelace" not in answer.text


def test_models_say_where_they_come_from(api: Api, conn: Connection) -> None:
    (model,) = api.get("/v1/models").json()["items"]
    (row,) = conn.execute("SELECT * FROM publications WHERE is_live").fetchall()
    assert (model["model_version"], model["recipe"]) == (row.model_version, row.recipe_key)
    assert model["fit_key"] == row.fit_key and model["publications"] == [row.publication_id]
    (figure,) = conn.execute(
        "SELECT value FROM exam_results WHERE (as_of, recipe_key, slice, metric) = "
        "(%s, %s, 'all', 'NDCG@10')",
        [row.as_of, row.recipe_key],
    ).fetchall()
    assert model["exam_ndcg"] == pytest.approx(figure.value)


def test_pages_of_models_and_publications_follow_one_another(api: Api, conn: Connection) -> None:
    conn.execute(
        "INSERT INTO publications (publication_key, as_of, watermark, params, recipe_key, "
        "model_version, n_users, n_rows, n_fallback, rows_sha256) SELECT 'other', as_of, "
        "watermark, params, recipe_key, '2', 1, 1, 0, 'x' FROM publications WHERE is_live"
    )
    for path in ("/v1/models", "/v1/publications"):
        whole = api.get(path).json()["items"]
        pages = [api.get(f"{path}?n=1&offset={at}").json()["items"] for at in (0, 1)]
        assert [item["model_version"] for item in whole] == ["2", "1"]
        assert pages[0] + pages[1] == whole


def test_a_week_has_drops_exam_gates_and_decision(api: Api, conn: Connection, world: World) -> None:
    answer = api.get(f"/v1/weeks/{world.as_of}")
    assert answer.text.count('"NDCG@10"') == 2, "of all users, once a recipe"
    week = answer.json()
    assert {drop["source"] for drop in week["drops"]} >= {"movielens"}
    results = week["exam"]["results"]
    assert {name.split("-")[0] for name in results} == {"popularity", "als"}
    assert all("NDCG@10" in metrics for metrics in results.values())
    (decided,) = conn.execute("SELECT * FROM week_decisions").fetchall()
    assert week["decision"]["champion"] == decided.recipe_key
    assert week["decision"]["reasons"] == decided.reasons
    gates = conn.execute("SELECT sentence FROM gate_verdicts ORDER BY recipe_key, gate").fetchall()
    assert [gate["sentence"] for gate in week["decision"]["gates"]] == [g.sentence for g in gates]
    assert week["was_live"] and week["publication"] and week["seconds"] > 0


def test_a_week_that_is_only_resolved_has_no_exam(api: Api, conn: Connection) -> None:
    conn.execute(
        "INSERT INTO weeks (as_of, watermark, params, resolved_late) "
        "VALUES ('2031-01-06', 1, '{}', false)"
    )
    week = api.get("/v1/weeks/2031-01-06").json()
    assert week["exam"] is week["decision"] is week["publication"] is None
    assert not week["was_live"] and week["drops"] == [], "others' drops are not its own"


def test_a_week_that_never_was_is_a_problem(api: Api) -> None:
    assert_problem(api.get("/v1/weeks/1999-01-04"), 404)
    assert_problem(api.get("/v1/weeks/99"), 422)


def test_experiments_have_their_observed_hits(api: Api, conn: Connection, world: World) -> None:
    assert api.get("/v1/experiments").json() == {"total": 0, "items": []}
    conn.execute(
        "INSERT INTO experiments (name, recipe_key, recipe, share, first_as_of, last_as_of) "
        "VALUES ('e', 'als', '{}', 0.25, %s, %s)",
        [world.as_of, world.as_of],
    )
    conn.execute("UPDATE publications SET experiment = 'e' WHERE is_live")
    conn.execute(
        "INSERT INTO observed_hits SELECT %s, publication_id, %s, 'champion', 'all', 'als', "
        "'NDCG@10', 0.5, 0.4, 0.6, 7 FROM publications WHERE is_live",
        [world.as_of, world.as_of],
    )
    conn.execute(  # of neither arm alone, and of the model's movies alone
        "INSERT INTO observed_hits SELECT as_of, publication_id, since, x.arm, x.source, "
        "recipe_key, metric, value, low, high, n FROM observed_hits, "
        "(VALUES ('all', 'all'), ('champion', 'model')) x (arm, source)"
    )
    (experiment,) = api.get("/v1/experiments").json()["items"]
    assert (experiment["name"], experiment["share"]) == ("e", 0.25)
    (observed,) = experiment["observed"]
    assert (observed["low"], observed["value"], observed["high"]) == (0.4, 0.5, 0.6)


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("query", ["n=0", "n=101", "offset=-1", "offset=10001", "n=x"])
def test_pages_of_the_ledger_have_bounds(api: Api, path: str, query: str) -> None:
    assert_problem(api.get(f"{path}?{query}"), 422)


@pytest.mark.parametrize("path", LISTS)
def test_a_page_beyond_the_end_is_empty_and_knows_the_total(api: Api, path: str) -> None:
    body = api.get(f"{path}?offset=100").json()
    assert body["items"] == [] and body["total"] == api.get(path).json()["total"]


@pytest.mark.parametrize("path", [*LISTS, "/v1/weeks/2018-01-01"])
def test_the_ledger_needs_a_key_that_reads(api: Api, keys: Keys, path: str) -> None:
    assert_problem(api.get(path, key=""), 401)
    assert_problem(api.get(path, key=keys.write), 403)


def test_json_of_the_ledger_has_no_number_that_json_lacks(api: Api, conn: Connection) -> None:
    conn.execute("UPDATE exam_results SET value = 'NaN' WHERE metric = 'NDCG@10'")
    for path in LISTS:
        json.loads(api.get(path).text, parse_constant=pytest.fail)
