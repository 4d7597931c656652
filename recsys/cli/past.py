"""Looking back: `exam`, `history` and `weeks`."""

from argparse import Namespace
from pathlib import Path

from recsys.arguments import DAY, ID, WEEKS
from recsys.cli import screen
from recsys.cli.command import Argument, Command, OneOf, all_of
from recsys.errors import RecsysError
from recsys.settings import Settings

__all__ = ["COMMANDS"]


def show_exam(options: Namespace) -> None:
    """Show the exam of a week."""
    from recsys import show
    from recsys.db.connect import connect

    with connect(Settings.from_environment()) as conn:
        show.show_exam(conn, screen.console, options.as_of, every=options.all)


def show_history(options: Namespace) -> None:
    """Show what was published, or where a user's list came from."""
    from recsys import history, lineage
    from recsys.db.connect import connect

    at = lineage.Moment(options.on, options.week)
    if options.user is None and at != lineage.NOW:
        raise RecsysError("--on and --week are about one user's list: expected --user too")
    console, every = screen.console, options.all
    with connect(Settings.from_environment()) as conn:
        if options.user is None:
            history.show_history(conn, console, options.weeks, every=every)
        else:
            lineage.show_lineage(conn, console, options.user, at, every=every)


def draw_weeks(options: Namespace) -> None:
    """Draw the page of all weeks."""
    with screen.progress("drawing all weeks"):
        from recsys.db.connect import connect
        from recsys.weeks_page.page import draw_page
        from recsys.weeks_page.record import read_record

        with connect(Settings.from_environment()) as conn:
            record = read_record(conn)
        page = draw_page(record, options.output.resolve())
    screen.answer(f"{len(record.weeks)} weeks on one page: {page}")


EXAM = (
    Argument("--as-of", type=DAY, metavar="DATE", help="the week; default: the newest"),
    all_of("show every figure, not only those that decide"),
)
HISTORY = (
    Argument("--weeks", type=WEEKS, default=26, help="how many of the newest (default 26)"),
    all_of("show figures, approvals, runs and code too; of drops, their checksums"),
    Argument(
        "--user",
        type=ID,
        help="show this user's list with its model, data, code, decision and approval",
    ),
    OneOf(
        Argument(
            "--on",
            type=DAY,
            metavar="DATE",
            help="with --user: as readers saw it at the end of that day (UTC); default: now",
        ),
        Argument(
            "--week",
            type=DAY,
            metavar="DATE",
            help="with --user: as readers saw it while that week was the newest, whenever it ran: "
            "a replay runs many in a day",
        ),
    ),
)
OUTPUT = Argument(
    "--output",
    type=Path,
    default=Path("weeks.html"),
    metavar="FILE",
    help="where to write it (default weeks.html)",
)
COMMANDS = (
    Command(
        "exam", show_exam, "show a week's exam and verdict, the newest decided one by default", EXAM
    ),
    Command(
        "history",
        show_history,
        "show what was published when, by whom and why, or where a user's list came from",
        HISTORY,
    ),
    Command(
        "weeks",
        draw_weeks,
        "draw one page on all weeks: exams, what came true, drift, times",
        (OUTPUT,),
    ),
)
