"""The sources of drops are in one dict, which is read without importing them."""

import subprocess
import sys

import pytest

from recsys.ingest import SOURCES, source_of


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_is_found_by_the_name_that_it_has(name: str) -> None:
    assert source_of(name).name == name


def test_the_names_are_there_before_anything_is_read() -> None:
    code = "import sys, recsys.drops.cli; print('pyarrow' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
