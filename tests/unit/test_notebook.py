"""The notebook of docs/notebooks runs from its first cell to its last, and is kept without
outputs.
"""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.pages import ROOT

NOTEBOOK = ROOT / "docs" / "notebooks" / "recsys.ipynb"
#: Runs the cells in order in one namespace, as a kernel does, and prints the last expression of
#: each as a kernel shows it.
RUN = """
import ast, json, sys
names = {"__name__": "__main__"}
for cell in json.load(open(sys.argv[1]))["cells"]:
    if cell["cell_type"] == "code":
        body = ast.parse("".join(cell["source"])).body
        last = body.pop() if isinstance(body[-1], ast.Expr) else None
        exec(compile(ast.Module(body, []), cell["id"], "exec"), names)
        if last is not None:
            print(eval(compile(ast.Expression(last.value), cell["id"], "eval"), names))
"""


def cells() -> list[dict[str, Any]]:
    return json.loads(NOTEBOOK.read_text())["cells"]


def test_it_is_kept_without_outputs() -> None:
    code = [cell for cell in cells() if cell["cell_type"] == "code"]
    assert len(code) >= 5
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


@pytest.mark.slow
def test_every_cell_runs_in_order() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "MOVIELENS"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", RUN, NOTEBOOK],
        cwd=ROOT,
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "25,000 ratings by 400 users of 500 movies" in done.stdout
    for column in ("because of", "contribution", "NDCG@10", "low", "cold users"):
        assert column in done.stdout
