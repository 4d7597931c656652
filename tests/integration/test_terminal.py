"""What a terminal is shown: text as it stands, whatever it holds and whatever the terminal can
show; never a traceback.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from recsys import cli
from recsys.cli import program, screen
from recsys.cli.week import ask_approval
from recsys.db.connect import Connection
from recsys.promotion.approval import Proposal
from recsys.settings import Settings
from recsys.terminal import terminal
from stack import __main__ as stack_cli
from tests import steps
from tests.landing import Landing

ROOT = Path(__file__).parents[2]
WEEK = date(2020, 1, 6)
#: Words of rich's markup and of its emoji, which are words of titles and names all the same.
TITLES = {
    1: "[rec] Night Shift (1981)",
    2: "Before [/dusk] (1982)",
    3: "[bold]Loud[/bold] :smile: (1983)",
    4: "[link=http://x]Żądło ⅓ – 東京 (1996)",
    5: "Plain \\[red] (1985)",
    6: "Escaped \x1b[31mred\x07 (1986)",
}
GENRES = "[/red]|:smile:|[b]"


def published() -> dict[str, str]:
    movies = "".join(f'{number},"{title}",{GENRES}\n' for number, title in TITLES.items())
    ratings = "".join(
        f"{user},{movie},"
        f"{4.5 if (user + movie) % 3 else 3.0},{1_500_000_000 + user * 100 + movie}\n"
        for user in range(1, 25)
        for movie in TITLES
        if (user + movie) % 2
    )
    links = "".join(f"{number},{number},{number}\n" for number in TITLES)
    return {
        "movies.csv": f"movieId,title,genres\n{movies}",
        "ratings.csv": f"userId,movieId,rating,timestamp\n{ratings}",
        "links.csv": f"movieId,imdbId,tmdbId\n{links}",
        "[dusk].csv": "a file that nobody reads\n",
    }


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(
        update={
            "recipes": ("popularity",),
            "min_history": 1,
            "top_n": 2,
            "git_sha": "[/sha]",
            "drops": f"{settings.drops} [/in]",
        }
    )


@pytest.fixture
def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The test's installation, in this process and for others."""
    for name in settings.model_fields_set:
        value = getattr(settings, name)
        text = (
            value.get_secret_value()
            if name == "database_url"
            else (",").join(value)
            if name == "recipes"
            else str(value)
        )
        monkeypatch.setenv(f"RECSYS_{name.upper()}", text)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return dict(os.environ)


@pytest.fixture
def installed(environment: dict[str, str], settings: Settings, conn: Connection) -> Settings:
    """A week is live whose every name holds what rich would read as markup."""
    Landing(Path(settings.drops), conn).put(WEEK, published())
    steps.run_week(settings, as_of=WEEK, run_id="[/run] :smile:")
    conn.execute(
        "UPDATE promotions SET approval = 'approved', approved_by = '[/ada]', reasons = "
        "'{:smile: [/why]}'"
    )
    return settings


Command = Callable[..., tuple[int, str]]


@pytest.fixture(params=["ours", "plain"])
def call(
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Command:
    """Run a command on a console as the program makes it, and on one that would understand
    markup.
    """
    consoles = {"ours": terminal(width=250), "plain": Console(width=250)}
    monkeypatch.setattr(screen, "console", consoles[request.param])

    def run(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        status = cli.main(list(arguments))
        return status, re.sub(r"\s+", " ", re.sub(r"[│┃|]", " ", capsys.readouterr().out))

    return run


def test_every_command_shows_brackets_and_colons_as_they_are(
    call: Command, installed: Settings, conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    user = conn.execute("SELECT min(user_id) AS id FROM recommendations").fetchone().id
    shown = dict.fromkeys(TITLES, False)
    for number in range(user, user + 5):
        status, text = call("recommend", str(number), "-n", "10")
        assert status == 0 and GENRES.replace("|", ", ") in text
        assert "\x1b[31m" not in text and "\x07" not in text
        shown |= {movie: True for movie, title in TITLES.items() if title.split("\x1b")[0] in text}
    assert all(shown.values()), shown
    status, text = call("history", "--all")
    assert (
        status == 0
        and "[/run] :smile:" in text
        and "approved by [/ada]" in text
        and "[/sha]" in text
    )
    status, text = call("history", "--user", str(user))
    assert (
        status == 0
        and ":smile: [/why]" in text
        and "[/run] :smile:" in text
        and "[/red], :smile:, [b]" in text
    )
    assert ":smile: [/why]" in call("exam")[1]
    assert "[dusk].csv" in call("drops", "list")[1] and "[/in]" in call("drops", "check")[1]
    assert "[/x] :smile:" in call("train", "[/x] :smile:")[1]
    assert call("rollback", "--to", "77", "--reason", "[/odd]")[0] == 1
    assert "[/zone]" in call("drops", "list", "--drops", "[/zone]")[1]
    assert "[/nowhere].zip" in call("drops", "replay", "[/nowhere].zip", "--drops", "[/zone]")[1]
    assert call("weeks", "--output", "/nonexistent/[/folder]/x.html")[1].count("[/folder]") >= 1
    assert call("rollback", "--list")[0] == 0


def test_an_approval_shows_its_subject_as_it_is(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("rich.prompt.Confirm.ask", lambda *_, **__: True)
    assert (
        ask_approval(Proposal(True, "Week [/x]: first, :smile:", "|a|\n|-|\n|[/b]|")).answer
        == "approved"
    )
    shown = capsys.readouterr().out
    assert "Week [/x]: first, :smile:" in shown and "[/b]" in shown


def test_an_end_of_input_at_the_question_is_nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def leave(*_: object, **__: object) -> bool:
        raise EOFError

    monkeypatch.setattr("rich.prompt.Confirm.ask", leave)
    assert ask_approval(Proposal(True, "A week", "")).answer == "timed out"


# ---------------------------------------------------------------- as a process


def run(*arguments: str, module: str = "recsys", **more: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(
        command, env=os.environ | more, cwd=ROOT, capture_output=True, check=False, timeout=120
    )


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_a_terminal_that_is_not_utf8_shows_what_it_can(
    installed: Settings, conn: Connection, encoding: str
) -> None:
    user = conn.execute("SELECT user_id FROM recommendations WHERE movie_id = 4 LIMIT 1").fetchone()
    user = user or conn.execute("SELECT user_id FROM ratings WHERE movie_id = 4 LIMIT 1").fetchone()
    for arguments in (
        ("recommend", str(user.user_id), "-n", "10"),
        ("history",),
        ("drops", "list"),
        ("exam",),
        ("tune", "--help"),
    ):
        done = run(*arguments, PYTHONIOENCODING=encoding)
        assert done.returncode == 0, done.stderr.decode()
        assert b"Traceback" not in done.stderr + done.stdout
        assert done.stdout.decode(encoding)
        if arguments[0] == "recommend":
            assert b"d?o ? " in done.stdout
    for arguments in (("up", "--help"), ("status",)):
        done = run(
            *arguments, module="stack", PYTHONIOENCODING=encoding, RECSYS_HOME="/nonexistent/żądło"
        )
        assert done.returncode == 0 and b"Traceback" not in done.stderr + done.stdout, (
            done.stderr.decode()
        )


def test_what_nobody_reads_to_its_end_ends_without_a_word(installed: Settings) -> None:
    ours = f"'{sys.executable}' -m recsys"
    script = f"{ours} recommend | head -1; {ours} history >&- ; {ours} history >/dev/full"
    done = subprocess.run(
        ["/bin/bash", "-c", script],
        env=os.environ,
        cwd=ROOT,
        capture_output=True,
        check=False,
        timeout=120,
    )
    text = done.stderr.decode()
    assert "Traceback" not in text and "Exception ignored" not in text and "BrokenPipe" not in text
    assert "No space left on device" in text  # of the last, whose status says so too
    assert done.returncode == 1


def test_a_command_that_is_stopped_says_so_and_no_more(
    installed: Settings, conn: Connection
) -> None:
    """At a lock, where it waits for as long as it takes."""
    conn.execute("SELECT pg_advisory_lock(hashtextextended('drops', 0))")
    # whoever runs the tests in the background may have the signal ignored, and so has its children
    with_signal = ["env", "--default-signal=INT"]
    command = [*with_signal, sys.executable, "-m", "recsys", "run", "--as-of", str(WEEK)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    waiting = (
        "SELECT count(*) AS n FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = "
        "current_database()"
    )
    deadline = time.monotonic() + 100
    while not conn.execute(waiting).fetchone().n:
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Traceback" not in out + err and b"stopped" in err


# ---------------------------------------------------------------- faults


def printed_by(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """A command that fails, and says so in a sentence."""
    capsys.readouterr()
    assert cli.main(list(arguments)) == 1
    caught = capsys.readouterr()
    assert "Traceback" not in caught.out + caught.err
    return re.sub(r"\s+", " ", caught.out)


COMMANDS = [
    ["run"],
    ["run", "--as-of", "2020-01-06"],
    ["train", "als"],
    ["tune", "als"],
    ["exam"],
    ["recommend"],
    ["recommend", "1"],
    ["predict", "1", "--title", "T"],
    ["history"],
    ["history", "--user", "1"],
    ["rollback", "--list"],
    ["rollback", "--reason", "odd"],
    ["weeks"],
    ["withdraw", "1", "--reason", "odd"],
    ["erase", "1"],
]


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_every_command_names_migrate_where_there_is_no_schema(
    environment: dict[str, str],
    settings: Settings,
    conn: Connection,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
) -> None:
    Landing(Path(settings.drops), conn).put(WEEK, published())
    conn.execute("DROP SCHEMA public CASCADE")
    conn.execute("CREATE SCHEMA public")
    assert "run: python -m recsys migrate" in printed_by(capsys, *arguments)


@pytest.mark.parametrize("arguments", [*COMMANDS, ["migrate"]], ids=" ".join)
def test_every_command_tells_of_a_postgres_that_is_away(
    environment: dict[str, str],
    settings: Settings,
    conn: Connection,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
) -> None:
    Landing(Path(settings.drops), conn).put(WEEK, published())
    monkeypatch.setenv("RECSYS_DATABASE_URL", "postgresql://me:s3cret@127.0.0.1:1/recsys")
    text = printed_by(capsys, *arguments)
    assert "Postgres cannot be reached" in text and "make demo" in text and "s3cret" not in text


def test_a_mlflow_that_is_away_is_named(
    environment: dict[str, str],
    installed: Settings,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {"MAX_RETRIES": "0", "TIMEOUT": "2"}.items():
        monkeypatch.setenv(f"MLFLOW_HTTP_REQUEST_{name}", value)
    monkeypatch.setenv("RECSYS_MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    text = printed_by(capsys, "predict", "1", "--title", "T")
    assert "MLflow at http://127.0.0.1:1 does not answer" in text


def test_a_schema_that_is_older_than_the_code_is_named(
    environment: dict[str, str],
    conn: Connection,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    conn.execute("UPDATE applied_views SET sha256 = 'another' WHERE name = '08_lineage.sql'")
    assert "08_lineage.sql under sql/views differ" in printed_by(capsys, "history")
    conn.execute("DELETE FROM migrations WHERE name <> '001_baseline.sql'")
    conn.execute("UPDATE migrations SET name = '001_ledger_of_drops.sql'")
    for command in ("history", "migrate"):
        assert "found 001_ledger_of_drops.sql in its table migrations" in printed_by(
            capsys, command
        )
    monkeypatch.setattr(program, "check_schema", lambda: None)
    conn.execute("ALTER TABLE live_history RENAME COLUMN cause TO why")
    assert "older than this code" in printed_by(capsys, "history")


def test_what_a_command_needs_and_nobody_gave_is_named(
    environment: dict[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECSYS_TOP_N", "many")
    assert "RECSYS_TOP_N" in printed_by(capsys, "history")
    monkeypatch.delenv("RECSYS_TOP_N")
    monkeypatch.setenv("RECSYS_LOG_LEVEL", "LOUD")
    assert "RECSYS_LOG_LEVEL is 'LOUD'; expected DEBUG" in printed_by(capsys, "history")


def test_a_value_that_postgres_cannot_hold_is_named(
    environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    text = printed_by(capsys, "predict", "1", "--title", "T", "--director", "no\x00body")
    assert "cannot" in text and "NUL" in text
    assert "not UTF-8" in printed_by(
        capsys, "predict", "1", "--title", "T", "--director", "lone \udcff"
    )


def test_a_fault_of_the_code_is_named_with_where_its_traceback_is(
    environment: dict[str, str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("recsys.history.show_history", lambda *_, **__: {}["week"])
    assert "KeyError: 'week'" in printed_by(capsys, "history")
    assert not caplog.records
    monkeypatch.setenv("RECSYS_LOG_LEVEL", "debug")
    assert "RECSYS_LOG_LEVEL=DEBUG" in printed_by(capsys, "history")
    assert any(record.exc_info and record.levelname == "DEBUG" for record in caplog.records)


def test_a_folder_that_may_not_be_written_is_named(
    environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert "cannot be used: No such file or directory: /proc/" in printed_by(
        capsys, "weeks", "--output", "/proc/weeks.html"
    )


def test_the_stacks_commands_tell_in_sentences(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "stack.services.Stack.down", lambda _: Path("/nonexistent/[/here]").read_text()
    )
    assert stack_cli.main(["down"]) == 1
    caught = capsys.readouterr()
    assert "/nonexistent/[/here]" in caught.out and "Traceback" not in caught.out + caught.err


# ---------------------------------------------------------------- answers


def test_a_list_that_is_shorter_than_asked_for_is_said_to_be(
    installed: Settings, conn: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    user = conn.execute("SELECT min(user_id) AS id FROM recommendations").fetchone().id
    capsys.readouterr()
    assert cli.main(["recommend", str(user), "-n", "50"]) == 0
    assert "A list has 2 movies, not 50" in capsys.readouterr().out
    assert cli.main(["recommend", str(user)]) == 0
    assert "A list has" not in capsys.readouterr().out


@pytest.mark.parametrize("is_watched", [True, False])
@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["migrate"], "migrating"),
        (["run"], "collect_feedback"),
        (["train", "als"], "fitting als"),
        (["tune", "als"], "als"),
        (["predict", "1", "--title", "T"], "loading the newest model"),
        (["recommend"], "looking for users"),
        (["weeks", "--output", "/proc/weeks.html"], "drawing all weeks"),
        (["rollback", "--reason", "odd"], "rolling back"),
        (["retire", "2020-01-06", "--reason", "odd"], "week 2020-01-06"),
        (["erase", "1", "--bar", "--yes"], "at work"),
        (["drops", "check"], "checking"),
        (["drops", "replay", "/nowhere.zip"], "reading /nowhere.zip"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_command_that_takes_its_time_says_so_to_a_person_alone(
    environment: dict[str, str],
    conn: Connection,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    text: str,
    is_watched: bool,
) -> None:
    """Most fail at once here, where there is nothing to work on: they have said it by then."""
    errors = Console(
        file=StringIO(),
        width=80,
        force_terminal=is_watched,
        force_interactive=is_watched,
        color_system=None,
    )
    monkeypatch.setattr(screen, "errors", errors)
    monkeypatch.setattr("recsys.drops.cli.terminal", lambda stderr=False: errors)
    cli.main(arguments)
    assert isinstance(errors.file, StringIO)
    assert (text in errors.file.getvalue()) == is_watched


def test_a_rollback_says_once_what_was_done(
    installed: Settings,
    conn: Connection,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    number = conn.execute("SELECT publication_id FROM publications").fetchone().publication_id
    capsys.readouterr()
    assert cli.main(["rollback", "--to", str(number), "--reason", "as it was"]) == 0
    text = capsys.readouterr().out + caplog.text
    assert text.count("is live already") == 1


def test_a_password_that_is_wrong_is_reported(
    environment: dict[str, str],
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = re.sub(r":[^:@/]+@", ":wr0ng@", settings.database_url.get_secret_value())
    monkeypatch.setenv("RECSYS_DATABASE_URL", url)
    text = printed_by(capsys, "history")
    assert "password authentication failed" in text and "wr0ng" not in text


def test_a_database_that_is_cut_in_the_middle_is_reported(
    environment: dict[str, str],
    conn: Connection,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def cut(other: Connection, *_: object, **__: object) -> None:
        conn.execute("SELECT pg_terminate_backend(%s)", [other.info.backend_pid])
        other.execute("SELECT 1")

    monkeypatch.setattr("recsys.history.show_history", cut)
    text = printed_by(capsys, "history")
    assert "lost in the middle" in text and "make demo" not in text
