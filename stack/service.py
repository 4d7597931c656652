"""One long-running process: started detached, found again by a later command, stopped with all that
it started.
"""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from stack.errors import StackError
from stack.home import Home
from stack.private import write_private

#: In the environment of every process that a service starts, however deep: the stack's folder.
MARK = "RECSYS_STACK"
#: Airflow renames its processes; this keeps the renaming from overwriting the environment, and with
#: it the mark.
KEEP_MARK = {"SPT_NOENV": "1"}


@dataclass(frozen=True)
class Service:
    """`healthy` asks the service itself; it may be called before the service is up."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    healthy: Callable[[], bool]

    def start(self, home: Home) -> None:
        """Start it unless it runs."""
        if self.main_process(home) is not None:
            return
        environment = os.environ | dict(self.environment) | KEEP_MARK | {MARK: str(home.root)}
        with home.log(self.name).open("a") as log:
            process = subprocess.Popen(
                self.command,
                env=environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                umask=0o077,
            )
        started = psutil.Process(process.pid).create_time()
        write_private(
            home.pid_file(self.name), json.dumps({"pid": process.pid, "started": started})
        )

    def main_process(self, home: Home) -> psutil.Process | None:
        """The process that `start` started, None where it ended; never another that got its
        number.
        """
        path = home.pid_file(self.name)
        if not path.exists():
            return None
        record = json.loads(path.read_text())
        try:
            process = psutil.Process(record["pid"])
            alive = (
                process.create_time() == record["started"]
                and process.status() != psutil.STATUS_ZOMBIE
            )
        except psutil.NoSuchProcess:
            return None
        return process if alive else None

    def wait_healthy(self, home: Home, timeout: float) -> None:
        """Raises StackError with the end of the service's log where it ended, or is not healthy in
        time.
        """
        give_up = time.monotonic() + timeout
        while True:
            # the process first: what reports to Airflow's database counts as healthy for half a
            # minute after its end
            if self.main_process(home) is None:
                raise StackError(f"{self.name} ended while it started; {self._end_of_log(home)}")
            if self.healthy():
                return
            if time.monotonic() > give_up:
                raise StackError(
                    f"{self.name} is not healthy after {timeout:.0f} seconds; "
                    f"{self._end_of_log(home)}"
                )
            time.sleep(0.25)

    def _end_of_log(self, home: Home) -> str:
        return f"the end of {home.log(self.name)}:\n{tail(home.log(self.name))}"


def stop_services(home: Home, services: Sequence[Service], patience: float = 5) -> None:
    """Ask the services to end, then end whatever carries the stack's mark, their children's
    children included.

    Airflow's scheduler waits for running tasks, for hours if need be: a task that is cut off here
    is one that is run again.
    """
    main_processes = [process for service in services if (process := service.main_process(home))]
    for process in main_processes:
        process.terminate()
    psutil.wait_procs(main_processes, timeout=patience)
    left = list(marked_processes(home))
    for process in left:
        process.kill()
    psutil.wait_procs(left, timeout=patience)
    if still := [process.pid for process in marked_processes(home)]:
        raise StackError(f"processes {still} of {home.root} do not end")
    for service in services:
        home.pid_file(service.name).unlink(missing_ok=True)


def marked_processes(home: Home) -> Iterator[psutil.Process]:
    """Every process that a service of this stack started, directly or not."""
    for process in psutil.process_iter():
        try:
            if (
                process.environ().get(MARK) == str(home.root)
                and process.status() != psutil.STATUS_ZOMBIE
            ):
                yield process
        except (psutil.Error, OSError):  # ended meanwhile, or somebody else's
            continue


def tail(log: Path, lines: int = 25) -> str:
    return (
        ("\n").join(log.read_text(errors="replace").splitlines()[-lines:])
        if log.exists()
        else "(no log)"
    )
