"""What goes wrong with whole files."""

from bench.mutants.draft import Draft, File, lines_of, to_some_file

ENCODINGS = ("utf-16", "utf-16-le", "utf-8-sig", "utf-8", "latin-1", "cp1252", "cp437", "utf-32")
STRANGERS = (
    ("README.txt", b"read me\n"),
    ("genome-scores.csv", b"movieId,tagId,relevance\n1,1,0.5\n"),
    (".DS_Store", b"\0\0\0\1Bud1"),
    ("\x1b[31mread me\n.txt", b"read me\n"),
    ("Caf\udce9.txt", b"a name in latin-1\n"),
)
NEW_NAMES = ("{}.txt", "copy/{}", ".{}", "{}.bak", "Copy of {}")


@to_some_file
def emptied(file: File) -> str:
    n_lines = file.dice.choice([0, 0, 1])
    file.lines = file.lines[:n_lines]
    return "its first line alone" if n_lines else "empty"


@to_some_file
def twice_the_file(file: File) -> str:
    file.data *= 2
    return "twice, one after the other"


@to_some_file
def other_encoding(file: File) -> str:
    encoding = file.dice.choice(ENCODINGS)
    file.data = decode(file.data).encode(encoding, errors="replace")
    return f"encoded as {encoding}"


def decode(data: bytes) -> str:
    """Return the text, of latin-1 where it is no UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


@to_some_file
def file_lost(file: File) -> str:
    del file.draft.files[file.name]
    return "not there"


@to_some_file
def file_renamed(file: File) -> str:
    others = [file.name.upper(), *(pattern.format(file.name) for pattern in NEW_NAMES)]
    name = file.dice.choice(others)
    file.draft.files[name] = file.draft.files.pop(file.name)
    return f"named {name}"


def files_exchanged(draft: Draft) -> None:
    first = draft.some_file()
    second = draft.some_file()
    first.data, second.data = second.data, first.data
    draft.note(f"{first.name} and {second.name} exchanged")


def stranger_beside(draft: Draft) -> None:
    name, data = draft.dice.choice(STRANGERS)
    draft.files[name] = data
    draft.note(f"{name!a} beside the files")


def first_lines_of_another(draft: Draft) -> None:
    """The end of one file replaced by the end of another, as after a mixed-up upload."""
    first = draft.some_file()
    second = draft.some_file()
    n_lines = draft.dice.choice([1, 2, 200])
    first.lines = first.lines[:-n_lines] + lines_of(second.data)[-n_lines:]
    draft.note(f"{first.name}: its last {n_lines} lines are those of {second.name}")
