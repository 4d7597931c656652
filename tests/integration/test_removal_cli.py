"""`withdraw` and `erase` at a terminal and in a script: what they show, ask, refuse and leave."""

import sys
from collections.abc import Callable
from datetime import date

import pytest
from rich.prompt import Confirm

from recsys import cli
from recsys.db.connect import Connection
from recsys.recipe import Recipe
from recsys.registry.store import Registry
from recsys.removal import erase_user, refits
from recsys.settings import Settings
from tests import steps

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Run a command on the test's installation, with nobody at a terminal; give its status and what
    it printed.
    """
    monkeypatch.setenv("RECSYS_DATABASE_URL", settings.database_url.get_secret_value())
    for name in ("drops", "mlflow_tracking_uri", "title_model"):
        monkeypatch.setenv(f"RECSYS_{name.upper()}", getattr(settings, name))
    monkeypatch.setenv("COLUMNS", "300")

    def command(*arguments: str) -> tuple[int, str]:
        status = cli.main(list(arguments))
        return status, capsys.readouterr().out

    return command


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Let somebody at a terminal give this answer to each question."""

    def say(answer: bool) -> None:
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
        monkeypatch.setattr(
            Confirm, "ask", lambda question, **_options: sys.stdout.write(str(question)) and answer
        )

    return say


@pytest.fixture
def live_week(settings: Settings, weeks: list[date]) -> date:
    steps.run_week(settings, as_of=weeks[0], recipes=["popularity"])
    return weeks[0]


@pytest.fixture
def top(live_week: date, conn: Connection) -> tuple[int, str]:
    """The movie that is in most lists."""
    row = conn.execute(
        "SELECT movie_id, title FROM recommendations JOIN catalogue USING (movie_id) GROUP BY 1, 2 "
        "ORDER BY count(*) DESC LIMIT 1"
    ).fetchone()
    return row.movie_id, row.title


def counts(conn: Connection) -> tuple[int, ...]:
    tables = ("withdrawals", "erased_users", "live_history", "publications", "ratings")
    return tuple(
        conn.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()[0] for table in tables
    )


def test_a_script_has_to_say_yes(run: Run, conn: Connection, top: tuple[int, str]) -> None:
    before = counts(conn)
    for command in (
        ["withdraw", str(top[0]), "--reason", "r"],
        ["erase", "1"],
        ["withdraw", str(top[0]), "--reason", "r", "--now"],
    ):
        status, text = run(*command)
        assert status == 1
        assert "Nobody is at a terminal to answer; expected --yes. Nothing was changed" in text
    assert counts(conn) == before


def test_a_withdrawal_asks_with_the_movies_title(
    run: Run, answer: Callable[[bool], None], conn: Connection, top: tuple[int, str]
) -> None:
    movie, title = top
    before = counts(conn)
    answer(False)
    status, text = run("withdraw", str(movie), "--reason", "rights")
    assert (status, f"Withdraw movie {movie}, {title}, from the next publication on?" in text) == (
        1,
        True,
    )
    assert "Nothing was changed" in text
    assert counts(conn) == before
    answer(True)
    status, text = run("withdraw", str(movie), "--reason", "rights", "--now")
    assert status == 0
    assert f"Withdraw movie {movie}, {title}, now?" in text
    assert f"movie {movie}, {title}, is withdrawn. Publication 2 is live in place of 1" in text
    status, text = run("withdraw", str(movie), "--undo", "--reason", "a mistake")
    assert status == 0
    assert f"movie {movie}, {title}, may be recommended again" in text
    assert run("withdraw", str(movie), "--undo", "--reason", "again", "--yes")[0] == 1


def test_an_erasure_shows_what_goes_and_what_stays(
    run: Run, answer: Callable[[bool], None], conn: Connection, live_week: date
) -> None:
    n = conn.execute("SELECT count(*) FROM ratings WHERE user_id = 1").fetchone()[0]
    before = counts(conn)
    answer(False)
    status, text = run("erase", "1")
    assert status == 1
    assert f"user 1: {n} ratings" in text
    assert "lists in publications: 1 (live)" in text
    assert "Erase user 1 for good? There is no undo." in text
    assert counts(conn) == before
    answer(True)
    status, text = run("erase", "1", "--now")
    assert status == 0
    assert f"user 1 is erased: {n} ratings" in text
    key = Recipe.of("popularity").key
    assert f"model versions fitted on their ratings: 1 ({key}, week {live_week})" in text
    assert f"files of the drops movielens {live_week}" in text
    assert (
        "versions in use that wait to be fitted again: 1 (python -m recsys erase 1 --refit)" in text
    )
    assert conn.execute("SELECT cause FROM live_history ORDER BY seq").fetchall() == [
        ("published",),
        ("by hand",),
    ]
    assert "user 1 was erased on" in run("erase", "1")[1]


def test_a_mistyped_user_is_refused(run: Run, conn: Connection, live_week: date) -> None:
    before = counts(conn)
    status, text = run("erase", "424242", "--yes")
    assert status == 1
    assert "no user 424242" in text
    assert "--bar" in text
    assert counts(conn) == before
    assert run("erase", "424242", "--bar", "--yes")[0] == 0
    assert conn.execute("SELECT user_id FROM erased_users").fetchall() == [(424242,)]


# ---------------------------------------------------------------- refits


def test_refits_go_on_where_they_stopped(
    settings: Settings, weeks: list[date], conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    for week in weeks[:2]:
        steps.run_week(settings, as_of=week, recipes=["popularity"])
    erase_user(settings, 1)
    assert [row.model_version for row in refits.versions_to_refit(conn)] == ["1", "2"]
    fit, done = refits.refit_version, []

    def once(*arguments):
        if done:
            raise KeyboardInterrupt
        done.append(arguments)
        return fit(*arguments)

    monkeypatch.setattr(refits, "refit_version", once)
    with pytest.raises(KeyboardInterrupt):
        list(refits.refit_versions(settings))
    assert [row.model_version for row in refits.versions_to_refit(conn)] == ["2"]
    monkeypatch.undo()
    (sentence,) = refits.refit_versions(settings)
    assert sentence.startswith(
        f"version 2 ({Recipe.of('popularity').key}, week {weeks[1]}) was fitted again as version 4"
    )
    assert list(refits.refit_versions(settings)) == [
        "no version in use learned from a user who was erased since: nothing to fit again"
    ]
    champions = conn.execute(
        "SELECT as_of, model_version, reasons[array_length(reasons, 1)] FROM promotions ORDER BY "
        "as_of"
    ).fetchall()
    again = "Version {} was fitted again as version {}, without users who were erased."
    assert champions == [(weeks[0], "3", again.format(1, 3)), (weeks[1], "4", again.format(2, 4))]
    assert Registry(settings).champion() == "4"
    before, after = (Registry(settings).version_tags(number)["n_ratings"] for number in "24")
    assert int(after) < int(before)


def test_a_week_run_again_after_a_refit_publishes_the_new_versions_lists(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    steps.run_week(settings, as_of=weeks[0], recipes=["popularity"])
    erase_user(settings, 1, now=True)
    list(refits.refit_versions(settings))
    steps.run_week(settings, as_of=weeks[0], recipes=["popularity"])
    assert conn.execute("SELECT DISTINCT model_version FROM recommendations").fetchall() == [("2",)]
