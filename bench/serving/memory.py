"""What memory the API's workers hold, with and without the champion, and how much of it they share.

Resident memory counts a page in each process that has it; proportional memory (PSS) divides it by
the processes that have it, so that the sum over all is what the machine needs.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import psutil

from bench.serving.figures import Figure, Target
from bench.serving.measurements import Bench
from bench.serving.processes import server
from bench.serving.world import World
from recsys.db.connect import connect
from recsys.errors import RecsysError

#: Nobody listens there: a worker with it serves lists, and loads no champion.
AWAY = "http://127.0.0.1:9"
#: Requests of each kind, each on a connection of its own, so that every worker gets some.
REQUESTS = 40
MIB = 2**20


@dataclass(frozen=True)
class Memory:
    """Bytes of a process, and of the champion's files that it has mapped."""

    resident: int
    proportional: int
    mapped: int
    mapped_proportional: int
    copied: int  # of these: pages that it has written to, which are its own then

    def __str__(self) -> str:
        resident, proportional = self.resident / MIB, self.proportional / MIB
        return f"{resident:,.0f} MiB resident, {proportional:,.0f} in proportion"


def memory(world: World, log: str) -> list[Figure]:
    """Return what a worker holds without the champion and with it, and each of two workers."""
    alone = workers_of(world, log, 1, {"RECSYS_MLFLOW_TRACKING_URI": AWAY})
    one = workers_of(world, log, 1)
    two = workers_of(world, log, 2)
    return [
        Figure("the champion", champion_of(world)),
        Figure("a worker, MLflow away: no champion", shown(alone)),
        Figure("a worker with the champion", shown(one)),
        Figure("two workers with the champion, each", shown(two)),
        *sharing(two),
    ]


def champion_of(world: World) -> str:
    """Return the live publication's recipe and version."""
    with connect(world.settings) as conn:
        live = conn.execute("SELECT recipe_key, model_version FROM api.live").fetchone()
    return f"{live.recipe_key} version {live.model_version}" if live else "none"


def shown(workers: list[Memory]) -> str:
    return "; ".join(map(str, workers))


def sharing(workers: list[Memory]) -> list[Figure]:
    """Return how much of the champion's files the workers have in memory. A page that several have
    read is there once, unless one of them writes to it.
    """
    mapped = sum(worker.mapped for worker in workers) / MIB
    once = sum(worker.mapped_proportional for worker in workers) / MIB
    copied = sum(worker.copied for worker in workers)
    name = "the champion's files, mapped by both"
    if not mapped:
        return [Figure(name, "none: its arrays are too small to be mapped")]
    return [
        Figure(name, f"{mapped:,.1f} MiB resident in all, {once:,.1f} in memory"),
        Figure("of these copied by a worker", f"{copied / MIB:,.1f} MiB", copied, Target("≤", 0)),
    ]


def workers_of(
    world: World, log: str, n_workers: int, others: Mapping[str, str] | None = None
) -> list[Memory]:
    """Return what each worker of a server holds once it has answered lists and asked the champion.

    Raises RecsysError where an answer is another one than expected.
    """
    command = ["-m", "recsys", "serve", "--port", "PORT", "--workers", str(n_workers)]
    with TemporaryDirectory(prefix="recsys-bench-champions-") as folder:
        environment = {**world.environment, "RECSYS_API_MODELS": folder, **(others or {})}
        with server(command, environment, "/healthz", log) as url:
            ask_all(Bench(world, url, world.new_key(), seconds=0.0), 503 if others else 200)
            workers = processes_at(int(url.rsplit(":", 1)[1]), n_workers)
            return [memory_of(worker, Path(folder)) for worker in workers]


def ask_all(bench: Bench, expected: int) -> None:
    """Ask for lists and for lists of ratings, several at a time."""
    with ThreadPoolExecutor(8) as clients:
        statuses = set(clients.map(partial(ask_both, bench), range(REQUESTS)))
    if statuses != {expected}:
        raise RecsysError(f"the API answered with {sorted(statuses)}; expected {expected}")


def ask_both(bench: Bench, place: int) -> int:
    """Ask for a user's list, and for one of twenty ratings, each time of others; return the last
    status, or that of a list that was an error.
    """
    users, movies = bench.world.user_ids, bench.world.movie_ids
    path = f"/v1/users/{users[place % len(users)]}/recommendations"
    listed = httpx.get(bench.url + path, headers=bench.headers, trust_env=False, timeout=60)
    if listed.status_code != 200:
        return listed.status_code
    rated = [movies[(20 * place + offset) % len(movies)] for offset in range(20)]
    ratings = [{"movie_id": movie_id, "rating": 5.0} for movie_id in rated]
    return httpx.post(
        f"{bench.url}/v1/recommendations:for-ratings",
        json={"ratings": ratings, "fold_in": True},
        headers=bench.headers,
        trust_env=False,
        timeout=120,
    ).status_code


def processes_at(port: int, n_workers: int) -> list[psutil.Process]:
    """Return the workers of the server that was started with a port. With several, the process that
    was started only starts and watches them.

    Raises RecsysError where there are not so many.
    """
    children = psutil.Process().children()
    (top,) = [child for child in children if str(port) in child.cmdline()]
    below = [child for child in top.children() if "spawn_main" in " ".join(child.cmdline())]
    workers = [top] if n_workers == 1 else below
    if len(workers) != n_workers:
        raise RecsysError(f"the server has {len(workers)} workers; expected {n_workers}")
    return workers


def memory_of(process: psutil.Process, folder: Path) -> Memory:
    """Return what a process holds, and how much of it are files of a folder."""
    whole = process.memory_full_info()
    files = [each for each in process.memory_maps() if Path(each.path).is_relative_to(folder)]
    return Memory(
        resident=whole.rss,
        proportional=whole.pss,
        mapped=sum(file.rss for file in files),
        mapped_proportional=sum(file.pss for file in files),
        copied=sum(file.anonymous for file in files),
    )
