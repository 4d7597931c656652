"""What a task's log and the notifier say of an error: its sentence, and no further try where none
can help.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk.exceptions import AirflowException, AirflowFailException

log = logging.getLogger(__name__)


@contextmanager
def in_sentences() -> Iterator[None]:
    """Turn what the library raises into Airflow's errors: one that fails the task at once where no
    retry can help.

    The traceback goes to the debug log. What nobody expected passes as it is: a fault of the code
    is told with its traceback.
    """
    from recsys.sentences import explain

    try:
        yield
    except AirflowException:
        raise
    except Exception as error:
        told = explain(error)
        if not told.is_known:
            raise
        log.debug("%s", told.sentence, exc_info=error)
        kind = AirflowException if told.retry else AirflowFailException
        raise kind(told.sentence) from None
