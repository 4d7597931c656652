"""Words that this project does not use, and what it says instead: in names, prose, SQL and files.

A name is a noun for a value and a verb for an action; one thing has one name everywhere. A failure
shows each place, the word and what to say.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

REPOSITORY = Path(__file__).parents[2]
PLACES = (
    *("recsys", "plugins", "dags", "stack", "bench", "sql", "docs", "tests", "docker"),
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "Makefile", "Dockerfile"),
    *("docker-compose.yaml", "pyproject.toml", ".env.example", ".github", "mkdocs.yml"),
)
SUFFIXES = {".py", ".sql", ".md", ".html", ".jinja", ".css", ".js", ".yaml", ".toml", ".sh"}

#: A name that is one of these words and nothing else, in Python and SQL → what to say.
NAMES: dict[str, str] = dict.fromkeys(
    ("told", "asked", "found", "known", "made", "wanted", "said"),
    "the noun of what it is: callback, message, mask, count, row …",
)

#: A word anywhere, in text and as a part of a name → what to say. A space is any gap between words.
WORDS = {
    r"sits? (an|the|its|for|down)|sat|sitting": "is evaluated",
    r"(user )?marks": "per-user scores, user_scores",
    r"sight": "snapshot",
    r"what (a|the) week (may|can|might) (know|see)": "snapshot",
    r"editions?": "publication spec, spec",
    r"(puts?|putting) before (the )?readers|(lets?|letting) readers see": "make live, go live",
    r"realised": "observed",
    r"own newest": "leave-newest-out",
    r"what (was|is|were|are) known": "training ratings",
    r"what (was|is|were|are) asked": "held-out ratings",
    r"(lets?|letting) go of": "frees",
    r"(take|takes|taken|took|taking)( it| them| this| that)? for": "treats as",
    r"(stand|stands|stood|standing) in": "is in",
    r"(is|are|was|were|be|been|being) told": "gets, is given; raises, reports, says",
    r"(has|have|had) it that": "says that",
}


class Allowed(NamedTuple):
    """A word that may stand in the files of a pattern, and the reason."""

    files: str
    word: str
    reason: str


ALLOWED: tuple[Allowed, ...] = (Allowed("tests/unit/test_words.py", ".*", "lists the words"),)


class Hit(NamedTuple):
    """A word that should be replaced."""

    file: str
    line: int
    word: str
    say: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.word!r}; say: {self.say}"


#: Between two words: white space, and what a new line of a comment, list or string begins with.
GAP = r"""(?:[\s>"'*-]|#:?|(?<=["'])f(?=["'])|\\n)+"""
PATTERNS = {
    re.compile(rf"\b(?:{word.replace(' ', GAP)})\b", re.IGNORECASE): say
    for word, say in WORDS.items()
}
SQL_ASIDES = re.compile(r"--.*|'(?:[^']|'')*'")
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def hits_of(file: str, text: str) -> list[Hit]:
    """Return what should be replaced in a file's name and text."""
    hits = {*hits_of_prose(file, 0, file), *hits_of_prose(file, 1, text)}
    for line, name in names_of(file, text):
        if name.lower().strip("_") in NAMES:
            hits.add(Hit(file, line, name, NAMES[name.lower().strip("_")]))
        hits.update(hits_of_prose(file, line, CAMEL.sub(" ", name)))
    return sorted(hit for hit in hits if not any(allows(allowed, hit) for allowed in ALLOWED))


def hits_of_prose(file: str, first: int, text: str) -> Iterator[Hit]:
    text = text.replace("_", " ")
    for pattern, say in PATTERNS.items():
        for match in pattern.finditer(text):
            line = first + text.count("\n", 0, match.start())
            yield Hit(file, line, " ".join(match[0].split()), say)


def allows(allowed: Allowed, hit: Hit) -> bool:
    return Path(hit.file).match(allowed.files) and bool(re.fullmatch(allowed.word, hit.word))


def names_of(file: str, text: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of each name that the file gives to something."""
    if file.endswith(".py"):
        for node in ast.walk(ast.parse(text)):
            yield from ((line_of(node), name) for name in given_names(node))
    if file.endswith(".sql"):
        code = SQL_ASIDES.sub(lambda aside: "\n" * aside[0].count("\n"), text)
        for word in re.finditer(r"\w+", code):
            yield code.count("\n", 0, word.start()) + 1, word[0]


def line_of(node: ast.AST) -> int:
    return getattr(node, "lineno", 0)


def given_names(node: ast.AST) -> list[str]:
    """Return the names that a node of a syntax tree gives: stored to, defined or passed by."""
    match node:
        case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
            return [name]
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.arg(arg=name) | ast.keyword(arg=str(name)) | ast.alias(asname=str(name)):
            return [name]
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
            return [name]
        case _:
            return []


def files_of(place: str) -> Iterator[Path]:
    """Yield the files of a folder that people read, or the file itself."""
    path = REPOSITORY / place
    paths = [path] if path.is_file() else sorted(path.rglob("*"))
    for each in paths:
        if each.is_file() and (each.suffix in SUFFIXES or each == path):
            yield each


@pytest.mark.parametrize("place", PLACES)
def test_no_name_and_no_sentence_uses_a_word_that_has_a_better_one(place: str) -> None:
    assert (REPOSITORY / place).exists()
    hits = [
        hit
        for path in files_of(place)
        for hit in hits_of(str(path.relative_to(REPOSITORY)), path.read_text())
    ]
    assert not hits, f"{len(hits)} words to replace:\n" + "\n".join(map(str, hits))


def test_at_most_ten_exceptions_are_allowed_each_with_a_reason() -> None:
    assert len(ALLOWED) <= 10
    assert all(allowed.reason for allowed in ALLOWED)


@pytest.mark.parametrize(
    ("file", "text", "line", "word"),
    [
        ("a.py", "x = 1\nfound = x", 2, "found"),
        ("a.py", "def f(told): ...", 1, "told"),
        ("a.py", "class A:\n    known: int", 2, "known"),
        ("a.py", "class UserMarks: ...", 1, "User Marks"),
        ("a.py", "f(asked=1)", 1, "asked"),
        ("a.py", '"""Text.\n\nThe user is\ntold of it."""', 3, "is told"),
        ("a.py", "#: The weeks that a model is\n#: told of.", 1, "is #: told"),
        ("a.py", 'x = "the model stands "\n"in it"', 1, 'stands " "in'),
        ("a.py", "n_marks = 1", 1, "marks"),
        ("a.sql", "SELECT 1 AS found", 1, "found"),
        ("a.sql", "SELECT 1\n-- what was known\nFROM a", 2, "what was known"),
        ("a.sql", "CREATE TABLE realised_hits (n int)", 1, "realised"),
        ("a.md", "A sentence.\n\n- It takes it\n  for a date.", 3, "takes it for"),
        ("a.yaml", "x: 1  # lets go of memory", 1, "lets go of"),
        ("test_realised.py", "", 0, "realised"),
    ],
)
def test_a_word_is_seen_in_names_prose_sql_and_files(
    file: str, text: str, line: int, word: str
) -> None:
    hits = hits_of(file, text)
    assert [(hit.line, hit.word) for hit in hits][:1] == [(line, word)]
    assert all(hit.say for hit in hits)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("a.py", "found_by = x.found\nis_known = not unknown\nf(x, knowns)"),
        ("a.py", '"""It is found, made and known; it remarks."""'),
        ("a.sql", "-- rows that were found\nSELECT 'known' AS state"),
        ("a.md", "It takes 3 s for a week, and the standing is instructive."),
    ],
)
def test_other_words_are_left_alone(file: str, text: str) -> None:
    assert hits_of(file, text) == []
