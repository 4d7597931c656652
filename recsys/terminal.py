"""What a terminal is shown: text as it stands, in any encoding; errors as sentences, never a
traceback.
"""

import logging
import os
import sys
import textwrap
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Self

from rich import progress as bars
from rich.console import Console
from rich.table import Table
from rich.text import Text

from recsys.errors import RecsysError, RequestError
from recsys.sentences import explain

log = logging.getLogger("recsys")

#: What would move the cursor or change colours, were it printed: all controls but tabulator and
#: line feed.
_CONTROLS = {
    code: "\N{REPLACEMENT CHARACTER}"
    for code in (*range(32), *range(127, 160))
    if chr(code) not in "\t\n"
}
STOPPED = 130  # what shells give a command that Ctrl-C ended


def terminal(*, stderr: bool = False, width: int | None = None) -> Console:
    """Return a console that takes no text for markup, an emoji's name, or something to colour."""
    return Console(stderr=stderr, width=width, markup=False, emoji=False, highlight=False)


def plain(text: object, style: str = "") -> Text:
    """Return text from data: brackets and colons are themselves, and a control character shows as a
    replacement.
    """
    return Text(str(text).translate(_CONTROLS), style=style)


def say(console: Console, text: object, style: str = "") -> None:
    """Print text from data: on a terminal broken between words, into a pipe on whole lines."""
    shown = str(text)
    if console.is_terminal:
        shown = "\n".join(wrapped(line, console.width) for line in shown.split("\n"))
    console.print(plain(shown, style), soft_wrap=True)


def wrapped(line: str, width: int) -> str:
    """A line in parts that fit; no word, path, row of a table or command to copy is taken apart."""
    if len(line) <= width or line.startswith(("|", "$ ")):
        return line
    return textwrap.fill(
        line, width, replace_whitespace=False, break_long_words=False, break_on_hyphens=False
    )


def head(console: Console, strong: object, rest: object = "") -> None:
    """Print a heading after an empty line: its beginning in bold, what follows as text."""
    console.print(Text.assemble("\n", (plain(strong).plain, "bold"), plain(rest)), soft_wrap=True)


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    title: str | None = None,
    whole: Collection[str] = (),
) -> Table:
    """Return a table of data. Columns named in `whole` are not broken where the terminal is
    narrow.
    """
    heading = plain(title) if title else None
    drawn = Table(title=heading, title_justify="left", header_style="bold")
    for column in columns:
        drawn.add_column(plain(column), overflow="fold", no_wrap=column in whole)
    for row in rows:
        drawn.add_row(*map(plain, row))
    return drawn


_TEXT = bars.TextColumn("{task.description}", markup=False)
_SPINNER = (bars.SpinnerColumn(), _TEXT)
_BAR = (_TEXT, bars.BarColumn(), bars.MofNCompleteColumn())


class Progress:
    """A line on what takes its time, while it is entered: a spinner, or a bar where the number of
    parts is given. Nothing where the console is no terminal.
    """

    def __init__(self, console: Console, text: str, total: int | None = None) -> None:
        self._bars = bars.Progress(
            *(_BAR if total else _SPINNER),
            bars.TimeElapsedColumn(),
            bars.TextColumn("{task.fields[note]}", markup=False),
            console=console,
            transient=True,
            redirect_stdout=False,  # what a command answers stays on stdout
            redirect_stderr=False,
            disable=not console.is_interactive,
        )
        self._task = self._bars.add_task(plain(text).plain, total=total, note="")

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._bars.stop()

    def show(self, text: str) -> None:
        """Say what is done now."""
        self._bars.update(self._task, description=plain(text).plain)

    def advance(self, completed: int, note: str = "") -> None:
        """Say how many parts are done, and something on them."""
        self._bars.update(self._task, completed=completed, note=note)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the terminal to something else meanwhile."""
        self._bars.stop()
        yield
        self._bars.start()


class LinesHandler(logging.Handler):
    """Logs to a console: the time, what is more than information, and the message, on lines that
    the terminal breaks.
    """

    def __init__(self, console: Console) -> None:
        super().__init__()
        self.console = console

    def emit(self, record: logging.LogRecord) -> None:
        moment = datetime.fromtimestamp(record.created, UTC).astimezone().strftime("%H:%M:%S")
        level = f"{record.levelname} " if record.levelno != logging.INFO else ""
        with suppress(OSError):  # nobody reads it any more
            say(self.console, f"{moment} {level}{self.format(record)}")


def run_command(command: Callable[[], int | None], console: Console, errors: Console) -> int:
    """Run a command; return its exit status. What it raises is printed as a sentence; the
    traceback goes to the debug log.
    """
    show_in_any_encoding()
    try:
        return command() or 0
    except KeyboardInterrupt:
        _try_to_say(errors, "stopped")
        return STOPPED
    except Exception as error:
        explanation = explain(error)
        log.debug("the traceback of the error", exc_info=error)
        kind = type(error).__name__ if isinstance(error, RecsysError) else "error"
        lines = [f"{kind}: {explanation.sentence}", explanation.hint]
        text = "\n".join(filter(None, lines))
        if not _try_to_say(console, text):
            _try_to_say(errors, text)
        return 1


def log_to(errors: Console) -> None:
    """Log to a console: ours from the level RECSYS_LOG_LEVEL on (INFO without it), what others log
    from INFO on.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[LinesHandler(errors)])
    level = os.environ.get("RECSYS_LOG_LEVEL", "").upper() or "INFO"
    if level not in logging.getLevelNamesMapping():
        raise RequestError(f"RECSYS_LOG_LEVEL is {level!r}; expected DEBUG, INFO, WARNING or ERROR")
    log.setLevel(level)


def show_in_any_encoding() -> None:
    """Let a character that the terminal's encoding lacks become a question mark, instead of an
    error.
    """
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(errors="replace")


def _try_to_say(console: Console, text: str) -> bool:
    """Say it; False where nobody reads it, as on a full disk, and nothing more is written there."""
    try:
        say(console, text)
    except OSError:
        console.quiet = True
        with suppress(OSError, ValueError, AttributeError):
            # what Python flushes at its end goes nowhere
            os.dup2(os.open(os.devnull, os.O_WRONLY), console.file.fileno())
        return False
    return True
