"""Ports on the loopback interface."""

import socket

from stack.errors import StackError


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_free(port: int) -> bool:
    """Whether a server could listen on it now; a port that waits out closed connections counts as
    free.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def settled_port(service: str, chosen: int | None, last: int) -> int:
    """Return the port that is asked for, else the last one, else a free one.

    Raises StackError where the one that is asked for is taken.
    """
    port = chosen or last
    if is_free(port):
        return port
    if chosen:
        raise StackError(f"port {port}, asked for {service}, is taken by another program")
    return free_port()
