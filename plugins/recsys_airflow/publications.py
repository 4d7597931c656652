"""What the form of rollback_publication offers: looked up when the DAG file is parsed, so light,
short, and never an error.
"""

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recsys.settings import Settings

log = logging.getLogger(__name__)

#: Seconds that parsing may lose to a database that does not answer.
PATIENCE = 2


def past_publications() -> dict[int, str]:
    """Return the publications that can be made live, each with a line on it, the newest first.

    Empty where the database does not answer.
    """
    # recsys.steps.undo would import NumPy and SciPy; a parse must not
    from recsys.db.connect import connect
    from recsys.promotion.live import publications_to_show

    try:
        with connect(impatient_settings()) as conn:
            publications = publications_to_show(conn)
            return {publication.publication_id: publication.summary for publication in publications}
    # a form without its dropdown is better than no form, on the day that a rollback is needed
    except Exception as error:  # noqa: BLE001
        log.warning(
            "the form of rollback_publication asks for a number: the publications cannot "
            "be listed: %s",
            error,
        )
        return {}


def impatient_settings() -> "Settings":
    """Return settings with which a connection and its statements soon give up."""
    from psycopg.conninfo import make_conninfo
    from pydantic import SecretStr

    from recsys_airflow.hook import RecsysHook

    settings = RecsysHook().settings(timedelta(seconds=PATIENCE))
    url = make_conninfo(settings.database_url.get_secret_value(), connect_timeout=PATIENCE)
    return settings.model_copy(update={"database_url": SecretStr(url)})
