"""What a package offers is what its `__all__` names."""

import ast
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("recsys", "plugins/recsys_airflow")
PACKAGES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("__init__.py"))
HOUSE = ROOT / "recsys" / "__init__.py"
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


def modules_in(package: Path) -> set[str]:
    """Return the modules and packages beside an `__init__`."""
    return {
        path.stem
        for path in package.parent.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }


@cache
def imports() -> set[tuple[Path, str, str]]:
    """Return (file, module, name) of each `from module import name` of the repository's code."""
    return {
        (path, str(node.module), alias.name)
        for path in CODE
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def imported_from(package: str) -> set[str]:
    """Return what the repository's code imports from a package, its modules among it."""
    return {name for _, module, name in imports() if module == package}


def modules_used_outside(package: Path) -> set[str]:
    """Return the modules of a package that other code uses; tests may look further inside."""
    name = name_of(package)
    inside = (package.parent, ROOT / "tests")
    modules: set[str] = set()
    for path, module, imported in imports():
        if any(path.is_relative_to(folder) for folder in inside):
            continue
        if module.startswith(f"{name}."):
            modules.add(module.removeprefix(f"{name}.").split(".")[0])
        elif module == name:
            modules.add(imported)
    return modules


@pytest.mark.parametrize("path", PACKAGES, ids=name_of)
def test_a_package_names_what_it_offers(path: Path) -> None:
    package = import_module(name_of(path))
    offered = set(package.__all__)
    modules = modules_in(path)
    assert offered
    assert imported_from(package.__name__) - modules <= offered
    assert all(hasattr(package, name) for name in offered - modules)


# `recsys` itself names the way in; stack and bench look further
@pytest.mark.parametrize("path", [path for path in PACKAGES if path != HOUSE], ids=name_of)
def test_what_a_package_does_not_name_is_its_own(path: Path) -> None:
    offered = set(import_module(name_of(path)).__all__)
    if offered <= modules_in(path):
        assert modules_used_outside(path) <= offered
