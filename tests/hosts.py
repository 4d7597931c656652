"""HTTPS hosts of the tests' own, with certificates of an authority of their own."""

import ipaddress
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

YEAR = timedelta(days=365)
AUTHORITY, HOST = (
    x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("authority", "host")
)


@dataclass
class Authority:
    """One that signs certificates of 127.0.0.1 and of localhost, valid or expired."""

    folder: Path
    key: EllipticCurvePrivateKey = field(default_factory=lambda: generate_private_key(SECP256R1()))

    def __post_init__(self) -> None:
        now = datetime.now(UTC)
        ca = x509.BasicConstraints(ca=True, path_length=None)
        signed = self._builder(self.key, now - YEAR, now + YEAR).add_extension(ca, critical=True)
        self.file.write_bytes(signed.sign(self.key, SHA256()).public_bytes(Encoding.PEM))

    @property
    def file(self) -> Path:
        """The authority's own certificate, as SSL_CERT_FILE names one."""
        return self.folder / "authority.pem"

    def certify(self, end: datetime) -> ssl.SSLContext:
        """Return a server's context, with a new certificate that is valid for a year to `end`."""
        key = generate_private_key(SECP256R1())
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        names = x509.SubjectAlternativeName([address, x509.DNSName("localhost")])
        builder = self._builder(key, end - YEAR, end).add_extension(names, critical=False)
        signed = builder.sign(self.key, SHA256()).public_bytes(Encoding.PEM)
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        chain = self.folder / f"{end:%Y-%m-%d}.pem"
        chain.write_bytes(secret + signed)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        return context

    def _builder(
        self, key: EllipticCurvePrivateKey, start: datetime, end: datetime
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(AUTHORITY if key is self.key else HOST)
            .issuer_name(AUTHORITY)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(end)
        )


@dataclass
class Host:
    """What a host serves, path → bytes; other paths are 404. It sends the first `sent` bytes of a
    body and, where `length` is set, says that all will come.
    """

    base: str
    files: dict[str, bytes] = field(default_factory=dict)
    sent: int | None = None
    length: bool = True
    requests: list[str] = field(default_factory=list)


@contextmanager
def serve(context: ssl.SSLContext, name: str = "127.0.0.1") -> Iterator[Host]:
    """A host on a port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host.requests.append(self.path)
            body = host.files.get(self.path)
            if body is None:
                self.send_error(404)
                return
            self.send_response(200)
            if host.length:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: host.sent])

        def log_request(self, code: object = "-", size: object = "-") -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A client that refuses the certificate is no error of ours."""

    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    host = Host(f"https://{name}:{server.server_port}/ml")
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
