"""What people read of an exception, and whether a retry can help."""

import gzip
import lzma
import socket
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import psycopg
import pytest
from psycopg import errors as pg
from pydantic import SecretStr, ValidationError

from recsys import errors
from recsys.db.connect import connect
from recsys.errors import BusyError, RecsysError, UnreachableError
from recsys.recipe import Recipe
from recsys.sentences import explain
from recsys.settings import Settings


def raised(act: Callable[[], object]) -> BaseException:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - each test looks at its own
        act()
    return caught.value


def test_our_errors_speak_for_themselves_and_a_retry_helps_those_that_say_so() -> None:
    ours = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, RecsysError)
    ]
    assert len(ours) >= 9
    for kind in ours:
        explanation = explain(kind("the fact; expected another"))
        assert explanation.sentence == "the fact; expected another"
        assert explanation.retry == (kind in (UnreachableError, BusyError)), kind


@pytest.mark.parametrize(
    ("error", "words", "retry"),
    [
        (
            pg.UndefinedTable('relation "weeks" does not exist\nLINE 1: …'),
            "run: python -m recsys migrate",
            False,
        ),
        (pg.UndefinedColumn('column "arm" does not exist'), "run: python -m recsys migrate", False),
        (pg.NumericValueOutOfRange("bigint out of range"), "bigint out of range", False),
        (psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes"), "NUL", False),
        (pg.UntranslatableCharacter("character with byte sequence …"), "byte sequence", False),
        (pg.InsufficientPrivilege("permission denied for table ratings"), "may not do this", False),
        (
            pg.QueryCanceled("canceling statement due to statement timeout"),
            "longer than the task may",
            True,
        ),
        (pg.DiskFull("could not extend file"), "disk of Postgres is full", True),
        (pg.DeadlockDetected("deadlock detected"), "somebody else", True),
        (pg.LockNotAvailable("canceling statement due to lock timeout"), "somebody else", True),
        (
            pg.IdleSessionTimeout("terminating connection due to idle-session timeout"),
            "lost in the middle",
            True,
        ),
        (
            pg.AdminShutdown("terminating connection due to administrator command"),
            "lost in the middle",
            True,
        ),
        (
            psycopg.OperationalError("consuming input failed: server closed the connection"),
            "lost in the middle",
            True,
        ),
        (psycopg.InterfaceError("the connection is closed"), "lost in the middle", True),
        (
            pg.ReadOnlySqlTransaction("cannot execute INSERT in a read-only transaction"),
            "read-only",
            True,
        ),
        (pg.OutOfMemory("out of shared memory"), "out of shared memory", True),
    ],
)
def test_errors_of_postgres(error: psycopg.Error, words: str, retry: bool) -> None:
    explanation = explain(error)
    assert words in explanation.sentence and "\n" not in explanation.sentence
    assert (explanation.retry, explanation.is_known, explanation.hint) == (retry, True, "")


def test_a_server_that_is_away_is_reported_with_a_hint_and_tried_again() -> None:
    def enter() -> None:
        with connect(Settings(database_url=SecretStr("postgresql://me:s3cret@127.0.0.1:1/recsys"))):
            pass

    explanation = explain(raised(enter))
    assert (
        "Postgres cannot be reached" in explanation.sentence
        and "127.0.0.1" in explanation.sentence
        and "s3cret" not in explanation.sentence
    )
    assert explanation.retry and "make demo" in explanation.hint


@pytest.mark.parametrize(
    "url",
    ["postgresq://me:s3cret@host/db", "s3cret", "postgresql://me:s3cret@host/db?no_such_option=1"],
)
def test_a_database_url_that_cannot_be_read_is_refused_without_its_password(url: str) -> None:
    def enter() -> None:
        with connect(Settings(database_url=SecretStr(url))):
            pass

    explanation = explain(raised(enter))
    assert (
        "RECSYS_DATABASE_URL cannot be read" in explanation.sentence
        and "s3cret" not in explanation.sentence
    )
    assert not explanation.retry


def test_a_mlflow_that_is_away_is_named_with_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow

    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")
    explanation = explain(
        raised(lambda: mlflow.MlflowClient("http://127.0.0.1:1").get_experiment_by_name("x"))
    )
    assert (
        explanation.sentence == "MLflow at http://127.0.0.1:1 does not answer: Connection refused"
    )
    assert explanation.retry and "make demo" in explanation.hint


def test_a_mlflow_that_takes_its_time_is_said_to_do_so(monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow

    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        uri = f"http://127.0.0.1:{silent.getsockname()[1]}"
        explanation = explain(raised(lambda: mlflow.MlflowClient(uri).get_experiment_by_name("x")))
    assert explanation.sentence == f"MLflow at {uri} does not answer: timed out"
    assert explanation.retry


def test_mlflows_answers_are_final_where_they_would_come_again(mlflow_store: str) -> None:
    import mlflow
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import TEMPORARILY_UNAVAILABLE, UNAUTHENTICATED

    explanation = explain(raised(lambda: mlflow.MlflowClient(mlflow_store).get_run("0" * 32)))
    assert explanation.sentence.startswith("MLflow refuses: ") and not explanation.retry
    assert explain(MlflowException("later", TEMPORARILY_UNAVAILABLE)).retry
    login = explain(MlflowException("who are you?", UNAUTHENTICATED))
    assert "MLFLOW_TRACKING_USERNAME" in login.sentence and not login.retry


@pytest.mark.parametrize("path", ["/nonexistent/there", "/"])
def test_a_file_that_cannot_be_used_is_named(path: str) -> None:
    explanation = explain(raised(Path(path).read_bytes))
    assert explanation.sentence.endswith(path) and not explanation.retry and explanation.is_known


def test_a_full_disk_passes_by_itself() -> None:
    def write() -> None:
        with Path("/dev/full").open("w") as full:
            full.write("x")

    explanation = explain(raised(write))
    assert "No space left on device" in explanation.sentence and explanation.retry


def test_the_network_passes_by_itself() -> None:
    import requests

    for act in (
        lambda: socket.create_connection(("127.0.0.1", 1)),
        lambda: requests.get("http://127.0.0.1:1/", timeout=1),
    ):
        explanation = explain(raised(act))
        assert (
            "the network failed" in explanation.sentence
            and explanation.retry
            and explanation.is_known
        )


@pytest.mark.parametrize(
    "act",
    [
        lambda: zipfile.ZipFile(BytesIO(b"no zip")),
        lambda: gzip.decompress(b"no gzip"),
        lambda: gzip.decompress(gzip.compress(b"x" * 100)[:-9]),
        lambda: zlib.decompress(b"no zlib"),
        lambda: lzma.decompress(b"no lzma"),
    ],
)
def test_a_damaged_archive_stays_damaged(act: Callable[[], object]) -> None:
    explanation = explain(raised(act))
    assert explanation.sentence.startswith("an archive is damaged") and not explanation.retry


def test_memory_that_runs_out_is_reported_with_its_size() -> None:
    explanation = explain(raised(lambda: np.empty(2**55)))
    assert "256. PiB" in explanation.sentence and explanation.retry


def test_settings_are_named_by_their_variables_and_keep_their_secrets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    explanation = explain(raised(Settings.from_environment))
    assert explanation.sentence == "settings: RECSYS_DATABASE_URL: Field required"
    assert not explanation.retry and "make demo" in explanation.hint
    monkeypatch.setenv("RECSYS_DATABASE_URL", "postgresql://me:s3cret@host/db")
    monkeypatch.setenv("RECSYS_TOP_N", "many")
    monkeypatch.setenv("RECSYS_NOTIFIER", "pigeon")
    sentence = explain(raised(Settings.from_environment)).sentence
    assert (
        "RECSYS_TOP_N" in sentence and "found 'many'" in sentence and "RECSYS_NOTIFIER" in sentence
    )
    assert "s3cret" not in sentence
    monkeypatch.delenv("RECSYS_TOP_N")
    # a fault of the whole, whose value is every setting
    monkeypatch.setenv("RECSYS_NOTIFIER", "mail")
    sentence = explain(raised(Settings.from_environment)).sentence
    assert (
        sentence.startswith("settings: notifier is mail, and nobody gets its messages")
        and "s3cret" not in sentence
    )


def test_hyperparameters_are_named() -> None:
    error = raised(lambda: Recipe.of("als", factors=-1))
    assert isinstance(error, ValidationError)
    explanation = explain(error)
    assert (
        "factors" in explanation.sentence
        and "found '-1'" in explanation.sentence
        and not explanation.retry
    )


def test_what_nobody_expected_is_reported_by_type_message_and_traceback() -> None:
    explanation = explain(KeyError("movie_id"))
    assert (
        explanation.sentence.startswith("KeyError: 'movie_id'")
        and "RECSYS_LOG_LEVEL=DEBUG" in explanation.sentence
    )
    assert not explanation.is_known
    assert explain(AssertionError()).sentence.startswith("AssertionError: AssertionError.")


def test_a_query_that_is_wrong_is_a_fault_of_ours_and_not_tried_again() -> None:
    explanation = explain(pg.SyntaxError('syntax error at or near "SELEC"'))
    assert (explanation.is_known, explanation.retry) == (False, False)


def test_explaining_loads_nothing_heavy() -> None:
    code = (
        "import sys, recsys.sentences; print(*sorted({name.partition('.')[0] for name in "
        "sys.modules}))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"mlflow", "airflow", "torch", "requests", "pandas", "numpy", "pyarrow"} & set(
        loaded
    )
