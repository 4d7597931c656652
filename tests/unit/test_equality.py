"""`make equality` fails where anything computed differs, and on another CPU says so."""

import pytest

from bench.equality import compare

COMPUTED = {"cpu": "one", "dated exams: decisions": [{"as_of": "2018-09-17", "recipe_key": "als"}]}


def test_equal_results_pass() -> None:
    assert compare(COMPUTED, dict(COMPUTED)) == 0


@pytest.mark.parametrize("rows", [[], [{"as_of": "2018-09-17", "recipe_key": "ease"}]])
def test_another_row_fails_and_is_shown(
    rows: list[dict[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare(COMPUTED, COMPUTED | {"dated exams: decisions": rows}) == 1
    assert "expected {'as_of': '2018-09-17', 'recipe_key': 'als'}" in capsys.readouterr().out


def test_a_query_that_is_gone_fails() -> None:
    assert compare(COMPUTED, {"cpu": "one"}) == 1


def test_another_cpu_alone_passes_and_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(COMPUTED, COMPUTED | {"cpu": "two"}) == 0
    assert "this CPU is two" in capsys.readouterr().out
