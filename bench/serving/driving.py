"""The clock of a load: when each request is sent, and what is noted of its answer."""

import asyncio
import resource
import time
from collections.abc import Awaitable, Callable
from itertools import cycle

from bench.serving.load import Load, Measured, Request

#: Sends a request and returns its status.
Send = Callable[[Request, Measured], Awaitable[int | str]]


async def drive(load: Load, send: Send) -> Measured:
    """Return what a load measured."""
    measured = Measured()
    cpu = cpu_seconds()
    began = time.perf_counter()
    if load.rate:
        await at_a_rate(load, send, measured)
    else:
        await back_to_back(load, send, measured)
    measured.seconds = time.perf_counter() - began
    measured.cpu_seconds = cpu_seconds() - cpu
    return measured


async def at_a_rate(load: Load, send: Send, measured: Measured) -> None:
    """Send each request when it is due, be the earlier ones answered or not."""
    began = time.perf_counter()
    requests = cycle(load.requests)
    async with asyncio.TaskGroup() as tasks:
        for place in range(int(load.rate * load.seconds)):
            due = began + place / load.rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            tasks.create_task(one(send, next(requests), due, measured))


async def back_to_back(load: Load, send: Send, measured: Measured) -> None:
    """Keep as many requests under way as there are connections."""
    requests = cycle(load.requests)
    end = time.perf_counter() + load.seconds

    async def keep_asking() -> None:
        while (now := time.perf_counter()) < end:
            await one(send, next(requests), now, measured)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(load.connections):
            tasks.create_task(keep_asking())


async def one(send: Send, request: Request, due: float, measured: Measured) -> None:
    """Send a request, and note how long after it was due its answer was there."""
    status = await send(request, measured)
    measured.add(time.perf_counter() - due, status)


def cpu_seconds() -> float:
    """Return the CPU time of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
