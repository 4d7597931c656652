"""What a package offers is what its `__all__` names."""

import ast
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("recsys", "plugins/recsys_airflow")
PACKAGES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("__init__.py"))
#: What may be imported by the code of this repository.
CODE = sorted(
    path
    for folder in ("recsys", "plugins", "dags", "stack", "bench", "tests")
    for path in (ROOT / folder).rglob("*.py")
)


def name_of(package: Path) -> str:
    parts = package.parent.relative_to(ROOT).parts
    return ".".join(part for part in parts if part != "plugins")


def defined_in(package: Path) -> set[str]:
    """Return the names that an `__init__` assigns or defines."""
    names: set[str] = set()
    for node in ast.parse(package.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return {name for name in names if not name.startswith("_")}


@cache
def imports() -> set[tuple[str, str]]:
    """Return (module, name) of each `from module import name` of the repository's code."""
    return {
        (str(node.module), alias.name)
        for path in CODE
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def imported_from(package: str) -> set[str]:
    """Return what the repository's code imports from a package, its modules among it."""
    return {name for module, name in imports() if module == package}


@pytest.mark.parametrize("path", PACKAGES, ids=name_of)
def test_a_package_names_what_it_offers(path: Path) -> None:
    package = import_module(name_of(path))
    offered = set(getattr(package, "__all__", ()))
    modules = {each.stem for each in path.parent.iterdir()}
    assert offered or not defined_in(path)
    assert imported_from(package.__name__) - modules <= offered
    assert all(hasattr(package, name) for name in offered)
