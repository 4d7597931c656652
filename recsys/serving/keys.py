"""Who asks, and what for: keys with a scope. A key is for a server, not for an end user."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal, TypeAlias

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from recsys.serving.database import Database
from recsys.serving.limits import Limiter
from recsys.serving.problems import Problem
from recsys.serving.secret import PresentedKey

__all__ = ["SCOPES", "Caller", "Keys", "Scope", "admit", "bearer_of", "needs"]

Scope: TypeAlias = Literal["read", "predict", "write", "admin"]

#: A key's scope → what it opens.
SCOPES: dict[str, frozenset[str]] = {
    "read": frozenset({"read"}),
    "predict": frozenset({"read", "predict"}),
    "write": frozenset({"write"}),
    "admin": frozenset({"read", "predict", "write", "admin"}),
}

#: Seconds for which a process trusts a key that it has looked up: a key that was revoked is refused
#: after that.
TRUST = 1.0
#: Keys that a process remembers; beyond, it forgets all.
MOST_REMEMBERED = 10_000


@dataclass(frozen=True)
class Caller:
    """The key that a request came with. With a `user_id`, it is for that user alone."""

    key_id: int
    scope: str
    user_id: int | None
    expires_at: datetime | None
    rate: int

    @property
    def is_over(self) -> bool:
        """Whether it has expired."""
        return self.expires_at is not None and self.expires_at <= datetime.now(UTC)

    def check_user(self, user_id: int) -> None:
        """Raise a 403 where the key is for another user."""
        if self.user_id is not None and self.user_id != user_id:
            raise Problem(403, "this key is for one user, and the request is about another")

    def check_all_users(self) -> None:
        """Raise a 403 where the key is for one user, and the request is about no user in
        particular.
        """
        if self.user_id is not None:
            raise Problem(403, "this key is for one user, and the request is not about that user")


@dataclass(frozen=True)
class Trusted:
    """A caller that was looked up, and until when that counts (in monotonic seconds)."""

    caller: Caller
    until: float


class Keys:
    """The keys of Postgres, as one process knows them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.limiter = Limiter()
        self._trusted: dict[PresentedKey, Trusted] = {}

    async def caller(self, key: str) -> Caller | None:
        """Return whose key it is, None where it is none, has expired or was revoked."""
        presented = PresentedKey.read(key)
        return await self.holder(presented) if presented else None

    async def holder(self, presented: PresentedKey) -> Caller | None:
        """Return whose key it is, by its number and digest."""
        trusted = self._trusted.get(presented)
        if trusted is None or time.monotonic() > trusted.until:
            trusted = await self._look_up(presented)
        if trusted is None or trusted.caller.is_over:
            return None
        return trusted.caller

    async def _look_up(self, presented: PresentedKey) -> Trusted | None:
        params = {"key_id": presented.key_id, "digest": presented.digest}
        caller = await self.database.row(Caller, "serving_keys", "check_key", **params)
        self._trusted.pop(presented, None)
        if caller is None:
            return None
        if len(self._trusted) >= MOST_REMEMBERED:
            self._trusted.clear()
        trusted = Trusted(caller, time.monotonic() + TRUST)
        self._trusted[presented] = trusted
        return trusted


BEARER = HTTPBearer(auto_error=False, description="a key of `recsys keys create`")
Credentials: TypeAlias = Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]


def needs(scope: Scope) -> Callable[..., Awaitable[Caller]]:
    """Return a dependency that gives the caller whose key opens a scope.

    It answers as `admit` does.
    """

    async def checked(request: Request, credentials: Credentials) -> Caller:
        return await admit(request, credentials.credentials if credentials else None, scope)

    checked.scope = scope  # pyright: ignore[reportFunctionMemberAccess] - the OpenAPI has it
    return checked


async def admit(request: Request, key: str | None, scope: Scope) -> Caller:
    """Return the caller whose key opens a scope.

    Raises a 401 without a key that holds, a 403 where the key opens other scopes, and a 429 beyond
    the key's rate.
    """
    keys: Keys = request.app.state.keys
    caller = await keys.caller(key) if key else None
    if caller is None:
        raise Problem(
            401,
            "this needs a key that holds: expected `Authorization: Bearer` with one of "
            "`recsys keys create`",
            headers={"WWW-Authenticate": "Bearer"},
        )
    request.state.key_id = caller.key_id
    request.state.headers = keys.limiter.take(caller.key_id, caller.rate)
    if scope not in SCOPES[caller.scope]:
        raise Problem(403, f"this key opens {caller.scope}; expected one that opens {scope}")
    return caller


def bearer_of(request: Request) -> str | None:
    """Return the key of a request's header, None without one."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None
