"""The clock of a load, its figures, and what counts as a wrong answer."""

import asyncio

import pytest

from bench.serving.changes import Changes, wrong_answers
from bench.serving.driving import drive
from bench.serving.figures import Figure, Target, ratio
from bench.serving.load import Answer, Load, Measured, Request
from bench.serving.statement import LISTS, arguments_of

REQUESTS = [Request("/one", 1), Request("/two", 2)]


async def stall(_request: Request, measured: Measured) -> int:
    """Answer the first request late, the others at once."""
    await asyncio.sleep(0.2 if not measured.latencies else 0)
    return 200


def test_a_rate_is_kept_whatever_the_answers_take() -> None:
    async def slow(_request: Request, _measured: Measured) -> int:
        await asyncio.sleep(0.3)
        return 200

    measured = asyncio.run(drive(Load(REQUESTS, seconds=0.2, rate=50), slow))
    assert measured.statuses == {"200": 10}
    assert measured.seconds < 1
    assert measured.percentile(50) > 250


def test_back_to_back_waits_for_each_answer() -> None:
    load = Load(REQUESTS, seconds=0.3, connections=2)

    async def slow(_request: Request, _measured: Measured) -> int:
        await asyncio.sleep(0.1)
        return 503

    measured = asyncio.run(drive(load, slow))
    assert 2 <= len(measured.latencies) <= 8
    assert measured.n_errors == len(measured.latencies)


def test_what_was_measured_survives_the_way_to_another_process() -> None:
    measured = Measured([0.1], {"200": 1}, 1.0, 0.5, [Answer(5.0, 1, 200, {"items": []})])
    assert Measured.from_json(measured.to_json()) == measured
    load = Load(REQUESTS, 2.0, 10.0, keeps_answers=True)
    assert Load.from_json(load.to_json()) == load


def test_the_bare_loop_has_all_arguments_of_the_apis_statement() -> None:
    arguments = arguments_of(42, 10)
    assert len(arguments) == len(LISTS.names)
    assert [42] in arguments and 10 in arguments


def test_a_ratio_is_held_against_its_target() -> None:
    assert ratio("x", 6, 2, Target("≤", 3)).met
    assert not ratio("x", 6, 1.9, Target("≤", 3)).met
    assert Figure("shown alone", "1").met is None


WHOLE = {(7, 1): [10, 11, 12, 13]}


@pytest.mark.parametrize(
    ("movies", "at", "torn", "withdrawn"),
    [
        ([10, 11, 12], 0.0, 0, 0),
        ([10, 12, 13], 0.0, 0, 0),  # 11 was withdrawn meanwhile
        ([10, 12, 13], 9.0, 0, 0),
        ([10, 11, 12], 9.0, 0, 1),  # long after its withdrawal
        ([10, 12, 11], 0.0, 1, 0),  # another order
        ([10, 13, 14], 0.0, 1, 0),  # of another list
        ([10, 11], 0.0, 1, 0),  # too short
    ],
)
def test_an_answer_is_its_publications_list_less_what_was_withdrawn(
    movies: list[int], at: float, torn: int, withdrawn: int
) -> None:
    body = {"publication": 7, "items": [{"movie_id": movie} for movie in movies]}
    changes = Changes(withdrawn_at={11: 5.0})
    faults = wrong_answers([Answer(at, 1, 200, body)], WHOLE, changes, n=3)
    assert (faults.torn, faults.withdrawn) == (torn, withdrawn)
