"""`recsys export` at a terminal."""

import json

import pytest

from recsys import cli
from recsys.db.connect import Connection
from recsys.settings import Settings


def test_export_writes_json_and_nothing_else_to_standard_output(
    settings: Settings,
    conn: Connection,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("RECSYS_DATABASE_URL", settings.database_url.get_secret_value())
    conn.execute("INSERT INTO erased_users (user_id) VALUES (42)")
    assert cli.main(["export", "42"]) == 0
    exported = json.loads(capsys.readouterr().out)
    assert exported["user_id"] == 42 and exported["erased_at"] and exported["ratings"] == []
    assert cli.main(["export", "43"]) == 1
    assert "no user 43" in capsys.readouterr().out
