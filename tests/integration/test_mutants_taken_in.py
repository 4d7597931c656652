"""`python -m bench.mutants`: damaged drops, taken in for real, end as the independent parser
says.
"""

from pathlib import Path

import pytest

from bench.mutants.__main__ import main
from bench.mutants.worker import Task, Worker


def test_mutants_end_as_the_independent_parser_says(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["--count", "25"])
    printed = capsys.readouterr().out
    assert "25 of 25 ended as they should." in printed, printed
    assert status == 0


def test_a_drop_that_takes_too_long_is_ended_and_the_next_is_taken_in(
    database_url: str, tmp_path: Path
) -> None:
    worker = Worker(tmp_path)
    try:
        task = Task(database_url, str(tmp_path / "drops"))
        worker.begin(task)
        assert worker.observed(limit_s=0.0) is None
        worker.begin(task)
        observed = worker.observed(limit_s=60.0)
    finally:
        worker.stop()
    assert observed is not None
    assert (observed.state, observed.error, observed.crash, observed.printed) == (
        "not registered",
        "",
        "",
        "",
    )
