"""What takes its time says so on a terminal, and nowhere else."""

from io import StringIO

import pytest
from rich.console import Console

from recsys.terminal import Progress, say


def shown_on(console: Console) -> str:
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


@pytest.fixture
def person() -> Console:
    """A console that a person watches."""
    return Console(
        file=StringIO(), width=80, force_terminal=True, force_interactive=True, color_system=None
    )


@pytest.fixture
def pipe() -> Console:
    return Console(file=StringIO(), width=80)


def test_a_person_sees_what_is_done_now(person: Console) -> None:
    with Progress(person, "loading [bold]the[/bold] model") as progress:
        progress.show("predicting")
    assert "loading [bold]the[/bold] model" in shown_on(person)
    assert "predicting" in shown_on(person)


def test_a_bar_counts_the_parts_and_has_a_note(person: Console) -> None:
    with Progress(person, "als", total=7) as progress:
        progress.advance(3, "best 0.1234")
    assert "3/7" in shown_on(person) and "best 0.1234" in shown_on(person)


def test_a_pipe_gets_not_a_byte(pipe: Console) -> None:
    with Progress(pipe, "als", total=7) as progress:
        progress.show("again")
        progress.advance(3, "best")
        with progress.paused():
            pass
    assert shown_on(pipe) == ""


def test_what_is_said_in_a_pause_has_its_own_line(person: Console) -> None:
    with Progress(person, "at work") as progress, progress.paused():
        before = shown_on(person)
        say(person, "an answer")
        assert shown_on(person).removeprefix(before) == "an answer\n"


def test_an_error_ends_the_progress(person: Console) -> None:
    with pytest.raises(ValueError, match="odd"), Progress(person, "at work"):
        raise ValueError("odd")
    assert not person._live_stack


def test_a_terminal_breaks_text_between_words_and_a_pipe_gets_it_whole(
    person: Console, pipe: Console
) -> None:
    text = " ".join(f"{number:,}" for number in range(123_456, 123_486))
    for console in (person, pipe):
        say(console, text)
    assert shown_on(pipe) == f"{text}\n"
    lines = shown_on(person).splitlines()
    assert max(map(len, lines)) <= 80 and " ".join(lines) == text
