"""Any exception as one sentence, and whether the same attempt may succeed later: for the terminal,
task logs and Airflow.

What is not imported here (MLflow, its HTTP client, torch) is recognized by the name of its module:
this one stays light.
"""

import errno
import gzip
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import errors as pg
from pydantic import ValidationError

from recsys.errors import RecsysError, UnreachableError

STACK_HINT = "Is the stack up (make demo), or are RECSYS_… variables set?"
MIGRATE_HINT = "run: python -m recsys migrate"
TRACEBACK_HINT = "RECSYS_LOG_LEVEL=DEBUG logs the traceback"


@dataclass(frozen=True)
class Explanation:
    """An error as people read it.

    `retry`: the same attempt may succeed later. `hint`: what a person at a terminal can look at.
    `is_known` is False for what nobody expected, a fault of the code: its traceback is worth
    keeping.
    """

    sentence: str
    retry: bool
    hint: str = ""
    is_known: bool = True


def explain(error: BaseException) -> Explanation:
    """Return what to tell people of an exception. It never raises, and holds no password that a
    setting holds.
    """
    for kind, explain_kind in _KINDS:
        if isinstance(error, kind):
            return explain_kind(error)
    package, name = type(error).__module__.partition(".")[0], type(error).__name__
    if package == "mlflow":
        return explain_mlflow(error)
    if package in _NETWORK_PACKAGES:
        return Explanation(f"the network failed: {_first_line(error)}", retry=True)
    if name in _BY_NAME:
        return _BY_NAME[name](error)
    return _file(error) if isinstance(error, OSError) else _unknown(error)


def explain_ours(error: RecsysError) -> Explanation:
    """Explain an error of recsys."""
    hint = STACK_HINT if isinstance(error, UnreachableError) else ""
    return Explanation(str(error), retry=error.retry_helps, hint=hint)


# Postgres


def explain_postgres(error: psycopg.Error) -> Explanation:
    """Explain an error of Postgres."""
    if isinstance(error, _SCHEMA):
        return Explanation(
            f"the database's schema is missing, or older than this code: {_first_line(error)}; "
            f"{MIGRATE_HINT}",
            False,
        )
    for kinds, fact, retry in _POSTGRES:
        if isinstance(error, kinds):
            return Explanation(f"{fact}: {_first_line(error)}", retry)
    # an error of connecting has one, not raised through connect() of ours
    if error.pgconn is not None:
        return Explanation(
            f"Postgres cannot be reached: {_first_line(error)}", retry=True, hint=STACK_HINT
        )
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) and not error.sqlstate:
        return Explanation(
            f"the connection to Postgres was lost in the middle: {_first_line(error)}", retry=True
        )
    if isinstance(error, psycopg.OperationalError):
        return Explanation(f"Postgres cannot do it now: {_first_line(error)}", retry=True)
    return _unknown(error)


#: What a query meets in a database that was not migrated, or not since this code was installed.
_SCHEMA = (
    pg.UndefinedTable,
    pg.UndefinedColumn,
    pg.UndefinedFunction,
    pg.InvalidSchemaName,
    pg.UndefinedObject,
)

_POSTGRES: tuple[tuple[tuple[type[psycopg.Error], ...], str, bool], ...] = (
    (
        (
            pg.AdminShutdown,
            pg.CrashShutdown,
            pg.CannotConnectNow,
            pg.IdleSessionTimeout,
            pg.IdleInTransactionSessionTimeout,
        ),
        "the connection to Postgres was lost in the middle",
        True,
    ),
    ((pg.QueryCanceled,), "Postgres ended a statement that took longer than the task may", True),
    ((pg.DiskFull,), "the disk of Postgres is full", True),
    ((pg.TooManyConnections,), "Postgres has no connection left", True),
    ((pg.ReadOnlySqlTransaction,), "this Postgres is read-only, as a standby is", True),
    (
        (pg.LockNotAvailable, pg.DeadlockDetected, pg.SerializationFailure),
        "somebody else works on the same rows",
        True,
    ),
    ((pg.InsufficientPrivilege,), "the role of the database URL may not do this", False),
    ((psycopg.DataError,), "a value is not one that Postgres can hold", False),
)


# MLflow and the network


def explain_mlflow(error: BaseException) -> Explanation:
    """MLflow's errors have a code; a server that is away shows in the text alone."""
    away = re.search(r"API request to (?P<url>\S+) failed with (?:timeout )?exception", str(error))
    if away:
        address = "/".join(away["url"].split("/")[:3])
        return Explanation(
            f"MLflow at {address} does not answer: {cause(error)}", retry=True, hint=STACK_HINT
        )
    code = str(getattr(error, "error_code", ""))
    if code in _MLFLOW_LOGIN:
        return Explanation(
            f"MLflow refuses the login: {_first_line(error)}; expected MLFLOW_TRACKING_USERNAME "
            "and MLFLOW_TRACKING_PASSWORD",
            False,
        )
    return Explanation(f"MLflow refuses: {_first_line(error)}", retry=code not in _MLFLOW_FINAL)


_MLFLOW_LOGIN = {"PERMISSION_DENIED", "UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED"}
_MLFLOW_FINAL = {
    "RESOURCE_DOES_NOT_EXIST",
    "RESOURCE_ALREADY_EXISTS",
    "INVALID_PARAMETER_VALUE",
    "BAD_REQUEST",
    "NOT_FOUND",
    "ENDPOINT_NOT_FOUND",
    "NOT_IMPLEMENTED",
    "INVALID_STATE",
}
#: HTTP clients and clients of buckets. botocore and google's also hold errors of permission, which
#: a retry only delays.
_NETWORK_PACKAGES = {
    "requests",
    "urllib3",
    "httpx",
    "httpcore",
    "aiohttp",
    "botocore",
    "gcsfs",
    "google",
    "azure",
    "http",
}


def cause(error: BaseException) -> str:
    """The reason at the bottom of a client's nested text, such as "Connection refused"."""
    text = str(error)
    reasons = re.findall(
        r"\[Errno -?\d+\] ([^'\")\]]+)|(timed out)|(Name or service not known)", text
    )
    return next(filter(None, reasons[-1])) if reasons else text.rpartition(": ")[2][:200]


# files, memory, settings


def _file(error: OSError) -> Explanation:
    place = f" {error.filename}" if error.filename else ""
    reason = error.strerror or _first_line(error)
    if isinstance(error, ConnectionError | TimeoutError):
        return Explanation(f"the network failed: {reason}{place}", retry=True)
    return Explanation(
        f"a file or folder cannot be used: {reason}:{place}".rstrip(":"),
        retry=error.errno not in _FINAL_ERRNOS,
    )


#: What a person must mend. What is missing here passes by itself more often than not: a full disk,
#: a remounted share.
_FINAL_ERRNOS = {
    errno.ENOENT,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.EISDIR,
    errno.ENOTDIR,
    errno.EEXIST,
    errno.ENOTEMPTY,
    errno.ENAMETOOLONG,
    errno.ELOOP,
    errno.EINVAL,
}


def _archive(error: Exception) -> Explanation:
    return Explanation(
        f"an archive is damaged, or not what its name says: {_first_line(error)}", retry=False
    )


def _text(error: UnicodeEncodeError) -> Explanation:
    return Explanation(f"a text is not UTF-8: {error.object[:80]!r}", retry=False)


def _memory(error: BaseException) -> Explanation:
    return Explanation(f"memory ran out: {_first_line(error)}", retry=True)


def explain_validation(error: ValidationError) -> Explanation:
    """Settings by the names of their environment variables; the value only where it is no
    secret.
    """
    faults = error.errors(include_url=False, include_context=False)
    if error.title != "Settings":
        lines = [_fault(fault, ".".join(map(str, fault["loc"]))) for fault in faults]
        return Explanation(f"{error.title}: {'; '.join(lines)}", retry=False)
    lines = [_fault(fault, variable_at(fault["loc"])) for fault in faults]
    return Explanation(f"settings: {'; '.join(lines)}", retry=False, hint=STACK_HINT)


def variable_at(place: tuple[int | str, ...]) -> str:
    """Return the environment variable of a setting's place in an error."""
    field = ".".join(map(str, place))
    return f"RECSYS_{field.upper()}" if field else ""


def _fault(fault: Mapping[str, Any], name: str) -> str:
    message, value = fault["msg"].removeprefix("Value error, "), fault["input"]
    is_secret = fault["loc"] == ("database_url",)
    is_open = isinstance(value, int | float | str) and fault["loc"] and not is_secret
    value_text = f", found {str(value)[:80]!r}" if is_open else ""
    return f"{name}: {message}{value_text}".removeprefix(": ")


def _unknown(error: BaseException) -> Explanation:
    name = type(error).__name__
    return Explanation(
        f"{name}: {_first_line(error)}. Nobody expected this: it is a fault of recsys; "
        f"{TRACEBACK_HINT}",
        retry=not isinstance(error, psycopg.ProgrammingError),
        is_known=False,
    )


def _first_line(error: BaseException) -> str:
    """The error's own words, as one line of bearable length; its type where it has none."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:500] if lines else type(error).__name__


#: In order: the first kind that fits explains.
_KINDS: tuple[
    tuple[type[BaseException] | tuple[type[BaseException], ...], Callable[..., Explanation]], ...
] = (
    (RecsysError, explain_ours),
    (psycopg.Error, explain_postgres),
    (ValidationError, explain_validation),
    (MemoryError, _memory),
    (UnicodeEncodeError, _text),
    ((zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, lzma.LZMAError, EOFError), _archive),
)
#: Of libraries that are not imported here: torch, isal, pydantic-settings.
_BY_NAME: dict[str, Callable[..., Explanation]] = {
    "OutOfMemoryError": _memory,
    "IsalError": _archive,
    "SettingsError": lambda error: Explanation(
        f"settings: {_first_line(error)}", retry=False, hint=STACK_HINT
    ),
}
