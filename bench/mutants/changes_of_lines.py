"""What goes wrong with bytes and lines."""

from bench.mutants.draft import Draft, delimiter_of, is_headed, text_and_end
from bench.mutants.oddities import ODD_BYTES

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


def broken_copies_before(draft: Draft) -> None:
    """A row that is none, and then the row itself: it is the first that can be read."""
    name = draft.some_file()
    delimiter = delimiter_of(name)
    places = draft.some_rows(name, 3)
    what = draft.dice.choice([b"", b"-1", b"\xff", b" "])
    lines = draft.lines(name)
    column = draft.dice.randint(1, 3)
    for place in reversed(places):
        values = lines[place].split(delimiter)
        values[min(column, len(values) - 1)] = what
        lines.insert(place, delimiter.join(values).rstrip(b"\r\n") + b"\n")
    draft.set_lines(name, lines)
    draft.note(
        f"{name}: before lines {[place + 1 for place in places]} the same with {what!r} in "
        f"column {column}"
    )


def lines_lost(draft: Draft) -> None:
    name = draft.some_file()
    lines = draft.lines(name)
    first = draft.dice.randrange(len(lines))
    length = draft.dice.choice([1, 2, 10, 100])
    draft.set_lines(name, lines[:first] + lines[first + length :])
    draft.note(f"{name}: {length} lines lost from line {first + 1}")


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


def many_broken_rows(draft: Draft) -> None:
    name = draft.some_file()
    lines = draft.lines(name)
    at = draft.dice.choice([1, len(lines) - 1, draft.dice.randrange(len(lines))])
    text, end = text_and_end(lines[-1])
    broken = text + delimiter_of(name) + draft.dice.choice([b"x", b"\xff", b"", b'"'])
    draft.set_lines(name, [*lines[:at], *([broken + (end or b"\n")] * BROKEN_ROWS), *lines[at:]])
    draft.note(f"{name}: {BROKEN_ROWS} broken rows before line {at + 1}")
