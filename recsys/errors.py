"""What can go wrong, by name. A message says the fact, the key, what was found and what was
expected.
"""

from typing import ClassVar

from psycopg import OperationalError


class RecsysError(Exception):
    """Base of all errors that the library raises on purpose.

    `retry_helps`: the same attempt may succeed later, without anybody doing anything.
    """

    retry_helps: ClassVar[bool] = False


class UnreachableError(RecsysError, OperationalError):
    """Postgres did not let us connect. Also an error of psycopg, as one that comes later would
    be.
    """

    retry_helps = True


class RequestError(RecsysError):
    """A run, or a person, asks for something that there cannot be: repeating the request cannot
    help.
    """


class DropError(RecsysError):
    """A drop that cannot be taken in: repeating the attempt on the same files cannot help.

    `where` names the drop, with its path. It comes last in the text: a log cuts a long line at its
    width. What the message quotes of files is escaped where a terminal or Postgres could not show
    it.
    """

    def __init__(self, reason: str, where: object = None) -> None:
        self.reason = _printable(reason)
        super().__init__(
            self.reason if where is None else f"{self.reason} ({_printable(str(where))})"
        )


def _printable(text: str) -> str:
    return ("").join(
        character if character.isprintable() else repr(character)[1:-1] for character in text
    )


class NothingToRecommend(RecsysError):
    """The week may see no rating and no user, or no movie."""


class LedgerError(RecsysError):
    """The ledger does not hold what a step needs, or holds something that contradicts it."""


class ModelLost(LedgerError):
    """MLflow has lost a model that the ledger names, or has it damaged, and what is fitted in its
    place is another.
    """


class ModelError(RecsysError):
    """A recipe that cannot be built, fitted, saved or loaded."""


class FitError(ModelError):
    """A recipe that cannot be fitted on a week's ratings. It loses the week, which goes on without
    it.
    """


class DriftError(RecsysError):
    """The data have drifted in a way that the settings do not let pass."""


class PublicationError(RecsysError):
    """A publication that failed its own checks; readers keep the one they have."""


class BusyError(PublicationError):
    """A publication that is in use and cannot be changed just now."""

    retry_helps = True
