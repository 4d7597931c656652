"""Files that only their owner can read, and what goes into them."""

import base64
import os
import secrets
from pathlib import Path


def new_secret(size: int = 24) -> str:
    """A password or key of that many random bytes, in letters and digits: safe in a URL, a shell
    and an ini file.
    """
    return secrets.token_hex(size)


def new_fernet_key() -> str:
    """A key as Airflow encrypts stored connections with."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def write_private(path: Path, text: str, mode: int = 0o600) -> None:
    """Replace the file as a whole; nobody else can read it at any moment."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), "w") as file:
        file.write(text)
    unfinished.replace(path)
