"""A mail server and a Slack of the tests' own, on ports of this machine: what the notifier sends
arrives here.
"""

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, cast


@contextmanager
def post_office() -> Iterator[tuple[int, list[EmailMessage]]]:
    """The port of a mail server, and the mail that has arrived there."""
    mail: list[EmailMessage] = []

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 here\r\n")
            for line in self.rfile:
                verb = line[:4].upper()
                if verb == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    mail.append(
                        cast(
                            "EmailMessage",
                            message_from_bytes(self._message(), policy=policy.default),
                        )
                    )
                self.wfile.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 well\r\n")

        def _message(self) -> bytes:
            lines = iter(self.rfile.readline, b".\r\n")
            return b"".join(lines)

    with _serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session)) as port:
        yield port, mail


@contextmanager
def slack() -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """The port of a Slack API that takes everything, and what was posted: path, token and
    message.
    """
    posted: list[dict[str, Any]] = []

    class Api(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posted.append(
                {"path": self.path, "token": self.headers["Authorization"], **json.loads(body)}
            )
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(b'{"ok": true}')

        def log_request(self, code: object = "-", size: object = "-") -> None:
            pass

    with _serving(HTTPServer(("127.0.0.1", 0), Api)) as port:
        yield port, posted


@contextmanager
def _serving(server: socketserver.TCPServer) -> Iterator[int]:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def mail_connection(port: int) -> str:
    """The Airflow connection smtp_default to a post office."""
    extra = {
        "disable_tls": True,
        "disable_ssl": True,
        "from_email": "airflow@recsys.example",
        "retry_limit": 0,
        "timeout": 5,
    }
    return json.dumps({"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": extra})


def slack_connection(port: int, token: str) -> str:
    """The Airflow connection slack_default to such a Slack."""
    return json.dumps(
        {
            "conn_type": "slack",
            "password": token,
            "extra": {"base_url": f"http://127.0.0.1:{port}/api/"},
        }
    )
