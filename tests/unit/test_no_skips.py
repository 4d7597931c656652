"""A test that skips fails its run, and is seen; so does one that is expected to fail."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SKIPS = {
    "in the test": "def test_it():\n    pytest.skip('no network')",
    "by a mark": "@pytest.mark.skipif(True, reason='no network')\ndef test_it():\n    pass",
    "expected to fail": "@pytest.mark.xfail(reason='no network')\ndef test_it():\n    assert False",
    "as a module": "pytest.importorskip('no_such_module', reason='no network')",
}


def run(folder: Path, code: str, user: int = 0) -> subprocess.CompletedProcess[str]:
    """Run one module of tests, as it were by another user, beside another test, which passes."""
    (folder / "conftest.py").write_text(
        f"import os\nfrom tests.no_skips import *\nos.geteuid = lambda: {user}"
    )
    (folder / "test_other.py").write_text("def test_other():\n    pass")
    (folder / "test_it.py").write_text(f"import pytest\n\n{code}\n")
    options = ["-c", os.devnull, "-W", "ignore", "--rootdir", str(folder), "-p", "no:cacheprovider"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(folder)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("how", SKIPS)
def test_a_test_that_skips_fails(how: str, tmp_path: Path) -> None:
    done = run(tmp_path, SKIPS[how])
    assert done.returncode != 0
    assert "A test that skips checks nothing, unseen." in done.stdout
    assert "no network" in done.stdout


def test_tests_that_pass_pass(tmp_path: Path) -> None:
    assert run(tmp_path, "def test_it():\n    pass").returncode == 0


def test_what_only_root_can_do_is_deselected_and_counted(tmp_path: Path) -> None:
    code = "@pytest.mark.root\ndef test_it():\n    pass"
    assert "2 passed" in run(tmp_path, code).stdout
    assert "1 passed, 1 deselected" in run(tmp_path, code, user=1_000).stdout
