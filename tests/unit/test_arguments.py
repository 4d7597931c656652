"""Every number and date that a command takes has bounds, and is refused in a sentence beyond
them.
"""

import argparse
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from recsys import cli
from recsys.arguments import DAY, ID, MINUTES, MOST_ID, Day, Number
from stack.__main__ import parser as stack_parser

#: Arguments that are text, each of which the command itself looks at.
TEXT = {
    "recipes",
    "challenger",
    "recipe",
    "title",
    "genre",
    "director",
    "actor",
    "reason",
    "sql",
    "source",
    "drops",
    "name",
    "host",
    "scope",
    "protocol",
    "note",
}
FOLDERS = {"data", "imdb", "output", "movielens", "cache"}


def arguments(
    parser: argparse.ArgumentParser, path: tuple[str, ...] = ()
) -> Iterator[tuple[str, argparse.Action]]:
    """Every argument of every command, with the command's name."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, command in action.choices.items():
                yield from arguments(command, (*path, name))
        elif path and action.nargs != 0:
            yield " ".join(path), action


EVERY = [
    *arguments(cli.parser()),
    *(("stack " + name, action) for name, action in arguments(stack_parser())),
]
BOUNDED = [(name, action) for name, action in EVERY if isinstance(action.type, Number | Day)]


def test_every_argument_that_is_a_number_or_a_date_has_bounds() -> None:
    assert len(BOUNDED) >= 22
    for command, action in EVERY:
        if not isinstance(action.type, Number | Day):
            assert action.dest in TEXT | FOLDERS, (
                f"{command} {action.dest}: give it a type of recsys.arguments, or name it here"
            )
            assert action.type not in (int, float), f"{command} {action.dest}"


def refusal(
    capsys: pytest.CaptureFixture[str], command: str, action: argparse.Action, value: str
) -> str:
    """What the parser says of an argument, having left with status 2."""
    parser = stack_parser() if command.startswith("stack ") else cli.parser()
    words = command.removeprefix("stack ").split()
    given = [f"{action.option_strings[-1]}={value}"] if action.option_strings else ["--", value]
    if not action.option_strings and action.dest == "date":
        given = ["--", "movielens", value]
    with pytest.raises(SystemExit) as left:
        parser.parse_args([*words, *given])
    assert left.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "action"), BOUNDED, ids=lambda value: str(getattr(value, "dest", value))
)
def test_what_is_out_of_bounds_is_refused_with_what_was_expected(
    capsys: pytest.CaptureFixture[str], command: str, action: argparse.Action
) -> None:
    bad = ["garbage", "", "9" * 5_000, "-1", "1e400", "nan", "inf", "-inf", "١٢", "0x10", "1_0"]
    if isinstance(action.type, Day):
        bad += [
            "9999-12-31",
            "0001-01-01",
            "2018-13-01",
            "2018-02-30",
            "20180924",
            "2018-W39-1",
            "2018-09-24T00:00:00",
        ]
    else:
        assert isinstance(action.type, Number)
        limit = action.type.limit
        bad += [
            str(int(limit.most) + 1),
            str(int(limit.least) - 1),
            "99999999999999999999",
            *(["1.5"] if limit.whole else []),
        ]
    for value in bad:
        message = refusal(capsys, command, action, value)
        assert "found " in message and "expected " in message and "Traceback" not in message, (
            value,
            message,
        )
        assert len(message.splitlines()[-1]) < 200, value


@pytest.mark.parametrize(
    "line",
    [
        "history --weeks -1",
        "history --user 1 --on 9999-12-31",
        "erase 99999999999999999999",
        "erase -5",
        "recommend 1 -n 99999999999999999999",
        "recommend 42 -n 0",
        "run --challenger als --challenger-weeks 99999999",
        "run --challenger als --challenger-share 7",
        "run --challenger als --challenger-share nan",
        "run --top-n 0",
        "tune als --trials 0",
        "drops replay X --weeks 200000",
        "predict 1 --title T --year 19950",
        "predict 1 --title T --runtime -5",
        "exam --as-of garbage",
        "rollback --to 0 --reason odd",
        "withdraw 9223372036854775808 --reason odd",
    ],
)
def test_the_lines_that_were_tracebacks_are_refused(
    capsys: pytest.CaptureFixture[str], line: str
) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(line.split())
    assert left.value.code == 2
    assert "expected " in capsys.readouterr().err


def test_what_is_within_bounds_is_taken_as_it_is() -> None:
    assert (ID("0"), ID(str(MOST_ID)), ID("+7")) == (0, MOST_ID, 7)
    assert (MINUTES("99.5"), MINUTES("1e2")) == (99.5, 100.0)
    assert DAY("2018-09-24") == date(2018, 9, 24)
    for edge in (DAY.first, DAY.last):
        assert DAY(str(edge)) + timedelta(weeks=5_000) - timedelta(weeks=5_000) == edge


def test_a_path_is_a_path() -> None:
    options = cli.parser().parse_args(["drops", "replay", "ml.zip", "--weeks", "0"])
    assert (options.data, options.weeks) == (Path("ml.zip"), 0)
