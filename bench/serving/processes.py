"""The processes of a measurement, each on the core that it was given."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import httpx

from bench.serving.load import Load, Measured
from recsys.errors import RecsysError
from stack.ports import free_port

#: The server's core, and the generator's; with one core they share it.
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, GENERATOR_CORE = CORES[0], CORES[-1]
START_TIMEOUT = 60.0


@contextmanager
def server(
    command: Sequence[str], environment: Mapping[str, str], path: str, log: str
) -> Iterator[str]:
    """Start a server on a free port; yield its address once `path` answers, and stop it after.

    The word PORT in the command stands for the port.
    """
    port = str(free_port())
    words = [port if word == "PORT" else word for word in command]
    with open(log, "a") as file:  # noqa: PTH123 - a text that a person gave
        process = subprocess.Popen(
            [sys.executable, *words], env=dict(environment), stdout=file, stderr=file
        )
    os.sched_setaffinity(process.pid, {SERVER_CORE})
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(url + path, process, log)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def wait_for(url: str, process: subprocess.Popen[bytes], log: str) -> None:
    """Wait until an address answers at all. Raises RecsysError where the server ended."""
    end = time.monotonic() + START_TIMEOUT
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RecsysError(f"the server ended with status {process.returncode}; see {log}")
        try:
            httpx.get(url, trust_env=False)
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise RecsysError(f"the server did not answer within {START_TIMEOUT:.0f} s; see {log}")


def generate(url: str, load: Load) -> Measured:
    """Return what a load measured on a server."""
    return measure([sys.executable, "-m", "bench.serving.generator", url], load, os.environ)


def loop(environment: Mapping[str, str], load: Load) -> Measured:
    """Return what a load measured on the database itself, from the server's core."""
    command = ["taskset", "-c", str(SERVER_CORE), sys.executable, "-m", "bench.serving.loop"]
    return measure(command, load, environment, core=None)


def measure(
    command: Sequence[str],
    load: Load,
    environment: Mapping[str, str],
    core: int | None = GENERATOR_CORE,
) -> Measured:
    """Run a program that is given a load and prints what it measured."""
    words = [*command] if core is None else ["taskset", "-c", str(core), *command]
    done = subprocess.run(
        words,
        input=load.to_json(),
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RecsysError(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return Measured.from_json(done.stdout)
