"""No test skips in silence: one that skips, or may fail, fails; what cannot run here is deselected.

tests/conftest.py takes these hooks in.
"""

import os
from collections.abc import Generator
from typing import TypeVar

import pytest

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)
REFUSAL = "A test that skips checks nothing, unseen. Run it, or mark it for another target:"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Report a test that skips, or is expected to fail, as failed."""
    return refused((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Report a module that skips as failed."""
    return refused((yield))


def refused(report: Report) -> Report:
    """Return the report, as a failure where it says skipped."""
    if report.skipped:
        report.outcome = "failed"
        # pytest counts no failure that has the reason for which it is expected
        reason = vars(report).pop("wasxfail", report.longrepr)
        report.longrepr = f"{REFUSAL} {reason}"
    return report


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect what only root can do where another user runs the tests."""
    if os.geteuid() == 0:
        return
    left_out = [item for item in items if item.get_closest_marker("root")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
