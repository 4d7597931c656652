"""What MLflow shows of the ledger. It is a mirror: no step, rollback or retirement waits for it for long, or fails for it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import errors

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.promotion import ledger
from recsys.registry.patience import brief
from recsys.registry.store import CHAMPION, Registry
from recsys.registry.trouble import TROUBLE, sentence_of

log = logging.getLogger(__name__)


def mirror_champion(conn: Connection, registry: Registry) -> bool:
    """Let MLflow's alias follow the ledger; each run does it again, so that one that was cut short is put right.

    What stands in its way is a warning. Returns whether the alias is right now.
    """
    try:
        with brief(), _only_one(conn):
            champion = ledger.newest_champion(conn)
            if champion:
                registry.set_champion(champion.model.version)
    except errors.LockNotAvailable:
        _warn("another run has been writing to MLflow for longer than that is waited for")
        return False
    except TROUBLE as error:
        _warn(sentence_of(error, registry.settings.mlflow_tracking_uri))
        return False
    return True


@contextmanager
def _only_one(conn: Connection) -> Iterator[None]:
    """Hold the lock of what MLflow looks up and then makes, unless another keeps it for long: a fit's step may wait minutes."""
    with conn.transaction():
        conn.execute(queries("ledger")["wait_briefly_for_mlflow"])
        conn.execute(queries("ledger")["hold_mlflow"])
        yield


def _warn(why: str) -> None:
    log.warning(
        "MLflow's alias %r could not be brought up to the ledger: %s. What was done stands in the ledger; the alias follows with "
        "the next run, and nothing has to be repeated", CHAMPION, why,
    )  # fmt: skip
