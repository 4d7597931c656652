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
    is reported with its traceback.
    """
    from recsys.sentences import explain

    try:
        yield
    except AirflowException:
        raise
    except Exception as error:
        explanation = explain(error)
        if not explanation.is_known:
            raise
        log.debug("%s", explanation.sentence, exc_info=error)
        kind = AirflowException if explanation.retry else AirflowFailException
        raise kind(explanation.sentence) from None
