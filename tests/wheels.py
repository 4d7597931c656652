"""The library as a wheel, and an environment that holds it and what it declares: nothing else."""

import shutil
import subprocess
import sys
import venv
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
#: What a wheel is made of.
SOURCES = ("pyproject.toml", "setup.py", "README.md", "LICENSE", "requirements-recsys.in")


def build_wheel(folder: Path) -> Path:
    """Build the wheel of this checkout in `folder`, without a network, and return its path.

    It is made of a copy: setuptools leaves its working files beside the sources, and packs what it
    finds among those of an earlier build.
    """
    sources = folder / "sources"
    sources.mkdir()
    for name in SOURCES:
        shutil.copy(ROOT / name, sources)
    for name in ("recsys", "sql"):
        shutil.copytree(ROOT / name, sources / name, ignore=shutil.ignore_patterns("__pycache__"))
    _pip("wheel", str(sources), "--no-build-isolation", "--wheel-dir", str(folder))
    (wheel,) = folder.glob("*.whl")
    return wheel


def install_alone(wheel: Path, folder: Path) -> Path:
    """Make an environment in `folder` with the wheel and the distributions that it requires, and
    return its folder of programs.

    `recsys` is installed from the wheel. What it requires, and what that requires, is linked from
    the environment that runs the tests, so that no network is needed; a distribution that nothing
    requires is not there. The checkout is not on the path.
    """
    venv.create(folder, with_pip=False, symlinks=True)
    programs = folder / "bin"
    _pip("--python", str(programs / "python"), "install", str(wheel))
    (packages,) = folder.glob("lib/python*/site-packages")
    (metadata,) = packages.glob("recsys-*.dist-info")
    for needed in _required(Distribution.at(metadata)):
        _link(needed, packages)
    return programs


def _pip(*arguments: str) -> None:
    """Run pip without an index and without dependencies."""
    options = ["--quiet", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", *options, *arguments, "--no-index", "--no-deps"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _required(of: Distribution) -> list[Distribution]:
    """Return all that a distribution requires, directly or not."""
    waiting = [(of, "")]
    seen: dict[tuple[str, str], Distribution] = {}
    while waiting:
        wanting, extra = waiting.pop()
        for text in wanting.requires or ():
            requirement = Requirement(text)
            if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
                continue
            needed = distribution(requirement.name)
            for each in ("", *requirement.extras):
                key = (canonicalize_name(requirement.name), each)
                if key not in seen:
                    seen[key] = needed
                    waiting.append((needed, each))
    return list({name: needed for (name, _), needed in seen.items()}.values())


def _link(needed: Distribution, packages: Path) -> None:
    """Link a distribution's files and folders into a folder of packages."""
    tops = {file.parts[0] for file in needed.files or ()}
    for top in tops - {"..", "__pycache__"}:
        there = packages / top
        if not there.is_symlink():  # parts of one namespace are in one folder
            there.symlink_to(Path(str(needed.locate_file(top))))
