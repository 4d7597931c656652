"""Keys of the API: `keys create`, `keys list`, `keys revoke`."""

from argparse import Namespace
from getpass import getuser
from typing import TYPE_CHECKING

from recsys.arguments import ID, whole
from recsys.cli import screen
from recsys.cli.command import Argument, Command, CommandGroup, all_of
from recsys.settings import Settings
from recsys.terminal import table

if TYPE_CHECKING:
    from recsys.serving.key_ledger import KeyRecord

__all__ = ["COMMANDS"]


def create(options: Namespace) -> None:
    """Print a new key, the only time that it is shown."""
    from recsys.db.connect import connect
    from recsys.serving.key_ledger import NewKey, create_key

    new = NewKey(
        scope=options.scope,
        user_id=options.user,
        days=options.days,
        rate=options.rate,
        note=options.note,
        created_by=getuser(),
    )
    with connect(Settings.from_environment()) as conn:
        screen.answer(create_key(conn, new))


def show(options: Namespace) -> None:
    """Show which keys there are; the keys themselves are kept nowhere."""
    from recsys.db.connect import connect
    from recsys.serving.key_ledger import fetch_keys

    with connect(Settings.from_environment()) as conn:
        keys = [key for key in fetch_keys(conn) if options.all or key.holds]
    screen.console.print(table(COLUMNS, [row_of(key) for key in keys]))


def row_of(key: "KeyRecord") -> list[object]:
    user = "all" if key.user_id is None else key.user_id
    return [key.key_id, key.scope, user, key.rate, key.until, key.created_by, key.note]


def revoke(options: Namespace) -> None:
    """Revoke a key for good."""
    from recsys.db.connect import connect
    from recsys.serving.key_ledger import revoke_key

    with connect(Settings.from_environment()) as conn:
        revoke_key(conn, options.key)
    screen.answer(f"key {options.key} is revoked")


COLUMNS = ("key", "scope", "user", "a minute", "holds until", "created by", "note")
CREATE = (
    Argument(
        "--scope",
        required=True,
        choices=("read", "predict", "write", "admin"),
        help="what it opens: read; predict, which reads too; write alone; admin, all of it",
    ),
    Argument("--user", type=ID, help="the only user that it is for; default: all"),
    Argument(
        "--days",
        type=whole(1, 36_500),
        help="how long it holds; default: until it is revoked",
    ),
    Argument(
        "--rate",
        type=whole(1, 10_000_000),
        default=6_000,
        help="requests a minute, of each worker (default 6000)",
    ),
    Argument("--note", default="", help="what it is for, shown by `keys list`"),
)
COMMANDS = (
    CommandGroup(
        "keys",
        "create, list and revoke keys of the API",
        (
            Command("create", create, "print a new key, the only time that it is shown", CREATE),
            Command("list", show, "show the keys that hold", (all_of("show all there were"),)),
            Command(
                "revoke",
                revoke,
                "revoke a key for good",
                (Argument("key", type=ID, help="its number, as `keys list` shows it"),),
            ),
        ),
    ),
)
