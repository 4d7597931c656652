"""The text of a key: `recsys_<number>_<secret>`. The number finds it, the secret proves it."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Self

__all__ = ["PresentedKey", "key_text", "new_secret", "secret_digest"]

_KEY = re.compile(r"recsys_(?P<id>[0-9]{1,18})_(?P<secret>[A-Za-z0-9_-]{43})")


@dataclass(frozen=True)
class PresentedKey:
    """A key as it came: its number, and the digest of its secret."""

    key_id: int
    digest: bytes

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Return the key of a text, None where it has not the form of one."""
        match = _KEY.fullmatch(text)
        return cls(int(match["id"]), secret_digest(match["secret"])) if match else None


def new_secret() -> str:
    """Return 256 random bits, as text for a header."""
    return secrets.token_urlsafe(32)


def key_text(key_id: int, secret: str) -> str:
    """Return a key as its owner keeps it."""
    return f"recsys_{key_id}_{secret}"


def secret_digest(secret: str) -> bytes:
    """Return what is kept of a secret. It is random, so that no slow hash is needed."""
    return hashlib.sha256(secret.encode()).digest()
