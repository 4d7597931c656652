"""`python -m recsys …` as an operator on call types it."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from getpass import getuser
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from recsys import cli
from recsys.cli import screen
from recsys.db.connect import Connection
from recsys.features.catalogue import Catalogue, Description
from recsys.models.hybrid import Hybrid
from recsys.prediction import StarsModel
from recsys.promotion.approval import Proposal
from recsys.recipe import Recipe
from recsys.registry.store import Registry
from recsys.request import RunRequest
from recsys.settings import Settings
from recsys.steps import decide
from recsys.week import WeekPlan
from recsys.work import Work
from tests import steps


@pytest.fixture
def installed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test's installation in the environment."""
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
    monkeypatch.setattr(screen, "console", Console(width=200))


@pytest.fixture
def call(installed: None, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Run a command; give its status and what it printed."""

    def run(*arguments: str) -> tuple[int, str]:
        status = cli.main(list(arguments))
        return status, capsys.readouterr().out

    return run


def test_run_then_look(
    call: Callable[..., tuple[int, str]], weeks: list[date], conn: Connection
) -> None:
    assert call("run", "--as-of", str(weeks[0]), "--recipes", "als", "--top-n", "4")[0] == 0
    status, exam = call("exam")
    assert status == 0
    assert f"The exam of week {weeks[0]}" in exam
    assert "NDCG@10" in exam
    assert "Champion:" in exam
    user = conn.execute("SELECT min(user_id) AS user_id FROM recommendations").fetchone().user_id
    status, lists = call("recommend", str(user), "-n", "2")
    assert status == 0
    best = conn.execute(
        "SELECT title FROM recommendations JOIN catalogue USING (movie_id) WHERE user_id = %s "
        "ORDER BY rank LIMIT 3",
        [user],
    ).fetchall()
    assert all(row.title in lists for row in best[:2])
    assert best[2].title not in lists.split("recommended")[1]
    assert call("recommend")[1].count("recommended") == 3


def test_all_weeks_are_drawn_from_the_live_database(
    call: Callable[..., tuple[int, str]], settings: Settings, weeks: list[date], tmp_path: Path
) -> None:
    for week in weeks[:2]:
        steps.run_week(settings, as_of=week, recipes=["popularity"])
    status, text = call("weeks", "--output", str(tmp_path / "page.html"))
    assert (status, text.strip()) == (0, f"2 weeks on one page: {tmp_path / 'page.html'}")
    page = (tmp_path / "page.html").read_text()
    assert page.count("<tr>") == 1 + 2
    registry = Registry(settings)
    first = registry.client.download_artifacts(registry.week_run(weeks[0]), "weeks.html")
    assert "1 week of recommendations" in Path(first).read_text()


def test_tune_then_train_the_best_trial(
    call: Callable[..., tuple[int, str]], settings: Settings, weeks: list[date], conn: Connection
) -> None:
    assert call("tune", "popularity")[1].startswith("NothingToRecommend: no week has its drops in")
    steps.run_week(settings, as_of=weeks[0])
    status, text = call("tune", "popularity", "--trials", "3")
    assert status == 0
    assert f"popularity {weeks[0]} " in text and ": 3 trials; " in text
    assert conn.execute("SELECT count(*) AS n FROM tuning_trials").fetchone().n == 3
    status, run_id = call("train", "popularity", "--as-of", str(weeks[1]))
    entry = conn.execute(
        "SELECT run_id FROM exam_entries WHERE recipe_key LIKE 'popularity%'"
    ).fetchone()
    assert (status, run_id.strip()) == (0, entry.run_id)
    assert "ModelError: no recipe 'popularity-00000000'" in call("train", "popularity-00000000")[1]


def test_the_bar_counts_trials_and_shows_the_best(
    call: Callable[..., tuple[int, str]],
    settings: Settings,
    weeks: list[date],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps.run_week(settings, as_of=weeks[0])
    shown = StringIO()
    monkeypatch.setattr(
        screen,
        "errors",
        Console(
            file=shown, width=150, force_terminal=True, force_interactive=True, color_system=None
        ),
    )
    assert call("tune", "popularity", "--trials", "2")[0] == 0
    assert re.search(
        rf"popularity, week {weeks[0]} .*2/2 .*best NDCG@10 0\.\d{{4}}", shown.getvalue()
    )


def test_predict_stars_of_a_movie_told_of(
    call: Callable[..., tuple[int, str]],
    settings: Settings,
    weeks: list[date],
    conn: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    status, text = call("predict", "1", "--title", "New")
    assert status == 1 and text.startswith("LedgerError: MLflow has no fit of recipe hybrid")
    week = steps.resolve_week(settings, as_of=weeks[0])
    steps.ingest_drops(settings, week)
    steps.refresh_views(settings)
    quick = {"max_epochs": 2, "rating_epochs": 3, "size": 8, "rating_size": 8}
    run_id = steps.train_model(settings, week, Recipe.of("hybrid", **quick))
    assert run_id
    model = Registry(settings).load(run_id)
    assert isinstance(model, Hybrid)
    user = str(model.user_ids_[0])
    director, actor = (
        conn.execute(
            "SELECT person_id, name FROM movie_persons JOIN persons USING (person_id) WHERE role = "
            "%s "
            "GROUP BY 1, 2 ORDER BY count(*) DESC, 1 LIMIT 1",
            [role],
        ).fetchone()
        for role in ("director", "actor")
    )
    movie = Description(
        "Such a Movie",
        ("Comedy", "Drama"),
        (director.person_id,),
        (actor.person_id,),
        runtime=99,
        year=1999,
    )
    described = Catalogue.of_descriptions([movie])
    stars = model.predict_described(model.user_ids_[:1], described)[0, 0]
    rate, asked_about = Hybrid.predict_described, []
    monkeypatch.setattr(
        Hybrid,
        "predict_described",
        lambda *args: asked_about.append(args[2].fingerprint()) or rate(*args),
    )
    people = ("--director", director.name.upper(), "--actor", actor.name)
    description = (
        "--title",
        "Such a Movie",
        "--genre",
        "Comedy",
        "--genre",
        "Drama",
        *people,
        "--runtime",
        "99",
        "--year",
        "1999",
    )
    assert call("predict", user, *description) == (
        0,
        f"user {user} would give 'Such a Movie' {stars:.2f} stars\n",
    )
    of_catalogue = model.movie_ids_[0].item()
    titles = conn.execute("SELECT title FROM catalogue WHERE movie_id = %s", [of_catalogue])
    (learned,) = StarsModel(run_id, model).of_movies(int(user), [of_catalogue])
    assert call("predict", user, str(of_catalogue)) == (
        0,
        f"user {user} would give {titles.fetchone().title!r} {learned.stars:.2f} stars\n",
    )
    # of each thing said, a movie's stars may change too little to be seen
    assert asked_about == [described.fingerprint()]
    conn.execute(
        "INSERT INTO ratings SELECT 999998, movie_id, rated_at, drop_id, rating FROM "
        "ratings LIMIT 1"
    )
    for wrong, sentence in {
        (user,): "expected a movie: its movie_id, or --title",
        (user, "1", "--title", "T"): "and not both",
        (user, "98765"): "no movie 98765: expected one that a drop brought",
        (user, "--title", "T", "--director", "Nobody at All"): "director 'Nobody at All': nobody "
        "of that name in the drops",
        (user, "--title", "T", "--genre", "Comdy"): "no genre Comdy: expected some of ",
        ("999999", "--title", "T"): "user 999999 has no rating that run ",
        ("999998", "--title", "T"): "user 999998 has no rating that run ",
    }.items():
        status, text = call("predict", *wrong)
        assert (status, sentence in text) == (1, True), text
    assert call("erase", user, "--yes")[0] == 0
    assert f"user {user} has no rating that run" in call("predict", user, "--title", "T")[1]


def test_an_error_is_a_sentence(call: Callable[..., tuple[int, str]], weeks: list[date]) -> None:
    status, text = call("exam")
    assert (status, "NothingToRecommend: week of any date is not decided" in text) == (1, True)
    assert call("recommend", "1") == (
        1,
        "NothingToRecommend: user 1 has no row in the live publication: expected a user whom its "
        "week knows\n",
    )


def test_settings_that_are_missing_are_named(
    call: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RECSYS_DATABASE_URL")
    status, text = call("exam")
    assert status == 1
    assert "RECSYS_DATABASE_URL: Field required" in text


def test_migrate_says_that_nothing_is_missing(call: Callable[..., tuple[int, str]]) -> None:
    assert call("migrate") == (0, "applied: nothing, the schema is up to date\n")


def test_psql_opens_the_database(installed: None, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["psql", "-c", "SELECT current_user"]) == 0
    assert "recsys_pipeline" in capfd.readouterr().out


def test_a_withdrawn_movie_is_published_no_more(
    call: Callable[..., tuple[int, str]], settings: Settings, weeks: list[date], conn: Connection
) -> None:
    steps.run_week(settings, as_of=weeks[0])
    top = (
        conn.execute(
            "SELECT movie_id FROM recommendations GROUP BY 1 ORDER BY count(*) DESC LIMIT 1"
        )
        .fetchone()
        .movie_id
    )
    assert call("withdraw", str(top), "--reason", "rights", "--yes")[0] == 0
    steps.run_week(settings, as_of=weeks[1])
    live = conn.execute(
        "SELECT as_of, count(*) FILTER (WHERE movie_id = %s) AS n FROM recommendations GROUP BY 1",
        [top],
    ).fetchall()
    assert live == [(weeks[1], 0)]
    assert call("withdraw", "999999", "--reason", "rights", "--yes")[0] == 1


def test_erase_takes_the_user_out_of_the_next_publication(
    call: Callable[..., tuple[int, str]], settings: Settings, weeks: list[date], conn: Connection
) -> None:
    steps.run_week(settings, as_of=weeks[0])
    assert call("erase", "1", "--yes")[0] == 0
    assert (
        conn.execute("SELECT count(*) AS n FROM recommendations WHERE user_id = 1").fetchone().n
        == 0
    )
    steps.run_week(settings, as_of=weeks[1])
    assert (
        conn.execute("SELECT count(*) AS n FROM recommendations WHERE user_id = 1").fetchone().n
        == 0
    )


def test_look_back_and_roll_back(
    call: Callable[..., tuple[int, str]], settings: Settings, weeks: list[date], conn: Connection
) -> None:
    assert call("rollback", "--list") == (0, "nothing was published yet\n")
    for as_of in weeks[:2]:
        steps.run_week(settings, as_of=as_of)
    first, second = (number for number, _ in reversed(steps.past_publications(settings)))
    status, listed = call("rollback", "--list")
    assert status == 0
    assert re.match(
        rf"{second}: week {weeks[1]}, .* users, live now, since .*\n{first}: week {weeks[0]}, .*, "
        r"live last from",
        listed,
    )
    status, done = call("rollback", "--reason", "odd lists")
    assert (
        status,
        done.startswith(f"rolled back from publication {second} to publication {first} of week"),
    ) == (0, True)
    assert call("rollback", "--to", str(second), "--reason", "they were fine")[1].startswith(
        "rolled forward"
    )
    flips = conn.execute(
        "SELECT publication_id, reason, requested_by, run_id FROM live_history WHERE cause <> "
        "'published' ORDER BY seq"
    )
    rows = flips.fetchall()
    assert [(row.publication_id, row.reason, row.requested_by) for row in rows] == [
        (first, "odd lists", getuser()),
        (second, "they were fine", getuser()),
    ]
    assert all(row.run_id.startswith(f"{getuser()} at a terminal") for row in rows)
    status, history = call("history")
    assert (status, history.count("rolled")) == (0, 2)
    assert str(weeks[0]) not in call("history", "--weeks", "1")[1]
    assert f"publication {second} of week" in call("history", "--user", "42")[1]
    assert (
        f"publication {first} of week"
        in call("history", "--user", "42", "--week", str(weeks[0]))[1]
    )
    status, text = call("history", "--user", "42", "--on", "2001-01-01")
    assert (
        status,
        text.startswith("NothingToRecommend: nothing was live at the end of 2001-01-01"),
    ) == (1, True)
    assert call("rollback", "--to", "999", "--reason", "r")[1].startswith(
        "PublicationError: no publication 999"
    )


@pytest.mark.parametrize(
    "wrong", [("rollback",), ("rollback", "--to", "1"), ("rollback", "--list", "--reason", "r")]
)
def test_a_rollback_has_a_reason(wrong: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit):
        cli.main(list(wrong))


def test_a_run_asks_what_its_flags_say(installed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    requests: list[RunRequest] = []
    monkeypatch.setattr(
        "recsys.run.run_week", lambda _settings, request, **_: requests.append(request)
    )
    experiment = ("--challenger", "als", "--challenger-share", "0.1", "--challenger-weeks", "2")
    command = ["run", "--as-of", "2018-09-24", "--force", "--require-approval", *experiment]
    assert cli.main(command) == 0
    assert cli.main(["run"]) == 0
    assert [replace(request, run_id="") for request in requests] == [
        RunRequest(
            as_of=date(2018, 9, 24),
            force=True,
            require_approval=True,
            challenger="als",
            challenger_share=0.1,
            challenger_weeks=2,
        ),
        RunRequest(),
    ]
    assert requests[1].run_id.startswith(f"{getuser()} at a terminal, 20")


@pytest.mark.parametrize("typed", ["y\n", "n\n", None])
def test_a_run_asks_at_a_terminal_before_it_crowns(
    typed: str | None,
    call: Callable[..., tuple[int, str]],
    settings: Settings,
    weeks: list[date],
    conn: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def proposed(work: Work, week: WeekPlan) -> Proposal:
        proposal = propose(work, week)
        return replace(proposal, needs_approval=True)  # whatever the exam of so few users says

    propose = decide.propose_champion
    monkeypatch.setattr(decide, "propose_champion", proposed)
    stdin = StringIO(typed or "")
    monkeypatch.setattr(stdin, "isatty", lambda: typed is not None)
    monkeypatch.setattr("sys.stdin", stdin)
    status, shown = call("run", "--as-of", str(weeks[0]), "--recipes", "als", "--require-approval")
    row = conn.execute("SELECT approval, approved_by, decision FROM promotions").fetchone()
    answer = {
        "y\n": ("approved", getuser()),
        "n\n": ("rejected", getuser()),
        None: ("timed out", None),
    }[typed]
    assert (status, row.approval, row.approved_by) == (0, *answer)
    assert ("Crown the new champion?" in shown, "NDCG@10" in shown) == (
        typed is not None,
        typed is not None,
    )
