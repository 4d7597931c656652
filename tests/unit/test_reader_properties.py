"""Any bytes at all: the reader says of each line what an independent parser says, in a time that
grows with their number.
"""

# pyarrow.compute makes its functions when it is imported:
# pyright: reportAttributeAccessIssue=false

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bench.mutants.independent_archives import PACKED
from bench.mutants.independent_tables import Ours, Table, read_table
from recsys.drops.zone import Member
from recsys.errors import DropError
from recsys.ingest import delimited, parse
from recsys.ingest.delimited import Delimited, Excerpt, read_delimited, read_excerpts
from recsys.ingest.source import Reject
from tests.effort import n_steps

COLUMNS = {"id": "id", "text": "text"}
#: The same file format, as the product and as the independent parser are given it.
FORMATS = {
    "csv": (Delimited(COLUMNS), Table(("id", "text"), b",", header=True, quoted=True)),
    "plain csv": (Delimited(COLUMNS, quoted=False), Table(("id", "text"), b",", header=True)),
    "tsv": (Delimited(COLUMNS, "\t", quoted=False), Table(("id", "text"), b"\t", header=True)),
    "double colon": (
        Delimited(COLUMNS, "::", ("id", "text"), quoted=False),
        Table(("id", "text"), b"::", header=False),
    ),
    "pipes": (
        Delimited(COLUMNS, "|", ("id", "text"), quoted=False),
        Table(("id", "text"), b"|", header=False),
    ),
}
PIECES = [
    *(b"1", b"a", b"b c", b"", b" "),
    *(b'"', b'""', b'"a"', b'"a', b'a"'),
    *(b"\n", b"\r\n", b"\n\n", b"\r"),
    *(b"\xff", b"\xc3\xa9", b"\xe2\x80\xa8", b"\0", b"\x1f", b"\x1e", b"\xef\xbb\xbf", b"\xc2\x85"),
    *(b",", b"::", b":", b"\t", b"|"),
]
#: Always the same examples: what CI runs today it ran yesterday.
FIXED = settings(
    max_examples=100,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def member_of(data: bytes) -> Member:
    MemoryFileSystem().pipe_file("/file", data)
    return Member("file.csv", "file.csv", len(data), "the drop", MemoryFileSystem(), "/file", None)


def read(data: bytes, spec: Delimited) -> tuple[list[tuple[int, dict[str, str]]], list[Reject]]:
    rows: list[tuple[int, dict[str, str]]] = []
    rejects: list[Reject] = []
    for part in read_delimited(member_of(data), spec):
        if isinstance(part, Reject):
            rejects.append(part)
        else:
            rows += [(row.pop("line"), row) for row in part.to_pylist()]
    return rows, rejects


def header_of(table: Table) -> bytes:
    return table.delimiter.join([b"id", b"text"]) + b"\n" if table.header else b""


def wide_header_of(table: Table) -> bytes:
    """With our columns in another order, among others."""
    return table.delimiter.join([b"text", b"more", b"id"]) + b"\n" if table.header else b""


def n_blank_lines(data: bytes, table: Table) -> int:
    """Lines without a value, of a file whose lines end with LF."""
    body = data if table.header else data.removeprefix(b"\xef\xbb\xbf")
    lines = body.removesuffix(b"\n").split(b"\n")
    return sum(line.removesuffix(b"\r") in (b"", table.delimiter) for line in lines) if data else 0


@pytest.fixture(params=[1 << 20, 64, 16], ids="block{}".format)
def blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file in one block, and in blocks of a few rows."""
    monkeypatch.setattr(delimited, "BLOCK_BYTES", request.param)
    monkeypatch.setattr(delimited, "EXCERPT_BLOCK_BYTES", request.param)


def assert_agreement(data: bytes, name: str) -> None:
    """Hold what the two readers say of these bytes against each other."""
    spec, table = FORMATS[name]
    if data.startswith(PACKED):
        with pytest.raises(DropError, match=r"file\.csv holds .+ data where text was expected"):
            read(data, spec)
        return
    expected = read_table(data, table)
    if expected.refused:
        with pytest.raises(DropError, match=r"file\.csv line 1"):
            read(data, spec)
        return
    rows, rejects = read(data, spec)
    assert rows == [(row.line, row.values) for row in expected.rows]
    assert sorted(reject.line for reject in rejects) == sorted(expected.rejects)
    assert all(reject.file == "file.csv" and reject.reason for reject in rejects)
    assert not any("\0" in reject.content for reject in rejects)


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("name", FORMATS)
@FIXED
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=40))
@example(pieces=[b"1", b",", b"Mis\xe9re", b",", b"x", b"\n"])
@example(pieces=[b"1,", b'"a', b"\n", b"2,b", b"\n", b'3,"c"', b"\n"])
@example(pieces=[b'1,"Broken" Quote (1992)\n'])
@example(pieces=[b'1,"Back\\"slash (1994)"\n'])
@example(pieces=[b'1,12" Record\n2,"""Hi"""\n'])
@example(pieces=[b"1,a\r2,b\r3,c\r"])
@example(pieces=[b'1,"a\n', b'2,b,c\n3,"\n'])
def test_each_line_is_what_the_independent_parser_says(name: str, pieces: list[bytes]) -> None:
    _, table = FORMATS[name]
    assert_agreement(header_of(table) + b"".join(pieces), name)


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("name", ["csv", "tsv"])
@FIXED
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=40))
def test_columns_are_recognised_by_name_among_others(name: str, pieces: list[bytes]) -> None:
    _, table = FORMATS[name]
    assert_agreement(wide_header_of(table) + b"".join(pieces), name)


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("name", ["csv", "tsv"])
@FIXED
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=40))
def test_of_rows_that_are_not_wanted_nothing_is_asked(name: str, pieces: list[bytes]) -> None:
    spec, table = FORMATS[name]
    data = header_of(table) + b"".join(pieces)
    expected = read_table(data, table, ours=Ours("id", {"1", "a"}))
    ours = pa.array([b"1", b"a"], pa.binary())
    rows: list[tuple[int, dict[str, str]]] = []
    rejects: list[int] = []
    n_read = 0
    for part in read_excerpts(
        member_of(data), spec, lambda batch: pc.is_in(batch["id"], value_set=ours)
    ):
        if isinstance(part, Excerpt):
            rows += [(row.pop("line"), row) for row in part.batch.to_pylist()]
            n_read += part.read
        else:
            rejects.append(part.line)
    assert rows == [(row.line, row.values) for row in expected.rows]
    assert sorted(rejects) == sorted(expected.rejects)
    assert n_read + len(rejects) == expected.n_read


@pytest.mark.parametrize("name", FORMATS)
@FIXED
@given(data=st.binary(max_size=200))
def test_any_bytes_are_rows_rejects_or_a_refusal(name: str, data: bytes) -> None:
    assert_agreement(data, name)


@pytest.mark.parametrize("name", [name for name, (spec, _) in FORMATS.items() if not spec.quoted])
@FIXED
@given(
    lines=st.lists(
        st.lists(st.sampled_from([piece for piece in PIECES if b"\n" not in piece]), max_size=6),
        max_size=20,
    )
)
def test_rows_rejects_and_blank_lines_are_all_lines(name: str, lines: list[list[bytes]]) -> None:
    spec, table = FORMATS[name]
    body = b"".join(b"".join(line) + b"\n" for line in lines)
    rows, rejects = read(header_of(table) + body, spec)
    assert len(rows) + len(rejects) + n_blank_lines(body, table) == len(lines)


# ---------------------------------------------------------------- how much work it takes


HARD = {
    "broken rows": lambda n: b"1,a,b,c\n" * n + b"1,a\n",
    "broken rows, each with a bad byte": lambda n: b"1,\xff,a\n" * n + b"1,a\n",
    "broken and good rows by turns": lambda n: b"1,a,b\n1,a\n" * n,
    "bad bytes": lambda n: b"1,\xff\n" * n,
    "open quotes": lambda n: b'1,"a\n' * n,
    "open quotes behind too many columns": lambda n: b'1,a,"b\n' * n,
    "stray quotes": lambda n: b'1,"a" b\n' * n,
    "quotes in one value": lambda n: b'1,"' + b'""' * n + b'"\n',
    "quotes that never close": lambda n: b'1,"' + b'""' * n + b"\n",
    "line breaks in one value": lambda n: b'1,"' + b"a\n" * n + b'"\n',
    "line breaks in many values": lambda n: b'1,"a\nb"\n' * n,
    "carriage returns": lambda n: b"1,a\r" * n + b"\n1,a\n",
    "blank lines": lambda n: b"\n" * n,
    "delimiters": lambda n: b"," * n + b"\n",
    "zeros": lambda n: b"\0" * n,
}


@pytest.mark.parametrize("kind", HARD)
def test_twice_the_input_takes_at_most_twice_the_steps(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 2_048)
    spec, table = FORMATS["csv"]

    def steps(n: int) -> int:
        return n_steps(lambda: read(header_of(table) + HARD[kind](n), spec))

    steps(10)  # what is imported and made once
    once, twice = steps(1_000), steps(2_000)
    assert twice < 2.3 * once + 500


def parsed_bytes(data: bytes, spec: Delimited, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many bytes Arrow is given in all: none should be parsed again and again."""
    total = 0
    read_csv = parse.pacsv.read_csv

    def counted(source, *args, **kwargs):
        nonlocal total
        total += source.size()
        return read_csv(source, *args, **kwargs)

    monkeypatch.setattr(parse.pacsv, "read_csv", counted)
    read(data, spec)
    monkeypatch.setattr(parse.pacsv, "read_csv", read_csv)
    return total


@pytest.mark.parametrize("kind", HARD)
def test_no_byte_is_parsed_over_and_over(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 2_048)
    spec, table = FORMATS["csv"]
    data = header_of(table) + HARD[kind](4_000)
    assert parsed_bytes(data, spec, monkeypatch) < 4 * len(data) + 10_000


@pytest.fixture(autouse=True)
def no_files_left() -> Iterator[None]:
    yield
    MemoryFileSystem.store.clear()
