"""Outside `recsys.models`, recipes are looked up in the dict and used by their contract."""

import ast
from collections.abc import Iterator
from pathlib import Path

from recsys.models import MODELS

RECSYS = Path(__file__).resolve().parents[2] / "recsys"
#: Modules of the contract; the others belong to one recipe each.
SHARED = {
    "recsys.models",
    "recsys.models.base",
    "recsys.models.described",
    "recsys.models.explanation",
    "recsys.models.saved_arrays",
    "recsys.models.top_n",
}


def nodes_outside_models() -> Iterator[tuple[str, ast.AST]]:
    for path in sorted(RECSYS.rglob("*.py")):
        module = path.relative_to(RECSYS).as_posix()
        if not module.startswith("models/"):
            for node in ast.walk(ast.parse(path.read_text())):
                yield module, node


def test_no_recipe_is_imported_by_its_module() -> None:
    imports = {
        (module, node.module)
        for module, node in nodes_outside_models()
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("recsys.models")
    }
    assert imports
    assert {each for each in imports if each[1] not in SHARED} == set()


def test_nothing_is_compared_with_a_recipes_name() -> None:
    compared = []
    for module, node in nodes_outside_models():
        if isinstance(node, ast.Compare):
            names = {part.value for part in ast.walk(node) if isinstance(part, ast.Constant)}
            # "popularity" is an outcome of a decision as well
            if names & MODELS.keys() and not module.endswith("promotion/decision.py"):
                compared.append((module, node.lineno))
    assert compared == []
