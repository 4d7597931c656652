"""The notebook of docs/notebooks runs from its first cell to its last, and is kept without
outputs.
"""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

from tests.pages import ROOT

NOTEBOOK = ROOT / "docs" / "notebooks" / "recsys.ipynb"


def read_notebook() -> NotebookNode:
    return nbformat.read(NOTEBOOK, as_version=4)


def outputs_of(notebook: NotebookNode) -> str:
    """Return what the cells show, as text."""
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    return "\n".join(
        output.text if output.output_type == "stream" else output.data["text/plain"]
        for output in outputs
    )


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_it_is_kept_without_outputs() -> None:
    notebook = read_notebook()
    nbformat.validate(notebook)
    cells = code_cells(notebook)
    assert len(cells) >= 5
    assert all(cell.outputs == [] and cell.execution_count is None for cell in cells)


@pytest.mark.slow
def test_every_cell_runs_in_a_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MOVIELENS", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    notebook = read_notebook()
    where = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=where).execute()
    shown = outputs_of(notebook)
    assert "25,000 ratings by 400 users of 500 movies" in shown
    for column in ("because of", "contribution", "NDCG@10", "low", "cold users"):
        assert column in shown
