"""What a person takes back: `rollback` a publication, `retire` a week."""

from argparse import Namespace
from getpass import getuser
from typing import TYPE_CHECKING

from recsys.arguments import DAY, PUBLICATION
from recsys.cli import screen
from recsys.cli.command import Argument, Command, OneOf, run_id_of_command
from recsys.settings import Settings

if TYPE_CHECKING:
    from recsys.request import Run

__all__ = ["COMMANDS"]


def roll_back(options: Namespace) -> None:
    """Make another publication live, or list those that can be."""
    with screen.progress("reading the ledger") as progress:
        from recsys.steps.undo import past_publications, rollback_publication
        from recsys.work import open_work

        with open_work(Settings.from_environment(), run_of_command()) as work:
            if options.list:
                progress.answer(listing(past_publications(work)))
                return
            progress.show("rolling back")
            rollback_publication(
                work,
                publication_id=options.to,
                reason=options.reason,
                requested_by=getuser(),
                report=progress.answer,  # at once: MLflow's alias may take its time
            )


def listing(publications: list[tuple[int, str]]) -> str:
    return "\n".join(line for _, line in publications) or "nothing was published yet"


def take_out(options: Namespace) -> None:
    """Take a week out, or let it count again."""
    with screen.progress(f"week {options.week}"):
        from recsys.steps.undo import retire_week
        from recsys.work import open_work

        with open_work(Settings.from_environment(), run_of_command()) as work:
            sentence = retire_week(
                work,
                options.week,
                reason=options.reason,
                requested_by=getuser(),
                undo=options.undo,
            )
    screen.answer(sentence)


def run_of_command() -> "Run":
    """Return the run that the ledger names for what this command does."""
    from recsys.request import Run

    return Run(run_id=run_id_of_command())


REASON = "why: kept in the ledger"
ROLLBACK = (
    OneOf(
        Argument(
            "--list", action="store_true", help="show what can be made live, the newest first"
        ),
        Argument("--reason", help=REASON),
        required=True,
    ),
    Argument(
        "--to",
        type=PUBLICATION,
        metavar="PUBLICATION",
        help="default: the newest that was live before and was not rolled back from",
    ),
)
RETIRE = (
    Argument("week", type=DAY, metavar="WEEK", help="its as_of"),
    Argument("--reason", required=True, help=REASON),
    Argument("--undo", action="store_true", help="let it count again"),
)
COMMANDS = (
    Command(
        "rollback", roll_back, "make an earlier publication live again, or a later one", ROLLBACK
    ),
    Command(
        "retire", take_out, "let a week count for nothing, e.g. one of a mistyped year", RETIRE
    ),
)
