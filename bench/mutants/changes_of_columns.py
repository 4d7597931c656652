"""What goes wrong with columns and the values in them."""

from collections.abc import Callable

from bench.mutants.draft import Draft, delimiter_of, is_headed, text_and_end
from bench.mutants.oddities import ODD_VALUES


def values_replaced(draft: Draft) -> None:
    name = draft.some_file()
    places = draft.some_rows(name, 3)
    column = draft.dice.randrange(6)
    what = draft.dice.choice(ODD_VALUES)
    draft.edit_values(name, places, column, lambda value: what)
    draft.note(
        f"{name}: {what[:40]!r} in column {column} of lines {[place + 1 for place in places]}"
    )


def values_extended(draft: Draft) -> None:
    name = draft.some_file()
    places = draft.some_rows(name, 3)
    column = draft.dice.randrange(6)
    before, after = draft.dice.choice(
        [
            (b"", b".0"),
            (b'"', b'"'),
            (b" ", b" "),
            (b"tt", b""),
            (b"", b"000"),
            (b"-", b""),
            (b'"', b'" x'),
            (b'x "', b'"'),
        ]
    )
    draft.edit_values(name, places, column, lambda value: before + value + after)
    draft.note(
        f"{name}: {before!r} and {after!r} around column {column} of lines "
        f"{[place + 1 for place in places]}"
    )


def whole_column_extended(draft: Draft) -> None:
    name = draft.some_file()
    places = list(range(1 if is_headed(name) else 0, len(draft.lines(name))))
    column = draft.dice.randrange(6)
    before, after = draft.dice.choice(
        [(b"", b".0"), (b"", b"000"), (b'"', b'"'), (b" ", b""), (b"0", b"")]
    )
    draft.edit_values(name, places, column, lambda value: before + value + after)
    draft.note(f"{name}: {before!r} and {after!r} around all of column {column}")


def all_quoted(draft: Draft) -> None:
    name = draft.some_file()
    delimiter = delimiter_of(name)
    places = list(range(len(draft.lines(name))))

    def quoted(text: bytes) -> bytes:
        if b'"' in text:
            return text
        return delimiter.join(b'"' + value + b'"' for value in text.split(delimiter))

    draft.edit_rows(name, places, quoted)
    draft.note(f"{name}: all values in quotes")


def huge_value(draft: Draft) -> None:
    name = draft.some_file()
    places = draft.some_rows(name, 1)
    size = draft.dice.choice([300_000, (1 << 20) - 10, (1 << 20) + 10, 5_000_000])
    column = draft.dice.randrange(4)
    draft.edit_values(name, places, column, lambda value: b"y" * size)
    draft.note(f"{name}: {size} bytes in column {column} of line {places[0] + 1}")


def columns_of_some_rows(draft: Draft) -> None:
    name = draft.some_file()
    delimiter = delimiter_of(name)
    places = draft.some_rows(name, 3)
    edit: Callable[[bytes], bytes] = draft.dice.choice(
        [
            lambda text: text + delimiter,
            lambda text: text + delimiter + b"more",
            lambda text: delimiter + text,
            lambda text: text.partition(delimiter)[2],
            lambda text: text.rpartition(delimiter)[0],
            lambda text: delimiter.join(reversed(text.split(delimiter))),
            lambda text: text + delimiter + b"Mis\xe9re",
            lambda text: delimiter * text.count(delimiter),
        ]
    )
    draft.edit_rows(name, places, edit)
    draft.note(f"{name}: other columns in lines {[place + 1 for place in places]}")


def columns_of_all_rows(draft: Draft) -> None:
    """Dropped, swapped, added, turned: the header's too. The line's end goes with its last column
    now and then.
    """
    name = draft.some_file()
    delimiter = delimiter_of(name)
    what = draft.dice.choice(
        ["dropped", "swapped", "repeated", "added in front", "added behind", "turned"]
    )
    with_end = draft.dice.random() < 0.2
    first, second = draft.dice.randrange(4), draft.dice.randrange(4)
    lines = draft.lines(name)
    for place, line in enumerate(lines):
        text, end = text_and_end(line)
        if with_end:
            text, end = line.removesuffix(b"\n"), b"\n"
        values = rearrange(text.split(delimiter), what, first, second, str(place).encode())
        lines[place] = delimiter.join(values) + end
    draft.set_lines(name, lines)
    draft.note(f"{name}: column {first} {what} in all lines{', ends too' if with_end else ''}")


def rearrange(
    values: list[bytes], what: str, first: int, second: int, number: bytes
) -> list[bytes]:
    first, second = first % len(values), second % len(values)
    if what == "dropped":
        del values[first]
    elif what == "swapped":
        values[first], values[second] = values[second], values[first]
    elif what == "repeated":
        values.insert(second, values[first])
    elif what == "added in front":
        values.insert(0, number)
    elif what == "added behind":
        values.append(number)
    else:
        values.reverse()
    return values


def other_delimiter(draft: Draft) -> None:
    name = draft.some_file()
    delimiter = draft.dice.choice([b";", b"\t", b"|", b",", b"::", b"\x1f", b", "])
    draft.files[name] = draft.files[name].replace(delimiter_of(name), delimiter)
    draft.note(f"{name}: columns parted by {delimiter!r}")


def header_changed(draft: Draft) -> None:
    name = draft.some_file()
    lines = draft.lines(name)
    text, end = text_and_end(lines[0])
    others = [
        text.upper(),
        text.lower(),
        b" " + text,
        text.replace(b"I", b"_i"),
        text[:-1],
        b"sep=,\n" + text,
    ]
    changed = draft.dice.choice(others)
    draft.set_lines(
        name,
        draft.dice.choice(
            [[changed + end, *lines[1:]], lines[1:], [lines[0], lines[0], *lines[1:]]]
        ),
    )
    draft.note(f"{name}: another header, none or two")


def open_quote(draft: Draft) -> None:
    """A quote that is never closed, or closed where it should not be."""
    name = draft.some_file()
    places = draft.some_rows(name, 2)
    column = draft.dice.randrange(4)
    draft.edit_values(name, places, column, lambda value: b'"' + value)
    draft.note(f"{name}: a quote opens column {column} of lines {[place + 1 for place in places]}")


def line_break_in_quotes(draft: Draft) -> None:
    name = draft.some_file()
    places = draft.some_rows(name, 2)
    end = draft.dice.choice([b"\n", b"\r\n", b"\r"])
    column = draft.dice.randrange(4)
    draft.edit_values(name, places, column, lambda value: b'"' + value[:3] + end + value[3:] + b'"')
    draft.note(
        f"{name}: {end!r} between quotes in column {column} of lines "
        f"{[place + 1 for place in places]}"
    )
