"""The two consoles of a command: what it answers, and what it says on its way."""

from recsys.terminal import Progress, say, terminal

__all__ = ["CommandProgress", "answer", "console", "errors", "progress"]

console = terminal()
#: Logging and progress share it, so that neither writes over the other.
errors = terminal(stderr=True)


class CommandProgress(Progress):
    """Progress of a command that may answer on its way."""

    def answer(self, text: str) -> None:
        """Print a line of the command's answer, with the progress out of its way."""
        with self.paused():
            answer(text)


def answer(text: object, style: str = "") -> None:
    """Print a line of a command's answer."""
    say(console, text, style)


def progress(text: str, total: int | None = None) -> CommandProgress:
    """Return a display of what a command does, for as long as it is entered."""
    return CommandProgress(errors, text, total)
