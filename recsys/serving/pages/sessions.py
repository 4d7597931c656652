"""A signed-in person's cookie: which key it stands for, until when, and the proof that we made it.

The key itself is not in it: its digest opens nothing but these pages, and only with our signature.
"""

import hashlib
import hmac
import time
from dataclasses import dataclass
from typing import Self

from fastapi import Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from recsys.serving.secret import PresentedKey

__all__ = ["COOKIE", "HOURS", "Session", "sign_out"]

COOKIE = "recsys_session"
#: Hours that a person stays signed in.
HOURS = 8


@dataclass(frozen=True)
class Session:
    """A key and when the session ends, in seconds since 1970."""

    key: PresentedKey
    ends_at: int

    @classmethod
    def begin(cls, key: PresentedKey) -> Self:
        """Return a session that begins now."""
        return cls(key, int(time.time()) + HOURS * 3_600)

    @classmethod
    def read(cls, text: str, secret: bytes) -> Self | None:
        """Return the session of a cookie; None where it is over or not one that we signed."""
        key_id, _, rest = text.partition(".")
        digest, _, rest = rest.partition(".")
        ends_at, _, proof = rest.partition(".")
        if not (is_number(key_id) and is_number(ends_at)):
            return None
        try:
            session = cls(PresentedKey(int(key_id), bytes.fromhex(digest)), int(ends_at))
        except ValueError:
            return None
        is_ours = hmac.compare_digest(session.proof(secret).encode(), proof.encode())
        return session if is_ours and time.time() < session.ends_at else None

    @property
    def _facts(self) -> str:
        return f"{self.key.key_id}.{self.key.digest.hex()}.{self.ends_at}"

    def proof(self, secret: bytes) -> str:
        """Return the signature, which also names the session."""
        return hmac.new(secret, f"session {self._facts}".encode(), hashlib.sha256).hexdigest()

    def text(self, secret: bytes) -> str:
        """Return the cookie's value."""
        return f"{self._facts}.{self.proof(secret)}"


def is_number(text: str) -> bool:
    """Return whether a text is a number that a bigint holds."""
    return text.isascii() and text.isdigit() and len(text) < 19


async def sign_out(_request: Request, _form: FormData) -> Response:
    """Forget the cookie."""
    response = RedirectResponse("./", 303)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return response
