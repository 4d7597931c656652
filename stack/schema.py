"""Write the whole schema in one file, `sql/schema.sql`, as its files make it in a new database."""

import re
import shutil
import tempfile
from pathlib import Path

from pydantic import SecretStr

from recsys.db.connect import connect
from recsys.db.migrate import migrate
from recsys.db.queries import SQL
from recsys.settings import Settings
from stack.postgres import Postgres

SCHEMA = SQL / "schema.sql"

_HEADER = """\
-- The whole schema at a glance, for people to read: written by `make schema`, never applied. What
-- makes it are the files under sql/schema and sql/views, and there are the reasons too.
"""
#: What pg_dump writes for programs: its own comments, a session's settings, and a guard for psql.
_NOISE = re.compile(
    r"^(--.*|SET .*;|SELECT pg_catalog\.set_config\(.*|\\(un)?restrict .*)\n", re.MULTILINE
)


def schema_text(postgres: Postgres, database: str) -> str:
    """Return the schema of a database, from its catalogs."""
    text = _NOISE.sub("", postgres.dump_schema(database))
    return _HEADER + re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"


def new_schema_text() -> str:
    """Return the schema that the files make, on a server that is thrown away."""
    state = Path(tempfile.mkdtemp(prefix="recsys-schema-"))
    postgres = Postgres(state, durable=False)
    try:
        postgres.start()
        with connect(Settings(database_url=SecretStr(postgres.url()))) as conn:
            migrate(conn)
        return schema_text(postgres, "recsys")
    finally:
        postgres.remove()
        shutil.rmtree(state)
