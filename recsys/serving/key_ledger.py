"""Keys on record: created, listed and revoked by the pipeline's role, never by the API's."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.db.rows import fetch_rows, fetch_value, find_value
from recsys.errors import RequestError
from recsys.serving.secret import key_text, new_secret, secret_digest

__all__ = ["KeyRecord", "NewKey", "create_key", "fetch_keys", "revoke_key"]


@dataclass(frozen=True)
class NewKey:
    """What a key shall open: see the table api_keys."""

    scope: str
    created_by: str
    user_id: int | None = None
    days: int | None = None
    rate: int = 6_000
    note: str = ""


@dataclass(frozen=True)
class KeyRecord:
    """A key, but for its secret."""

    key_id: int
    scope: str
    user_id: int | None
    rate: int
    note: str
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None

    @property
    def holds(self) -> bool:
        """Whether the API takes it now."""
        is_over = self.expires_at is not None and self.expires_at <= datetime.now(UTC)
        return self.revoked_at is None and not is_over

    @property
    def until(self) -> str:
        """Until when it holds or held, in words."""
        if self.revoked_at is not None:
            return f"revoked {self.revoked_at:%Y-%m-%d %H:%M}"
        return f"{self.expires_at:%Y-%m-%d %H:%M}" if self.expires_at else "it is revoked"


def create_key(conn: Connection, new: NewKey) -> str:
    """Return a new key. Only its digest is kept."""
    secret = new_secret()
    params = {"digest": secret_digest(secret), **asdict(new)}
    key_id = fetch_value(conn, int, queries("serving_keys")["create_key"], params)
    return key_text(key_id, secret)


def fetch_keys(conn: Connection) -> list[KeyRecord]:
    """Return all keys, those that hold first."""
    return fetch_rows(conn, KeyRecord, queries("serving_keys")["list_keys"])


def revoke_key(conn: Connection, key_id: int) -> None:
    """Revoke a key. Raises RequestError where there is none of that number that holds."""
    params = {"key_id": key_id}
    if find_value(conn, int, queries("serving_keys")["revoke_key"], params) is None:
        raise RequestError(
            f"no key {key_id} to revoke: expected one of `python -m recsys keys list`"
        )
