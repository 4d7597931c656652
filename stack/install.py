"""Install the locked packages into a virtual environment, from Python's standard library alone.

pip brings uv, in the version that the lock names, and uv brings the rest in a fifth of pip's time.
uv reads none of pip's configuration, so that pip's own view of it is handed on: where a company's
index or a folder of wheels is, no other source is asked.
"""

import argparse
import ast
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

Options: TypeAlias = Mapping[str, str]

#: pip's option → uv's variable. Lists are separated by blanks in both, except as below.
VARIABLES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_EXTRA_INDEX_URL",
    "find-links": "UV_FIND_LINKS",
    "constraint": "UV_CONSTRAINT",
    "trusted-host": "UV_INSECURE_HOST",
    "keyring-provider": "UV_KEYRING_PROVIDER",
    "require-hashes": "UV_REQUIRE_HASHES",
    "timeout": "UV_HTTP_TIMEOUT",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "retries": "UV_HTTP_RETRIES",
    "cert": "SSL_CERT_FILE",
    "client-cert": "SSL_CLIENT_CERT",
    "proxy": "ALL_PROXY",
}
WITH_COMMAS = {"UV_FIND_LINKS"}
#: pip's option → uv's option that has no variable.
FLAGS = {"no-binary": "--no-binary", "only-binary": "--only-binary"}
YES = ("1", "true", "yes", "on")
#: Where packages come from; who sets one of these has chosen it for torch, too.
SOURCES = {"UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS"}
#: pip takes the best version of all indexes, uv by itself that of the first that has any.
LIKE_PIP = {"UV_INDEX_STRATEGY": "unsafe-best-match"}
#: PyPI's torch for Linux brings CUDA, gigabytes of it; this one fits the machine.
FITTING_TORCH = {"UV_TORCH_BACKEND": "auto"}

#: What the services and the tasks import, in two processes side by side. To import it once writes
#: its bytecode, which uv leaves out and each of a dozen processes would else compile by itself.
IMPORTED = (
    (
        "airflow.api_fastapi.app",
        "airflow.api_fastapi.core_api.routes.public",
        "airflow.api_fastapi.core_api.routes.ui",
        "airflow.api_fastapi.execution_api.app",
        "airflow.cli.cli_parser",
        "airflow.cli.commands.api_server_command",
        "airflow.cli.commands.dag_processor_command",
        "airflow.cli.commands.db_command",
        "airflow.cli.commands.scheduler_command",
        "airflow.cli.commands.triggerer_command",
        "airflow.jobs.scheduler_job_runner",
        "asyncpg",
        "psycopg",
        "uvicorn",
    ),
    ("mlflow.cli", "mlflow.server.auth", "stack.task_imports"),
)
IMPORT = "import importlib, sys\nfor name in sys.argv[1:]:\n    importlib.import_module(name)"
NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"


class InstallError(Exception):
    """The packages cannot be installed: what lacks, and what to do."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment in `folder`."""

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    def run(self, *command: str, variables: Options | None = None) -> int:
        """Run a command in it, its output shown; return its exit status."""
        return subprocess.run(self._words(command), env=given(variables), check=False).returncode

    def output(self, *command: str) -> str:
        """Return what a command in it prints."""
        done = subprocess.run(self._words(command), capture_output=True, text=True, check=False)
        if done.returncode:
            raise InstallError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def pip_install(self, *arguments: str) -> int:
        """Run `pip install`; return its exit status."""
        quiet = ("--quiet", "--disable-pip-version-check")
        return self.run("-m", "pip", "install", *quiet, *arguments)

    def _words(self, command: Sequence[str]) -> list[str]:
        return [str(self.python), *command]


def given(variables: Options | None) -> dict[str, str]:
    """Return the process's environment with further variables; those that are set there stay."""
    return {**(variables or {}), **os.environ}


def install(environment: Environment, lock: Path) -> None:
    """Make the environment where there is none, and install what the lock names. Raises
    InstallError.
    """
    create(environment)
    if not install_by_uv(environment, lock):
        print("pip installs the packages in place of uv: the same ones, more slowly", flush=True)
        if environment.pip_install("-r", str(lock)):
            raise InstallError("neither uv nor pip could install the packages: see above")
    compile_imports(environment)


def create(environment: Environment) -> None:
    """Make the environment where there is none."""
    if environment.python.exists():
        return
    if not importlib.util.find_spec("ensurepip"):
        name = f"python{sys.version_info.major}.{sys.version_info.minor}"
        raise InstallError(
            f"{name} cannot make virtual environments. Debian, Ubuntu: apt install {name}-venv"
        )
    subprocess.run([sys.executable, "-m", "venv", str(environment.folder)], check=True)


def install_by_uv(environment: Environment, lock: Path) -> bool:
    """Install by uv; return whether that succeeded."""
    pinned = pin_of("uv", lock.read_text())
    if environment.pip_install(pinned):
        print(f"{pinned} is not to be had: see above", flush=True)
        return False
    options = pip_options(environment.output("-m", "pip", "config", "list"))
    variables = uv_variables(options)
    command = ["pip", "install", "--quiet", *uv_flags(options), "--requirement", str(lock)]
    uv = partial(environment.run, "-m", "uv", *command, "--python", str(environment.python))
    return any(not uv(variables=attempt) for attempt in attempts(variables, os.environ))


def attempts(variables: Options, environment: Options) -> Iterator[Options]:
    """Give uv's variables for each attempt to install, as far as one is needed."""
    if SOURCES.isdisjoint({*variables, *environment}):
        yield {**variables, **FITTING_TORCH}
        print("uv tries again, with the package index alone", flush=True)
    yield variables


def pin_of(name: str, lock: str) -> str:
    """Return the lock's line on a package. Raises InstallError where it has none."""
    match = re.search(rf"^{re.escape(name)}==\S+", lock, re.MULTILINE)
    if match is None:
        raise InstallError(f"the lock names no version of {name}: run `make lock`")
    return match.group()


def pip_options(listing: str) -> dict[str, str]:
    """Read what `pip config list` prints: for each option the value that `pip install` takes."""
    sections: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}
    for line in listing.splitlines():
        key, is_option, value = line.partition("=")
        section, _, name = key.partition(".")
        if is_option and section in sections:
            sections[section][name] = str(ast.literal_eval(value))
    return sections["global"] | sections["install"] | sections[":env:"]


def uv_variables(options: Options) -> dict[str, str]:
    """Return uv's variables that say what pip's options say."""
    variables = {
        variable: separated(variable, options[name])
        for name, variable in VARIABLES.items()
        if options.get(name)
    }
    return variables | LIKE_PIP


def separated(variable: str, value: str) -> str:
    """Return a list of pip's as uv takes it: pip separates by blanks and by ends of line."""
    return ("," if variable in WITH_COMMAS else " ").join(value.split())


def uv_flags(options: Options) -> list[str]:
    """Return uv's options that say what pip's options say."""
    flags = ["--no-index"] if options.get("no-index", "").lower() in YES else []
    for name, flag in FLAGS.items():
        for value in options.get(name, "").replace(",", " ").split():
            flags += [flag, value]
    return flags


def compile_imports(environment: Environment) -> None:
    """Import what the demo imports, which proves that it can be. Raises InstallError."""
    # where the user's own environment forbids bytecode, it means that of their code
    variables = {key: value for key, value in os.environ.items() if key != NO_BYTECODE}
    with tempfile.TemporaryDirectory() as home:
        variables["AIRFLOW_HOME"] = home  # Airflow writes its settings where it is imported
        processes = [importing(environment, modules, variables) for modules in IMPORTED]
        outputs = [process.communicate()[0] for process in processes]
        for process, output in zip(processes, outputs, strict=True):
            if process.returncode:
                raise InstallError(failed_import(output))


def importing(
    environment: Environment, modules: Sequence[str], variables: Options
) -> subprocess.Popen[str]:
    """Start a process that imports the modules."""
    return subprocess.Popen(
        [str(environment.python), "-W", "ignore", "-c", IMPORT, *modules],
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def failed_import(output: str) -> str:
    """Return what to say of packages that are installed and cannot be imported."""
    if "libgomp" in output:
        return "implicit lacks the OpenMP runtime. Debian, Ubuntu: apt install libgomp1"
    return f"the packages are installed and cannot be imported:\n{output[-2000:]}"


def main() -> int:
    """Install; keep the seconds that it took in the environment, for the demo's report."""
    parser = argparse.ArgumentParser(prog="python -m stack.install", description=__doc__)
    parser.add_argument("folder", type=Path, help="the virtual environment")
    parser.add_argument("lock", type=Path, help="the locked requirements")
    chosen = parser.parse_args()
    started = time.monotonic()
    try:
        install(Environment(chosen.folder.absolute()), chosen.lock)
    except InstallError as error:
        print(error, file=sys.stderr)
        return 1
    (chosen.folder / "install-seconds").write_text(f"{time.monotonic() - started:.1f}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
