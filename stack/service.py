"""One long-running process: started detached, found again by a later command, stopped with all that
it started.
"""

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from stack.errors import StackError
from stack.home import Home
from stack.logs import tail
from stack.private import write_private
from stack.waiting import wait_until

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
        pid = self._launch(home)
        record = {"pid": pid, "started": psutil.Process(pid).create_time()}
        write_private(home.pid_file(self.name), json.dumps(record))

    def _launch(self, home: Home) -> int:
        """Start the process, detached and marked; return its number."""
        environment = os.environ | dict(self.environment) | KEEP_MARK | {MARK: str(home.root)}
        with home.log(self.name).open("a") as log:
            return subprocess.Popen(
                self.command,
                env=environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                umask=0o077,
            ).pid

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
            is_ours = process.create_time() == record["started"] and is_alive(process)
        except psutil.NoSuchProcess:
            return None
        return process if is_ours else None

    def wait_healthy(self, home: Home, timeout: float) -> None:
        """Raises StackError with the end of the service's log where it ended, or is not healthy in
        time.
        """
        late = f"{self.name} is not healthy after {timeout:.0f} seconds"
        try:
            wait_until(lambda: self.is_up(home), timeout, late, pause=0.25)
        except StackError as error:
            log = home.log(self.name)
            raise StackError(f"{error}; the end of {log}:\n{tail(log)}") from None

    def is_up(self, home: Home) -> bool:
        """Whether it runs and is healthy. Raises StackError where it ended."""
        # the process first: what reports to Airflow's database counts as healthy for half a minute
        # after its end
        if self.main_process(home) is None:
            raise StackError(f"{self.name} ended while it started")
        return self.healthy()


def stop_services(home: Home, services: Sequence[Service], patience: float = 5) -> None:
    """Ask the services to end, then end whatever carries the stack's mark, their children's
    children included.

    Airflow's scheduler waits for running tasks, for hours if need be: a task that is cut off here
    is one that is run again.
    """
    mains = filter(None, [service.main_process(home) for service in services])
    end(list(mains), psutil.Process.terminate, patience)
    end(list(marked_processes(home)), psutil.Process.kill, patience)
    if still := [process.pid for process in marked_processes(home)]:
        raise StackError(f"processes {still} of {home.root} do not end")
    for service in services:
        home.pid_file(service.name).unlink(missing_ok=True)


def end(
    processes: list[psutil.Process], how: Callable[[psutil.Process], None], patience: float
) -> None:
    """End the processes, and wait for a while until they have ended."""
    for process in processes:
        how(process)
    psutil.wait_procs(processes, timeout=patience)


def marked_processes(home: Home) -> Iterator[psutil.Process]:
    """Every process that a service of this stack started, directly or not."""
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(home.root) and is_alive(process):
                yield process
        except (psutil.Error, OSError):  # ended meanwhile, or somebody else's
            continue


def is_alive(process: psutil.Process) -> bool:
    """Whether it is there, and not only because nobody has asked for its status."""
    return process.status() != psutil.STATUS_ZOMBIE
