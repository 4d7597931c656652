"""The clock of a load, its figures, and what counts as a wrong answer."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest

from bench.serving.changes import Changes, wrong_answers
from bench.serving.driving import drive
from bench.serving.figures import Figure, Target, ratio
from bench.serving.load import Answer, Load, Measured, Request
from bench.serving.memory import Memory, memory_of, sharing
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


# memory

TOUCH = """
import sys
import numpy as np
array = np.load(sys.argv[1], mmap_mode="c")
if len(sys.argv) > 2:
    array += 1
print(array.sum(), flush=True)
sys.stdin.read()
"""


@contextmanager
def readers_of(path: Path, n: int, *more: str) -> Iterator[list[psutil.Process]]:
    """Processes that have mapped an array and read all of it."""
    command = [sys.executable, "-c", TOUCH, str(path), *more]
    with ExitStack() as stack:
        readers = [
            stack.enter_context(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            )
            for _ in range(n)
        ]
        for reader in readers:
            assert reader.stdout and reader.stdout.readline()
        yield [psutil.Process(reader.pid) for reader in readers]


@pytest.mark.slow
def test_a_mapped_file_is_shared_by_those_who_read_it_and_not_by_those_who_write(
    tmp_path: Path,
) -> None:
    path = tmp_path / "array.npy"
    np.save(path, np.ones(1_000_000))
    with readers_of(path, 2) as processes:
        read = [memory_of(process, tmp_path) for process in processes]
        assert all(8e6 < memory.mapped < 9e6 for memory in read)
        assert memory_of(processes[0], tmp_path / "other").mapped == 0
    all_read, copied = sharing(read)
    assert all_read.shown.startswith("15.3 MiB resident in all, 7.6 in") and copied.met
    with readers_of(path, 2, "write") as processes:
        written = [memory_of(process, tmp_path) for process in processes]
    assert all(memory.copied > 7.9e6 for memory in written)
    assert sharing(written)[1].met is False


def test_a_champion_too_small_to_be_mapped_is_said_and_no_miss() -> None:
    (figure,) = sharing([Memory(10, 5, 0, 0, 0)])
    assert figure.met is None and "too small" in figure.shown
