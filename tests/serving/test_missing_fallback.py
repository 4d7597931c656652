"""Publications from before lists were filled up from what is stored with them: `migrate` stores
it.
"""

import pytest

from recsys.__main__ import main
from recsys.db.connect import Connection
from recsys.settings import Settings
from tests.serving.conftest import Api
from tests.steps import run_week

ROWS = "SELECT * FROM published_fallback ORDER BY publication_id, place"
NOBODY = f"/v1/users/{2**40 + 5}/recommendations"


def test_migrate_stores_what_a_publication_would_have_stored(
    api: Api,
    settings: Settings,
    conn: Connection,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run_week(settings)  # a second publication
    stored = conn.execute(ROWS).fetchall()
    items = api.get(NOBODY).json()["items"]
    assert len({row.publication_id for row in stored}) == 2 and len(items) == 10
    conn.execute("DELETE FROM published_fallback")
    assert api.get(NOBODY).json()["items"] == []

    monkeypatch.setenv("RECSYS_DATABASE_URL", settings.database_url.get_secret_value())
    assert main(["migrate"]) == 0
    assert "filled up from, of publications 2, 1" in capsys.readouterr().out
    assert conn.execute(ROWS).fetchall() == stored
    assert api.get(NOBODY).json()["items"] == items
    assert main(["migrate"]) == 0
    assert "filled up from" not in capsys.readouterr().out


def test_a_publication_without_rows_is_left_alone(settings: Settings, conn: Connection) -> None:
    from recsys.scoring.fallback import store_missing_fallbacks

    conn.execute("DELETE FROM published_fallback")
    conn.execute("UPDATE publications SET dropped_at = now(), is_live = false")
    assert store_missing_fallbacks(conn) == []
