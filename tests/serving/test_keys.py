"""Who may ask what: nothing is open but /healthz."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeAlias

import pytest

from recsys.db.connect import Connection
from recsys.serving import keys as process_keys
from recsys.serving.database import Database
from recsys.serving.key_ledger import fetch_keys, revoke_key
from recsys.settings import Settings
from tests.serving.conftest import Api, Keys, new_key

Trusting: TypeAlias = Callable[[Sequence[tuple[Callable[[], object], str]]], tuple[list[bool], int]]


def test_healthz_is_open_and_readyz_needs_a_key(api: Api) -> None:
    assert api.get("/healthz", key="").json() == {"status": "ok"}
    anonymous = api.get("/readyz", key="")
    assert anonymous.status_code == 401
    assert anonymous.headers["www-authenticate"] == "Bearer"
    assert anonymous.headers["content-type"] == "application/problem+json"
    assert api.get("/readyz").status_code == 200


def test_readyz_says_what_is_live(api: Api, conn: Connection) -> None:
    answer = api.get("/readyz").json()
    (live,) = conn.execute("SELECT publication_id FROM publications WHERE is_live").fetchall()
    assert answer["publication"] == live.publication_id
    assert answer["age_seconds"] > 0


@pytest.mark.parametrize(
    "key",
    [
        "recsys",
        "recsys_1_",
        "recsys_1_" + "a" * 43,
        "recsys_999999999999999999999_" + "a" * 43,
        "recsys_1' OR 1=1 --_" + "a" * 43,
        "a" * 10_000,
    ],
)
def test_what_is_no_key_opens_nothing(still_api: Api, key: str) -> None:
    assert still_api.get("/readyz", key=key).status_code == 401


def test_a_key_with_one_letter_changed_opens_nothing(api: Api, keys: Keys) -> None:
    changed = keys.read[:-2] + ("aa" if keys.read[-2:] != "aa" else "bb")
    assert api.get("/readyz", key=changed).status_code == 401


def test_the_secret_of_one_key_does_not_open_another(api: Api, keys: Keys) -> None:
    _, number, _ = keys.read.split("_", 2)
    _, _, secret = keys.admin.split("_", 2)
    assert api.get("/readyz", key=f"recsys_{number}_{secret}").status_code == 401


def test_a_key_of_another_scope_is_refused(api: Api, keys: Keys) -> None:
    assert api.get("/readyz", key=keys.write).status_code == 403
    assert api.get("/readyz", key=keys.predict).status_code == 200
    assert api.get("/readyz", key=keys.admin).status_code == 200


def test_an_expired_key_and_a_revoked_one_open_nothing(api: Api, conn: Connection) -> None:
    key = new_key(conn, days=1)
    assert api.get("/readyz", key=key).status_code == 200
    conn.execute("UPDATE api_keys SET expires_at = now() WHERE expires_at IS NOT NULL")
    assert api.get("/readyz", key=key).status_code == 401
    revoked = new_key(conn)
    revoke_key(conn, int(revoked.split("_")[1]))
    assert api.get("/readyz", key=revoked).status_code == 401


@pytest.fixture
def trusting(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Trusting:
    """Asks one process about keys, one after another, with something done before each."""
    monkeypatch.setattr(process_keys, "MOST_REMEMBERED", 2)

    def ask(steps: Sequence[tuple[Callable[[], object], str]]) -> tuple[list[bool], int]:
        async def answers() -> tuple[list[bool], int]:
            async with Database.of(settings) as database:
                keys = process_keys.Keys(database)
                opened = []
                for before, key in steps:
                    before()
                    opened.append(await keys.caller(key) is not None)
                return opened, len(keys._trusted)

        return asyncio.run(answers())

    return ask


def nothing() -> None:
    """Do nothing."""


def test_a_process_trusts_a_key_for_a_moment_only(
    conn: Connection, trusting: Trusting, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = new_key(conn)

    def revoke() -> None:
        revoke_key(conn, int(key.split("_")[1]))

    assert trusting([(nothing, key), (revoke, key)])[0] == [True, True]
    monkeypatch.setattr(process_keys, "TRUST", -1.0)
    other = new_key(conn)
    revoked = partial(revoke_key, conn, int(other.split("_")[1]))
    assert trusting([(nothing, other), (revoked, other)])[0] == [True, False]


def test_a_key_that_expires_while_it_is_trusted_opens_nothing(
    conn: Connection, trusting: Trusting
) -> None:
    key = new_key(conn, days=1)
    conn.execute("UPDATE api_keys SET expires_at = now() + interval '0.7 s'")
    assert trusting([(nothing, key), (partial(time.sleep, 0.8), key)])[0] == [True, False]


def test_a_process_remembers_so_many_keys_and_no_more(conn: Connection, trusting: Trusting) -> None:
    opened, n_remembered = trusting([(nothing, new_key(conn)) for _ in range(5)])
    assert all(opened) and n_remembered <= 2


def test_only_the_digest_of_a_key_is_kept(conn: Connection, keys: Keys) -> None:
    rows = conn.execute("SELECT api_keys::text AS text FROM api_keys").fetchall()
    assert len(rows) == len(Keys._fields)
    assert not any(key.split("_", 2)[2] in row.text for key in keys for row in rows)


def test_days_say_when_a_key_expires(conn: Connection) -> None:
    new_key(conn, days=30)
    (key,) = (key for key in fetch_keys(conn) if key.expires_at is not None)
    assert abs(key.expires_at - datetime.now(UTC) - timedelta(days=30)) < timedelta(minutes=5)  # pyright: ignore[reportOptionalOperand]


def test_no_key_reaches_the_log(
    api: Api, keys: Keys, caplog: pytest.LogCaptureFixture, settings: Settings
) -> None:
    secret = keys.read.split("_", 2)[2]
    with caplog.at_level(logging.DEBUG):
        api.get(f"/readyz?key={keys.read}")
        api.get(f"/nowhere/{keys.read}")
        api.get("/readyz", key=keys.read[:-1])
        api.get("/readyz", key=keys.write)
    text = "\n".join(
        record.getMessage() for record in caplog.records if record.name.startswith("recsys")
    )
    (line,) = (line for line in text.splitlines() if "GET /readyz 200" in line)
    assert line.endswith(f"key {keys.read.split('_')[1]}")
    assert secret[:20] not in text
    assert settings.api_database_url.get_secret_value() not in text


def test_a_key_has_so_many_requests_a_minute(api: Api, conn: Connection) -> None:
    from recsys.serving.limits import Limiter
    from recsys.serving.problems import Problem

    headers = api.get("/readyz", key=new_key(conn, rate=2)).headers
    assert headers["ratelimit-policy"] == '"key";q=2;w=60'
    assert headers["ratelimit"] == '"key";r=1;t=30'
    limiter = Limiter()
    assert limiter.take(1, 2, now=0)["RateLimit"] == '"key";r=1;t=30'
    assert limiter.take(1, 2, now=0)["RateLimit"] == '"key";r=0;t=60'
    with pytest.raises(Problem) as refused:
        limiter.take(1, 2, now=1)
    assert refused.value.status_code == 429
    assert refused.value.headers["Retry-After"] == "29"
    limiter.take(2, 2, now=1)  # another key's bucket is its own
    assert limiter.take(1, 2, now=31)["RateLimit"] == '"key";r=0;t=59'


def test_metrics_count_answers_by_route(api: Api, keys: Keys) -> None:
    assert api.get("/metrics", key="").status_code == 401
    assert api.get("/metrics", key=keys.write).status_code == 403
    first = ("GET", "/v1/users/1/recommendations", {})
    answers = api.many([first, first, ("GET", "/metrics", {})])
    text = answers[-1].text
    series = 'route="/v1/users/{user_id}/recommendations",status="200"'
    (line,) = [line for line in text.splitlines() if series in line and "_total{" in line]
    assert float(line.split()[-1]) >= 2
    assert "recsys_api_live_publication 1.0" in text and "recsys_api_live_age_seconds " in text
    assert answers[-1].headers["content-type"].startswith("text/plain")


def test_metrics_do_not_grow_with_the_methods_that_a_client_invents(api: Api, keys: Keys) -> None:
    *_, figures = api.many(
        [("BREW1", "/healthz", {}), ("BREW2", "/healthz", {}), ("GET", "/metrics", {})],
        key=keys.read,
    )
    assert "BREW" not in figures.text
    assert 'method="other"' in figures.text
