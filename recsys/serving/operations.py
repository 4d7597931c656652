"""What admins do: the same functions as the command line's, as recsys_operator and in a thread, so
that the API answers others meanwhile.
"""

from collections.abc import Callable
from typing import TypeVar

from pydantic import SecretStr
from starlette.concurrency import run_in_threadpool

from recsys.errors import RecsysError, RequestError, UnreachableError
from recsys.serving.problems import Problem
from recsys.settings import Settings

__all__ = ["operate", "operator_settings"]

Value = TypeVar("Value")
RETRY_AFTER = {"Retry-After": "5"}


def operator_settings(settings: Settings) -> Settings:
    """Return the settings with the operator's database. Raises a 503 where there is none."""
    url: SecretStr | None = settings.operator_database_url
    if url is None:
        raise Problem(
            503, "operations are off here: RECSYS_OPERATOR_DATABASE_URL is empty; use the terminal"
        )
    return settings.model_copy(update={"database_url": url})


async def operate(settings: Settings, act: Callable[[Settings], Value]) -> Value:
    """Return the result of an operation. Only after the caller was checked.

    An error that says what was wrong with the request is a 404, one that a later attempt may not
    meet a 503, and any other a 409.
    """
    own = operator_settings(settings)
    try:
        return await run_in_threadpool(act, own)
    except RequestError as error:
        raise Problem(404, str(error)) from error
    except UnreachableError as error:  # its text has the server's address
        raise Problem(
            503, "the database does not answer: try again soon", headers=RETRY_AFTER
        ) from error
    except RecsysError as error:
        raise Problem(503 if error.retry_helps else 409, str(error)) from error
