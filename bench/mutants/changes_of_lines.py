"""What goes wrong with bytes and lines. Each change returns what it did."""

from bench.mutants.draft import File, numbers, text_and_end, to_some_file
from bench.mutants.oddities import ODD_BYTES

BROKEN_ROWS = 20_000  # reading that is quadratic in them takes over a minute
BYTES_LOST = (1, 5, 60, 4096)
ZEROS = (1, 16, 512)
LINES_LOST = (1, 2, 10, 100)
BLANKS = (b"\n", b"\r\n", b"\r", b" \n", b"\t\n")
ENDS = (b"\n", b"\r\n", b"\r\n", b"\r")
BROKEN_VALUES = (b"", b"-1", b"\xff", b" ")
BROKEN_LAST_VALUES = (b"x", b"\xff", b"", b'"')


@to_some_file
def odd_bytes_in(file: File) -> str:
    odd = file.dice.choice(ODD_BYTES)
    at = file.some_byte()
    file.replace(at, 0, odd)
    return f"{odd!r} at byte {at}"


@to_some_file
def bytes_flipped(file: File) -> str:
    data = bytearray(file.data or b" ")
    n_bytes = file.dice.randint(1, 4)
    places = [file.dice.randrange(len(data)) for _ in range(n_bytes)]
    for place in places:
        data[place] ^= file.dice.randint(1, 255)
    file.data = bytes(data)
    return f"bytes {places} changed"


@to_some_file
def cut_short(file: File) -> str:
    at = file.some_byte()
    file.data = file.data[:at]
    return f"cut at byte {at}"


@to_some_file
def piece_lost(file: File) -> str:
    at = file.some_byte()
    length = file.dice.choice(BYTES_LOST)
    file.replace(at, length, b"")
    return f"{length} bytes lost at {at}"


@to_some_file
def block_of_zeros(file: File) -> str:
    at = file.some_byte()
    length = file.dice.choice(ZEROS)
    file.replace(at, length, bytes(length))
    return f"{length} zeros at byte {at}"


@to_some_file
def lines_swapped(file: File) -> str:
    lines = file.lines
    first = file.some_line()
    second = file.some_line()
    lines[first], lines[second] = lines[second], lines[first]
    file.lines = lines
    return f"lines {first + 1} and {second + 1} swapped"


@to_some_file
def lines_shuffled(file: File) -> str:
    rows = file.lines[file.n_headers :]
    file.dice.shuffle(rows)
    file.replace_lines(file.n_headers, len(rows), rows)
    return "its rows in another order"


@to_some_file
def lines_repeated(file: File) -> str:
    places = file.some_rows(3)
    lines = file.lines
    for place in reversed(places):
        lines.insert(file.dice.randint(place, len(lines)), lines[place])
    file.lines = lines
    return f"lines {numbers(places)} twice"


@to_some_file
def broken_copies_before(file: File) -> str:
    """A row that is none, and then the row itself: it is the first that can be read."""
    places = file.some_rows(3)
    value = file.dice.choice(BROKEN_VALUES)
    column = file.dice.randint(1, 3)
    for place in reversed(places):
        copy = break_row(file.lines[place], file.delimiter, column, value)
        file.replace_lines(place, 0, [copy])
    return f"before lines {numbers(places)} the same with {value!r} in column {column}"


def break_row(line: bytes, delimiter: bytes, column: int, value: bytes) -> bytes:
    """Return the line with this value in a column, or in the last where it has fewer."""
    values = line.split(delimiter)
    values[min(column, len(values) - 1)] = value
    return delimiter.join(values).rstrip(b"\r\n") + b"\n"


@to_some_file
def lines_lost(file: File) -> str:
    first = file.some_line()
    length = file.dice.choice(LINES_LOST)
    file.replace_lines(first, length, [])
    return f"{length} lines lost from line {first + 1}"


@to_some_file
def blank_lines(file: File) -> str:
    blank = file.dice.choice(BLANKS)
    n_lines = len(file.lines)
    places = sorted(file.dice.randint(0, n_lines) for _ in range(3))
    for place in reversed(places):
        file.replace_lines(place, 0, [blank])
    return f"{blank!r} before lines {numbers(places)}"


@to_some_file
def line_ends(file: File) -> str:
    end = file.dice.choice(ENDS)
    file.data = file.data.replace(b"\r\n", b"\n").replace(b"\n", end)
    return f"lines end with {end!r}"


@to_some_file
def no_last_line_end(file: File) -> str:
    file.data = file.data.rstrip(b"\r\n")
    return "no line end after the last line"


@to_some_file
def many_broken_rows(file: File) -> str:
    n_lines = len(file.lines)
    at = file.dice.choice([1, n_lines - 1, file.dice.randrange(n_lines)])
    broken = extend_last_row(file, file.dice.choice(BROKEN_LAST_VALUES))
    file.replace_lines(at, 0, [broken] * BROKEN_ROWS)
    return f"{BROKEN_ROWS} broken rows before line {at + 1}"


def extend_last_row(file: File, value: bytes) -> bytes:
    """Return the last line with one more value."""
    text, end = text_and_end(file.lines[-1])
    return text + file.delimiter + value + (end or b"\n")
