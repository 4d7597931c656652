"""The API and its pages: `serve`."""

import os
import socket
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from tempfile import TemporaryDirectory

from recsys.arguments import whole
from recsys.cli import screen
from recsys.cli.command import Argument, Command
from recsys.errors import RecsysError
from recsys.settings import Settings

__all__ = ["COMMANDS"]


def serve(options: Namespace) -> None:
    """Answer until it is stopped; with --url, print the address and leave."""
    settings = Settings.from_environment()
    host = options.host or settings.api_host
    port = settings.api_port if options.port is None else options.port
    if options.url:
        screen.answer(settings.api_url or f"http://{host}:{port}")
        return
    if settings.api_database_url is None:
        raise RecsysError(
            "the API has no database: RECSYS_API_DATABASE_URL is empty; expected "
            "postgresql://recsys_api:password@host:port/database"
        )
    require_free(host, port)
    workers = options.workers or settings.api_workers
    with shared_figures() if workers > 1 else nullcontext():
        listen(host, port, workers)


def require_free(host: str, port: int) -> None:
    """Raise RecsysError where nobody can listen on an address, as another server does."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        raise RecsysError(
            f"the API cannot listen on {host}:{port}: {error.strerror}; expected a free address of "
            "this machine: if the API of `make demo` answers there, use it, or choose another "
            "port with --port"
        ) from error


@contextmanager
def shared_figures() -> Iterator[None]:
    """Within: the workers' figures lie in one folder, so that any of them can say the sum."""
    with TemporaryDirectory(prefix="recsys-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        yield


def listen(host: str, port: int, workers: int) -> None:
    """Answer until it is stopped."""
    import uvicorn

    uvicorn.run(
        "recsys.serving.app:from_environment",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        env_file=None,
        log_config=None,
        access_log=False,  # the gate's own names no user and no key
        server_header=False,
        forwarded_allow_ips=os.environ.get("FORWARDED_ALLOW_IPS", ""),
        timeout_graceful_shutdown=30,
    )


SERVE = (
    Argument("--host", help="the address to listen on; default: RECSYS_API_HOST, 127.0.0.1"),
    Argument("--port", type=whole(0, 65_535), help="default: RECSYS_API_PORT"),
    Argument("--workers", type=whole(1, 64), help="processes; default: RECSYS_API_WORKERS"),
    Argument("--url", action="store_true", help="print the address of the API and leave"),
)
COMMANDS = (
    # the API's role cannot read which migrations there were
    Command("serve", serve, "answer the API and show its pages", SERVE, needs_schema=False),
)
