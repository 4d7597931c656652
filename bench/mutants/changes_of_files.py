"""What goes wrong with whole files."""

from bench.mutants.draft import Draft, lines_of


def emptied(draft: Draft) -> None:
    name = draft.some_file()
    keep = draft.dice.choice([0, 0, 1])
    draft.set_lines(name, draft.lines(name)[:keep])
    draft.note(f"{name}: {'its first line alone' if keep else 'empty'}")


def twice_the_file(draft: Draft) -> None:
    name = draft.some_file()
    draft.files[name] *= 2
    draft.note(f"{name}: twice, one after the other")


def other_encoding(draft: Draft) -> None:
    name = draft.some_file()
    data = draft.files[name]
    encoding = draft.dice.choice(
        ["utf-16", "utf-16-le", "utf-8-sig", "utf-8", "latin-1", "cp1252", "cp437", "utf-32"]
    )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    draft.files[name] = text.encode(encoding, errors="replace")
    draft.note(f"{name}: encoded as {encoding}")


def file_lost(draft: Draft) -> None:
    name = draft.some_file()
    draft.files.pop(name, None)
    draft.note(f"{name}: not there")


def file_renamed(draft: Draft) -> None:
    name = draft.some_file()
    other = draft.dice.choice(
        [name.upper(), name + ".txt", "copy/" + name, "." + name, name + ".bak", "Copy of " + name]
    )
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
        "\x1b[31mread me\n.txt": b"read me\n",
        "Caf\udce9.txt": b"a name in latin-1\n",
    }
    name, data = draft.dice.choice(list(strangers.items()))
    draft.files[name] = data
    draft.note(f"{name!a} beside the files")


def first_lines_of_another(draft: Draft) -> None:
    """The end of one file replaced by the end of another, as after a mixed-up upload."""
    first, second = draft.some_file(), draft.some_file()
    ours, theirs = draft.lines(first), lines_of(draft.files[second])
    n_lines = draft.dice.choice([1, 2, 200])
    draft.set_lines(first, ours[:-n_lines] + theirs[-n_lines:])
    draft.note(f"{first}: its last {n_lines} lines are those of {second}")
