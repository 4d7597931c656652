"""A week's steps, here and without Airflow: `run`, and `step` for one of them."""

import sys
from argparse import Namespace
from getpass import getuser
from typing import TYPE_CHECKING

from rich.markdown import Markdown
from rich.prompt import Confirm

from recsys.arguments import DAY, DESCRIPTOR, LENGTH, limited
from recsys.cli import screen
from recsys.cli.command import Argument, Command, run_id_of_command
from recsys.models import MODELS
from recsys.settings import Settings

if TYPE_CHECKING:
    from recsys.promotion.approval import Approval, Proposal
    from recsys.request import RunRequest

__all__ = ["COMMANDS", "ask_approval"]


def run_week(options: Namespace) -> None:
    """Run all steps of a week, and show which one is at work."""
    with screen.progress("the week begins") as progress:
        from recsys import run

        def ask(proposal: "Proposal") -> "Approval":
            with progress.paused():
                return ask_approval(proposal)

        approve = ask if sys.stdin.isatty() else run.time_out
        settings, request = Settings.from_environment(), _request(options)
        run.run_week(settings, request, approve=approve, on_step=progress.show)


def _request(options: Namespace) -> "RunRequest":
    from recsys.request import RunRequest

    return RunRequest(
        as_of=options.as_of,
        recipes=options.recipes,
        top_n=options.top_n,
        challenger=options.challenger,
        challenger_share=options.challenger_share,
        challenger_weeks=options.challenger_weeks,
        force=options.force,
        require_approval=options.require_approval,
        run_id=run_id_of_command(),
    )


def ask_approval(proposal: "Proposal") -> "Approval":
    """Show a proposal and return the answer; "timed out" where nobody is there any more."""
    from recsys.promotion.approval import Approval

    screen.answer(proposal.subject, style="bold")
    screen.console.print(Markdown(proposal.body))
    try:
        is_approved = Confirm.ask("Crown the new champion?", console=screen.console)
    except EOFError:
        return Approval("timed out")
    return Approval("approved" if is_approved else "rejected", getuser())


def answer_step(options: Namespace) -> int:
    """Call one step, its inputs and its result as JSON."""
    from recsys.step_process import answer

    return answer(options.name, options.result_fd)


CHOICES = (
    Argument("--as-of", type=DAY, metavar="DATE", help="default: the newest complete drop's"),
    Argument(
        "--recipes",
        nargs="+",
        metavar="RECIPE",
        help=f"{', '.join(MODELS)}, each as it is or as in als[factors=128]; or a tuned one's key",
    ),
    Argument(
        "--top-n",
        type=LENGTH,
        help="movies a user gets; default: as the week was first run, or the setting",
    ),
    Argument(
        "--force",
        action="store_true",
        help="decide the week anew, in a row of the ledger of its own",
    ),
    Argument(
        "--require-approval",
        action="store_true",
        default=None,
        help="ask before a new champion is crowned; without a terminal the champion stays",
    ),
)
EXPERIMENT = (
    Argument(
        "--challenger",
        metavar="RECIPE",
        help="begin an experiment: this recipe's lists are made and judged beside the champion's",
    ),
    Argument(
        "--challenger-share",
        type=limited("challenger_share"),
        default=0.0,
        help="share of users who see them (default 0: nobody does)",
    ),
    Argument(
        "--challenger-weeks",
        type=limited("challenger_weeks"),
        default=4,
        help="how long it lasts, this week counted (default 4)",
    ),
)
STEP = (
    Argument("name", metavar="NAME", help="a function of recsys.steps, e.g. ingest_drops"),
    Argument(
        "--result-fd",
        type=DESCRIPTOR,
        default=1,
        metavar="FD",
        help="where the result goes (default 1)",
    ),
)
COMMANDS = (
    Command("run", run_week, "run a week's steps here, without Airflow", (*CHOICES, *EXPERIMENT)),
    Command(
        "step",
        answer_step,
        "call one step: inputs as JSON by stdin; exit 0 done, 75 try again, 65 do not",
        STEP,
        needs_schema=False,
    ),
)
