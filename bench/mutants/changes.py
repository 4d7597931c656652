"""What goes wrong with files on their way: one function a change, each draws its place by the draft's dice."""

from collections.abc import Callable

from bench.mutants.draft import Draft, delimiter_of, is_headed, lines_of, text_and_end
from bench.mutants.oddities import ODD_BYTES, ODD_VALUES

Change = Callable[[Draft], None]

BROKEN_ROWS = 20_000  # reading that is quadratic in them takes over a minute


def odd_bytes_in(draft: Draft) -> None:
    name = draft.some_file()
    data = draft.files[name]
    what = draft.dice.choice(ODD_BYTES)
    at = draft.dice.randint(0, len(data))
    draft.files[name] = data[:at] + what + data[at:]
    draft.note(f"{name}: {what!r} at byte {at}")


def bytes_flipped(draft: Draft) -> None:
    name = draft.some_file()
    data = bytearray(draft.files[name] or b" ")
    places = [draft.dice.randrange(len(data)) for _ in range(draft.dice.randint(1, 4))]
    for place in places:
        data[place] ^= draft.dice.randint(1, 255)
    draft.files[name] = bytes(data)
    draft.note(f"{name}: bytes {places} changed")


def cut_short(draft: Draft) -> None:
    name = draft.some_file()
    at = draft.dice.randint(0, len(draft.files[name]))
    draft.files[name] = draft.files[name][:at]
    draft.note(f"{name}: cut at byte {at}")


def piece_lost(draft: Draft) -> None:
    name = draft.some_file()
    data = draft.files[name]
    at = draft.dice.randint(0, len(data))
    length = draft.dice.choice([1, 5, 60, 4096])
    draft.files[name] = data[:at] + data[at + length :]
    draft.note(f"{name}: {length} bytes lost at {at}")


def block_of_zeros(draft: Draft) -> None:
    name = draft.some_file()
    data = draft.files[name]
    at = draft.dice.randint(0, len(data))
    length = draft.dice.choice([1, 16, 512])
    draft.files[name] = data[:at] + bytes(length) + data[at + length :]
    draft.note(f"{name}: {length} zeros at byte {at}")


def emptied(draft: Draft) -> None:
    name = draft.some_file()
    keep = draft.dice.choice([0, 0, 1])
    draft.set_lines(name, draft.lines(name)[:keep])
    draft.note(f"{name}: {'its first line alone' if keep else 'empty'}")


def lines_swapped(draft: Draft) -> None:
    name = draft.some_file()
    lines = draft.lines(name)
    first, second = draft.dice.randrange(len(lines)), draft.dice.randrange(len(lines))
    lines[first], lines[second] = lines[second], lines[first]
    draft.set_lines(name, lines)
    draft.note(f"{name}: lines {first + 1} and {second + 1} swapped")


def lines_shuffled(draft: Draft) -> None:
    name = draft.some_file()
    lines = draft.lines(name)
    first = 1 if is_headed(name) else 0
    rows = lines[first:]
    draft.dice.shuffle(rows)
    draft.set_lines(name, lines[:first] + rows)
    draft.note(f"{name}: its rows in another order")


def lines_repeated(draft: Draft) -> None:
    name = draft.some_file()
    places = draft.some_rows(name, 3)
    lines = draft.lines(name)
    for place in reversed(places):
        lines.insert(draft.dice.randint(place, len(lines)), lines[place])
    draft.set_lines(name, lines)
    draft.note(f"{name}: lines {[place + 1 for place in places]} twice")


def lines_lost(draft: Draft) -> None:
    name = draft.some_file()
    lines = draft.lines(name)
    first = draft.dice.randrange(len(lines))
    length = draft.dice.choice([1, 2, 10, 100])
    draft.set_lines(name, lines[:first] + lines[first + length :])
    draft.note(f"{name}: {length} lines lost from line {first + 1}")


def twice_the_file(draft: Draft) -> None:
    name = draft.some_file()
    draft.files[name] *= 2
    draft.note(f"{name}: twice, one after the other")


def blank_lines(draft: Draft) -> None:
    name = draft.some_file()
    lines = draft.lines(name)
    blank = draft.dice.choice([b"\n", b"\r\n", b"\r", b" \n", b"\t\n"])
    places = sorted(draft.dice.randint(0, len(lines)) for _ in range(3))
    for place in reversed(places):
        lines.insert(place, blank)
    draft.set_lines(name, lines)
    draft.note(f"{name}: {blank!r} before lines {[place + 1 for place in places]}")


def line_ends(draft: Draft) -> None:
    name = draft.some_file()
    end = draft.dice.choice([b"\n", b"\r\n", b"\r\n", b"\r"])
    draft.files[name] = draft.files[name].replace(b"\r\n", b"\n").replace(b"\n", end)
    draft.note(f"{name}: lines end with {end!r}")


def no_last_line_end(draft: Draft) -> None:
    name = draft.some_file()
    draft.files[name] = draft.files[name].rstrip(b"\r\n")
    draft.note(f"{name}: no line end after the last line")


def values_replaced(draft: Draft) -> None:
    name = draft.some_file()
    places = draft.some_rows(name, 3)
    column = draft.dice.randrange(6)
    what = draft.dice.choice(ODD_VALUES)
    draft.edit_values(name, places, column, lambda value: what)
    draft.note(f"{name}: {what[:40]!r} in column {column} of lines {[place + 1 for place in places]}")


def values_extended(draft: Draft) -> None:
    name = draft.some_file()
    places = draft.some_rows(name, 3)
    column = draft.dice.randrange(6)
    before, after = draft.dice.choice(
        [(b"", b".0"), (b'"', b'"'), (b" ", b" "), (b"tt", b""), (b"", b"000"), (b"-", b""), (b'"', b'" x'), (b'x "', b'"')]
    )
    draft.edit_values(name, places, column, lambda value: before + value + after)
    draft.note(f"{name}: {before!r} and {after!r} around column {column} of lines {[place + 1 for place in places]}")


def whole_column_extended(draft: Draft) -> None:
    name = draft.some_file()
    places = list(range(1 if is_headed(name) else 0, len(draft.lines(name))))
    column = draft.dice.randrange(6)
    before, after = draft.dice.choice([(b"", b".0"), (b"", b"000"), (b'"', b'"'), (b" ", b""), (b"0", b"")])
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
    edit: Change | Callable[[bytes], bytes] = draft.dice.choice(
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
    draft.edit_rows(name, places, edit)  # pyright: ignore[reportArgumentType] - each is one of bytes
    draft.note(f"{name}: other columns in lines {[place + 1 for place in places]}")


def columns_of_all_rows(draft: Draft) -> None:
    """Dropped, swapped, added, turned: the header's too. The line's end goes with its last column now and then."""
    name = draft.some_file()
    delimiter = delimiter_of(name)
    what = draft.dice.choice(["dropped", "swapped", "repeated", "added in front", "added behind", "turned"])
    with_end = draft.dice.random() < 0.2
    first, second = draft.dice.randrange(4), draft.dice.randrange(4)
    lines = draft.lines(name)
    for place, line in enumerate(lines):
        text, end = text_and_end(line)
        if with_end:
            text, end = line.removesuffix(b"\n"), b"\n"
        values = _rearranged(text.split(delimiter), what, first, second, str(place).encode())
        lines[place] = delimiter.join(values) + end
    draft.set_lines(name, lines)
    draft.note(f"{name}: column {first} {what} in all lines{', ends too' if with_end else ''}")


def _rearranged(values: list[bytes], what: str, first: int, second: int, number: bytes) -> list[bytes]:
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
    others = [text.upper(), text.lower(), b" " + text, text.replace(b"I", b"_i"), text[:-1], b"sep=,\n" + text]
    changed = draft.dice.choice(others)
    draft.set_lines(name, draft.dice.choice([[changed + end, *lines[1:]], lines[1:], [lines[0], lines[0], *lines[1:]]]))
    draft.note(f"{name}: another header, none or two")


def other_encoding(draft: Draft) -> None:
    name = draft.some_file()
    data = draft.files[name]
    encoding = draft.dice.choice(["utf-16", "utf-16-le", "utf-8-sig", "utf-8", "latin-1", "cp1252", "cp437", "utf-32"])
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    draft.files[name] = text.encode(encoding, errors="replace")
    draft.note(f"{name}: encoded as {encoding}")


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
    draft.note(f"{name}: {end!r} between quotes in column {column} of lines {[place + 1 for place in places]}")


def many_broken_rows(draft: Draft) -> None:
    name = draft.some_file()
    lines = draft.lines(name)
    at = draft.dice.choice([1, len(lines) - 1, draft.dice.randrange(len(lines))])
    text, end = text_and_end(lines[-1])
    broken = text + delimiter_of(name) + draft.dice.choice([b"x", b"\xff", b"", b'"'])
    draft.set_lines(name, [*lines[:at], *([broken + (end or b"\n")] * BROKEN_ROWS), *lines[at:]])
    draft.note(f"{name}: {BROKEN_ROWS} broken rows before line {at + 1}")


def file_lost(draft: Draft) -> None:
    name = draft.some_file()
    draft.files.pop(name, None)
    draft.note(f"{name}: not there")


def file_renamed(draft: Draft) -> None:
    name = draft.some_file()
    other = draft.dice.choice([name.upper(), name + ".txt", "copy/" + name, "." + name, name + ".bak", "Copy of " + name])
    draft.files[other] = draft.files.pop(name)
    draft.note(f"{name}: named {other}")


def files_exchanged(draft: Draft) -> None:
    first, second = draft.some_file(), draft.some_file()
    draft.files[first], draft.files[second] = draft.files[second], draft.files[first]
    draft.note(f"{first} and {second} exchanged")


def stranger_beside(draft: Draft) -> None:
    strangers = {
        "README.txt": b"read me\n",
        "genome-scores.csv": b"movieId,tagId,relevance\n1,1,0.5\n",
        ".DS_Store": b"\0\0\0\1Bud1",
    }
    name, data = draft.dice.choice(list(strangers.items()))
    draft.files[name] = data
    draft.note(f"{name} beside the files")


def first_lines_of_another(draft: Draft) -> None:
    """The end of one file replaced by the end of another, as after a mixed-up upload."""
    first, second = draft.some_file(), draft.some_file()
    ours, theirs = draft.lines(first), lines_of(draft.files[second])
    n_lines = draft.dice.choice([1, 2, 200])
    draft.set_lines(first, ours[:-n_lines] + theirs[-n_lines:])
    draft.note(f"{first}: its last {n_lines} lines are those of {second}")


CHANGES: tuple[Change, ...] = (
    *(odd_bytes_in, odd_bytes_in, bytes_flipped, bytes_flipped, cut_short, piece_lost, block_of_zeros, emptied),
    *(lines_swapped, lines_shuffled, lines_repeated, lines_repeated, lines_lost, twice_the_file, blank_lines, line_ends),
    *(no_last_line_end, values_replaced, values_replaced, values_replaced, values_extended, values_extended),
    *(whole_column_extended, all_quoted, huge_value, columns_of_some_rows, columns_of_some_rows, columns_of_all_rows),
    *(other_delimiter, header_changed, other_encoding, open_quote, line_break_in_quotes, many_broken_rows),
    *(file_lost, file_renamed, files_exchanged, stranger_beside, first_lines_of_another),
)
