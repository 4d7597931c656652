"""Publishers' files as streams: every row that is a row, with its line; every other set aside, with
its line.
"""

# pyarrow.compute makes its functions when it is imported:
# pyright: reportAttributeAccessIssue=false

import gzip
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from fsspec.implementations.local import LocalFileSystem

from recsys.drops.lines import LONGEST
from recsys.drops.zone import Member
from recsys.errors import DropError
from recsys.ingest import delimited
from recsys.ingest.delimited import Delimited, read_delimited, read_excerpts
from recsys.ingest.source import Reject

CSV = Delimited({"id": "id", "text": "text"})
PLAIN = Delimited({"id": "id", "text": "text"}, quoted=False)
DAT = Delimited({"id": "id", "text": "text"}, "::", ("id", "text"), "latin-1", quoted=False)
DAT_UTF8 = Delimited({"id": "id", "text": "text"}, "::", ("id", "text"), quoted=False)
PIPES = Delimited({"id": "id", "text": "text"}, "|", ("id", "text"), quoted=False)
TSV = Delimited({"id": "id", "text": "text"}, "\t", ("id", "text"), quoted=False)


def member_of(tmp_path: Path, data: bytes, name: str = "file.csv") -> Member:
    (tmp_path / name).write_bytes(data)
    return Member(
        name.removesuffix(".gz"),
        name,
        len(data),
        "the drop",
        LocalFileSystem(),
        str(tmp_path / name),
        None,
    )


def read(
    tmp_path: Path, data: bytes, spec: Delimited, name: str = "file.csv"
) -> tuple[list[tuple], list[Reject]]:
    """Rows as (line, id, text), and the rejects."""
    rows, rejects = [], []
    for part in read_delimited(member_of(tmp_path, data, name), spec):
        if isinstance(part, Reject):
            rejects.append(part)
        else:
            assert part.schema.field("line").type == pa.int64()
            rows += [(row["line"], row["id"], row["text"]) for row in part.to_pylist()]
    return rows, rejects


def read_ours(
    tmp_path: Path, data: bytes, spec: Delimited
) -> tuple[list[tuple], list[Reject], int]:
    """The rows whose id is 1 or 2 as (line, id, text), the rejects, and out of how many rows."""
    rows, rejects, n_read = [], [], 0
    ours = pa.array([b"1", b"2"])
    for part in read_excerpts(
        member_of(tmp_path, data), spec, lambda batch: pc.is_in(batch["id"], value_set=ours)
    ):
        if isinstance(part, Reject):
            rejects.append(part)
        else:
            assert part.batch.schema == pa.schema(
                {"line": pa.int64(), "id": pa.string(), "text": pa.string()}
            )
            rows += [tuple(row.values()) for row in part.batch.to_pylist()]
            n_read += part.read
    return rows, rejects, n_read


def as_tuple(reject: Reject) -> tuple[str, int, str, str]:
    return reject.file, reject.line, reject.reason, reject.content


@pytest.fixture(params=[delimited.BLOCK_BYTES, 16, 24, 40], ids="block{}".format)
def blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file read in one block, and in blocks of a row or two."""
    monkeypatch.setattr(delimited, "BLOCK_BYTES", request.param)
    monkeypatch.setattr(delimited, "EXCERPT_BLOCK_BYTES", request.param)


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("header", [True, False], ids=["header", "no header"])
def test_lines_are_exact_around_broken_and_blank_ones(
    tmp_path: Path, header: bool, end: bytes
) -> None:
    lines = [
        b"x",
        b"1,a",
        b"2,b",
        b"x,y,z",
        b"x",
        b"",
        b"3,c",
        b"4,d",
        b"5,e",
        b"x",
        b"x",
        b"x",
        b"x",
        b"x",
        b"6,f",
        b"",
        b"x",
    ]
    spec = CSV if header else Delimited(CSV.columns, layout=("id", "text"))
    data = end.join([b"id,text", *lines] if header else lines) + end
    first = 2 if header else 1
    rows, rejects = read(tmp_path, data, spec)
    places = {
        line.split(b",")[0].decode(): place
        for place, line in enumerate(lines, first)
        if line[:1].isdigit()
    }
    assert [(line, ident) for line, ident, _ in rows] == [
        (place, ident) for ident, place in places.items()
    ]
    assert [reject.line for reject in rejects] == [
        place for place, line in enumerate(lines, first) if line[:1] == b"x"
    ]
    assert (rejects[1].reason, rejects[1].content) == ("3 columns, expected 2", "x,y,z")
    assert {reject.file for reject in rejects} == {"file.csv"}


@pytest.mark.usefixtures("blocks")
def test_lines_are_exact_in_many_random_files(tmp_path: Path) -> None:
    dice = random.Random(5)
    for _ in range(60):
        lines = [
            dice.choice([b"1,a", b"22,bbbb", b"x", b"x,y,z", b""])
            for _ in range(dice.randrange(40))
        ]
        rows, rejects = read(tmp_path, b"id,text\n" + b"\n".join(lines), CSV)
        assert [line for line, *_ in rows] == [
            n for n, line in enumerate(lines, 2) if line[:1].isdigit()
        ]
        assert [reject.line for reject in rejects] == [
            n for n, line in enumerate(lines, 2) if line[:1] == b"x"
        ]


def test_quotes_hold_delimiters_quotes_and_line_breaks_and_lines_stay_exact(tmp_path: Path) -> None:
    data = b'id,text\n1,"a, ""b"""\n2,"c\nd\ne"\n3,f\n"x\ny",4,5\n6,g\nx\n7,"h\ni"\n8,j\n'
    rows, rejects = read(tmp_path, data, CSV)
    assert rows == [
        (2, "1", 'a, "b"'),
        (3, "2", "c\nd\ne"),
        (6, "3", "f"),
        (9, "6", "g"),
        (11, "7", "h\ni"),
        (13, "8", "j"),
    ]
    assert [(reject.line, reject.content) for reject in rejects] == [(7, '"x\ny",4,5'), (10, "x")]


def test_line_breaks_in_quotes_count_across_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 32)
    body = "".join(f'{n},"a\nb"\n' for n in range(50))
    rows, _ = read(tmp_path, f"id,text\n{body}".encode(), CSV)
    assert [line for line, *_ in rows] == [2 + 2 * n for n in range(50)]


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("n_after", [0, 3, 50])
def test_a_quote_that_never_closes_costs_its_own_line_alone(tmp_path: Path, n_after: int) -> None:
    data = b"id,text\n" + b"1,a\n" * 10 + b'2,"b\n' + b"3,c\n" * n_after
    rows, rejects = read(tmp_path, data, CSV)
    assert [line for line, *_ in rows] == [*range(2, 12), *range(13, 13 + n_after)]
    assert [as_tuple(reject)[1:] for reject in rejects] == [
        (12, "a quote is opened and not closed", '2,"b')
    ]


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize(
    ("lines", "bad"),
    [
        (
            [b'1,"Broken" Quote (1992)'],
            {0: "text after a closing quote: a quote inside a value is written twice"},
        ),
        (
            [rb'1,"Back\"slash (1994)"'],
            {0: "text after a closing quote: a quote inside a value is written twice"},
        ),
        (
            [b'1,""Hi"" (1993)'],
            {0: "text after a closing quote: a quote inside a value is written twice"},
        ),
        ([b'1,"a" '], {0: "text after a closing quote: a quote inside a value is written twice"}),
        ([b'"1"2,a'], {0: "text after a closing quote: a quote inside a value is written twice"}),
        ([b'1,"open', b"2,b", b'3,"Quoted, The"'], {0: "a quote is opened and not closed"}),
        (
            [b'1,"open', b'2,"open', b'3,"open'],
            dict.fromkeys(range(3), "a quote is opened and not closed"),
        ),
        (
            [b'a",b,"', b'a",b,"', b'a",b,"', b"4,d"],
            dict.fromkeys(range(3), "a quote is opened and not closed"),
        ),
        (
            [b'1,"x', b'y" z', b"3,c"],
            {0: "a quote is opened and not closed", 1: "1 columns, expected 2"},
        ),
    ],
)
def test_a_stray_quote_costs_its_own_line_and_changes_no_value(
    tmp_path: Path, lines: list[bytes], bad: dict[int, str]
) -> None:
    lines = [b"8,before", *lines, b"9,after"]
    rows, rejects = read(tmp_path, b"id,text\n" + b"\n".join(lines), CSV)
    assert [(reject.line, reject.reason) for reject in rejects] == [
        (place + 3, reason) for place, reason in bad.items()
    ]
    assert [reject.content for reject in rejects] == [lines[place + 1].decode() for place in bad]
    assert [line for line, *_ in rows] == [n + 2 for n in range(len(lines)) if n - 1 not in bad]
    assert (rows[0][2], rows[-1][2]) == ("before", "after")


@pytest.mark.usefixtures("blocks")
def test_quotes_inside_a_value_that_has_none_around_are_letters(tmp_path: Path) -> None:
    values = {
        b'12" Record': '12" Record',
        b'a""b': 'a""b',
        b'"Say ""Hi"""': 'Say "Hi"',
        b'"""Hi"""': '"Hi"',
        b'""': "",
        b"5'10\"": "5'10\"",
    }
    rows, rejects = read(
        tmp_path, b"id,text\n" + b"".join(b"7,%b\n" % value for value in values), CSV
    )
    assert ([text for *_, text in rows], rejects) == (list(values.values()), [])


@pytest.mark.usefixtures("blocks")
def test_an_all_quoted_file_is_the_same_rows(tmp_path: Path) -> None:
    rows, rejects = read(tmp_path, b'"id","text"\r\n"1","4.0"\r\n"2","x, ""y"""\r\n', CSV)
    assert (rows, rejects) == ([(2, "1", "4.0"), (3, "2", 'x, "y"')], [])


def test_a_quote_is_a_letter_where_nothing_is_quoted(tmp_path: Path) -> None:
    rows, rejects = read(tmp_path, b'id,text\n1,"a\n2,b"\n"3,c\n', PLAIN)
    assert rows == [(2, "1", '"a'), (3, "2", 'b"'), (4, '"3', "c")]
    assert not rejects


@pytest.mark.usefixtures("blocks")
def test_bad_bytes_and_zero_bytes_are_set_aside_alone(tmp_path: Path) -> None:
    rows, rejects = read(
        tmp_path, b"id,text\n1,a\n2,\xff\n3,c\n4,d\0\n5,\xc3\xa9\n\xfe,f\n7,g\n", CSV
    )
    assert rows == [(2, "1", "a"), (4, "3", "c"), (6, "5", "é"), (8, "7", "g")]
    assert [(reject.line, reject.content) for reject in rejects] == [
        (3, r"2,\xff"),
        (5, r"4,d\x00"),
        (7, r"\xfe,f"),
    ]
    assert {reject.reason for reject in rejects} == {"not UTF-8 text, or a zero byte in it"}


@pytest.mark.usefixtures("blocks")
def test_what_is_wanted_keeps_its_lines_and_all_rows_are_counted(tmp_path: Path) -> None:
    rows, rejects, n_read = read_ours(
        tmp_path, b"id,text\n7,a\n1,b\n\nx,y,z\n7,c\n,\n,d\n2,\n1,e\n", CSV
    )
    assert rows == [(3, "1", "b"), (9, "2", ""), (10, "1", "e")]
    assert [(reject.line, reject.reason) for reject in rejects] == [(5, "3 columns, expected 2")]
    assert n_read == 6


@pytest.mark.usefixtures("blocks")
def test_what_is_no_text_is_set_aside_where_it_is_wanted_and_else_counted(tmp_path: Path) -> None:
    rows, rejects, n_read = read_ours(
        tmp_path, b"id,text\n1,a\n7,\xff\n1,\xff\n7,\0\n2,\0\n\xff,b\n2,c\n", CSV
    )
    assert rows == [(2, "1", "a"), (8, "2", "c")]
    assert [(reject.line, reject.content) for reject in rejects] == [(4, r"1,\xff"), (6, r"2,\x00")]
    assert n_read == 5


def test_nothing_but_bad_rows_is_wanted(tmp_path: Path) -> None:
    rows, rejects, n_read = read_ours(tmp_path, b"id,text\n7,a\n1,\xff\n7,b\n", CSV)
    assert (rows, [reject.line for reject in rejects], n_read) == ([], [3], 2)


@pytest.mark.usefixtures("blocks")
def test_a_cut_file_has_what_the_whole_file_has(tmp_path: Path) -> None:
    dice = random.Random(6)
    for _ in range(60):
        lines = [
            dice.choice([b"1,a", b"2,\xff", b"7,bbbb", b"7,", b"x", b'1,"c\nd"', b""])
            for _ in range(dice.randrange(40))
        ]
        data = b"id,text\n" + b"\n".join(lines)
        all_rows, all_rejects = read(tmp_path, data, CSV)
        assert read_ours(tmp_path, data, CSV) == (
            [row for row in all_rows if row[1] in "12"],
            all_rejects,
            len(all_rows),
        )


def test_a_zero_byte_in_a_broken_row_can_be_kept(tmp_path: Path) -> None:
    _, rejects = read(tmp_path, b"id,text\n1,a,\0\n", CSV)
    assert [reject.content for reject in rejects] == [r"1,a,\x00"]


@pytest.mark.usefixtures("blocks")
def test_double_colons_wherever_a_chunk_ends(tmp_path: Path) -> None:
    text = ["a", "b:", ":c", "d:e", "\xe9\xfc", "", "f" * 9]
    data = "".join(f"{n}::{text[n % 7]}\n" for n in range(70)).encode("latin-1")
    rows, rejects = read(tmp_path, data, DAT)
    expected = [
        (n + 1, str(n), {":c": ":c", "b:": "b:"}.get(text[n % 7], text[n % 7])) for n in range(70)
    ]
    assert rows == expected
    assert not rejects


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize(
    ("spec", "sign"), [(CSV, b","), (PLAIN, b","), (DAT_UTF8, b"::"), (TSV, b"\t"), (PIPES, b"|")]
)
@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"4~Mis\xe9re~La\xff", "3 columns, expected 2"),
        (b"\x804", "1 columns, expected 2"),
        (b"\xed\xa0\x80~\0~~caf\xc3\xa9", "4 columns, expected 2"),
    ],
)
def test_a_broken_row_with_a_bad_byte_is_set_aside_at_its_line(
    tmp_path: Path,
    spec: Delimited,
    sign: bytes,
    end: bytes,
    row: bytes,
    reason: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    lines = [] if spec.layout else [b"id,text"]
    lines += [line.replace(b"~", sign) for line in (b"1~a", b"2~\xc3\xa9", row, b"3~c")]
    rows, rejects = read(tmp_path, end.join(lines), spec)
    first = len(lines) - 3
    assert rows == [(first, "1", "a"), (first + 1, "2", "é"), (first + 3, "3", "c")]
    shown = {b"4": r"4~Mis\xe9re~La\xff", b"\x80": r"\x804", b"\xed": r"\xed\xa0\x80~\x00~~café"}[
        row[:1]
    ]
    content = shown.replace("~", sign.decode())
    assert [as_tuple(reject)[1:] for reject in rejects] == [(first + 2, reason, content)]
    assert capfd.readouterr().err == ""


def test_control_characters_are_text_beside_double_colons(tmp_path: Path) -> None:
    rows, rejects = read(tmp_path, b"1::a\x1fb\x1e\n2::b::c\x1f\n", DAT_UTF8)
    assert rows == [(1, "1", "a\x1fb\x1e")]
    assert [(reject.line, reject.content) for reject in rejects] == [(2, "2::b::c\x1f")]


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("spec", [CSV, PLAIN], ids=["quoted", "plain"])
def test_a_carriage_return_inside_a_row_shifts_no_line(tmp_path: Path, spec: Delimited) -> None:
    rows, rejects = read(tmp_path, b"id,text\n1,a\n9\r,x\n\r2,b\n3,c\r\n4,d\r", spec)
    assert [(line, ident) for line, ident, _ in rows] == [(2, "1"), (5, "3"), (6, "4")]
    assert [(reject.line, reject.reason) for reject in rejects] == [
        (n, "a line break (CR) inside the row") for n in (3, 4)
    ]


def test_a_carriage_return_in_quotes_is_text(tmp_path: Path) -> None:
    assert read(tmp_path, b'id,text\n1,"a\rb"\n2,"c\r\nd"\n3,e\n', CSV) == (
        [(2, "1", "a\rb"), (3, "2", "c\r\nd"), (5, "3", "e")],
        [],
    )


@pytest.mark.parametrize(
    "spec", [CSV, Delimited(CSV.columns, layout=("id", "text"))], ids=["header", "no header"]
)
def test_a_file_whose_lines_end_in_carriage_returns_alone(tmp_path: Path, spec: Delimited) -> None:
    rows, rejects = read(tmp_path, (b"" if spec.layout else b"id,text\r") + b"1,a\rx\r2,b\r", spec)
    assert [(ident, text) for _, ident, text in rows] == [("1", "a"), ("2", "b")]
    assert [reject.line for reject in rejects] == [rows[0][0] + 1]


LONG = b"x" * (LONGEST + 1)


@pytest.mark.parametrize("block", [1 << 12, 1 << 20, 4 << 20])
@pytest.mark.parametrize(
    "row",
    [b"2," + LONG, b'2,"' + LONG + b'"', LONG * 5, b"2," + LONG * 3 + b",3"],
    ids=["plain", "quoted", "5 MB", "columns"],
)
@pytest.mark.parametrize("end", [b"", b"\r\n", b"\n3,c\n4,d"], ids=["no end", "last", "between"])
def test_a_row_over_a_mebibyte_is_set_aside_alone(
    tmp_path: Path, row: bytes, end: bytes, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", block)
    rows, rejects = read(tmp_path, b"id,text\n1,a\n" + row + end, CSV)
    assert rows == [(2, "1", "a"), *([(4, "3", "c"), (5, "4", "d")] if b"3,c" in end else [])]
    (reject,) = rejects
    n_bytes = len(row) + end.startswith(b"\r")
    assert (reject.line, reject.reason) == (3, f"a row of {n_bytes:,} bytes, more than 1,048,576")
    assert reject.content == row[:2000].decode()


def test_the_longest_row_is_a_row(tmp_path: Path) -> None:
    text = "x" * (LONGEST - 2)
    assert read(tmp_path, f"id,text\n1,{text}\n2,b".encode(), CSV) == (
        [(2, "1", text), (3, "2", "b")],
        [],
    )


@pytest.mark.parametrize("block", [1 << 12, 1 << 20, 4 << 20])
def test_the_longest_row_may_be_of_several_lines(
    tmp_path: Path, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", block)
    text = "x" * 1000 + "\n" + "y" * (LONGEST - 1005)
    assert read(tmp_path, f'id,text\n1,"{text}"\n2,b\n'.encode(), CSV) == (
        [(2, "1", text), (4, "2", "b")],
        [],
    )
    rows, rejects = read(tmp_path, f'id,text\n1,"{text}z"\n2,b\n'.encode(), CSV)
    assert (rows, [(reject.line, reject.reason) for reject in rejects]) == (
        [(4, "2", "b")],
        [(2, "a quote is opened and not closed"), (3, "1 columns, expected 2")],
    )


def test_a_quote_open_for_over_a_mebibyte_costs_its_own_line_alone(tmp_path: Path) -> None:
    line = b"7," + b"y" * 1000 + b"\n"
    rows, rejects = read(tmp_path, b"id,text\n" + b'1,"open\n' + line * 3000 + b'8,"end"\n', CSV)
    assert (len(rows), rows[0][0], rows[-1]) == (3001, 3, (3003, "8", "end"))
    assert [(reject.line, reject.reason) for reject in rejects] == [
        (2, "a quote is opened and not closed")
    ]


def operations(read_it: Callable[[], object]) -> int:
    """How many lines of Python are run, and how many bytes go through what is looked at line by
    line.
    """
    count = 0

    def trace(frame: Any, event: str, arg: object) -> Any:
        nonlocal count
        count += 1
        if event == "call" and frame.f_code.co_name == "find_rows":
            count += len(frame.f_locals["data"])
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        read_it()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize(
    ("lines", "block"),
    [
        ([b"1,2,3"], 1 << 20),
        ([b"1,2,3", b"1,2"], 1 << 20),
        ([b"1,2,3"], 1 << 10),
        ([b'1,"2\n2"'], 1 << 20),
        ([b'1,"2'], 1 << 20),
        ([b'1,"2'], 1 << 10),
        ([b'a",b,"'], 1 << 20),
        ([b'",'], 1 << 20),
        ([b'a""b,""', b'"'], 1 << 20),
        ([b"1\r,2"], 1 << 10),
        ([b"1,\xff,3"], 1 << 20),
        ([b"1,\xff"], 1 << 20),
    ],
)
def test_reading_is_linear_in_broken_rows(
    tmp_path: Path, lines: list[bytes], block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", block)
    steps = []
    for n_rows in (500, 1000):
        data = b"id,text\n" + b"".join(line + b"\n" for line in lines) * n_rows + b"1,a\n"
        steps.append(operations(lambda data=data: read(tmp_path, data, CSV)))
    assert steps[1] < 2.2 * steps[0]


def test_rejects_come_with_their_block_and_are_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 64)
    parts = read_delimited(member_of(tmp_path, b"id,text\n" + b"x\n1,a\n" * 1000), CSV)
    kinds = "".join("x" if isinstance(next(parts), Reject) else "." for _ in range(100))
    assert kinds.count("x") > 50
    assert max(map(len, kinds.split("."))) < 20


def test_a_broken_row_shows_its_own_delimiter(tmp_path: Path) -> None:
    _, rejects = read(tmp_path, b"1::a\n2::b::c\n", DAT)
    assert [(reject.line, reject.content) for reject in rejects] == [(2, "2::b::c")]


@pytest.mark.parametrize(
    "spec", [CSV, Delimited(CSV.columns, layout=("id", "text"))], ids=["header", "no header"]
)
def test_a_byte_order_mark_is_no_text(tmp_path: Path, spec: Delimited) -> None:
    rows, _ = read(
        tmp_path, b"\xef\xbb\xbf" + (b"" if spec.layout else b"id,text\n") + b"1,a\n", spec
    )
    assert [(ident, text) for _, ident, text in rows] == [("1", "a")]


@pytest.mark.parametrize("data", [b"id,text", b"id,text\n", b"id,text\r\n", b"id,text\n\n"])
def test_nothing_after_the_header_is_no_row(tmp_path: Path, data: bytes) -> None:
    assert read(tmp_path, data, CSV) == ([], [])


def test_an_empty_file_without_a_header_is_no_row(tmp_path: Path) -> None:
    assert read(tmp_path, b"", DAT) == ([], [])


def test_only_broken_rows(tmp_path: Path) -> None:
    rows, rejects = read(tmp_path, b"x\nx\nx\n", TSV)
    assert (rows, [reject.line for reject in rejects]) == ([], [1, 2, 3])


def test_the_last_line_needs_no_end(tmp_path: Path) -> None:
    assert read(tmp_path, b"1\ta\n2\tb", TSV)[0] == [(1, "1", "a"), (2, "2", "b")]


def test_columns_are_found_by_name_in_any_order_among_others(tmp_path: Path) -> None:
    assert read(tmp_path, b'"more","text", id\n0,a,1\n', CSV)[0] == [(2, "1", "a")]


@pytest.mark.parametrize("data", [b"id,words\n1,a\n", b"1,a\n2,b\n", b""])
def test_a_missing_column_says_what_is_there_and_expected(tmp_path: Path, data: bytes) -> None:
    header = data.split(b"\n")[0].decode()
    with pytest.raises(DropError, match=r"file\.csv line 1: no column ") as error:
        read(tmp_path, data, CSV)
    assert f"found {header!r}, expected id,text" in str(error.value)


def test_a_column_that_is_there_twice_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        DropError,
        match=r"file\.csv line 1: text is there twice; found 'id,text,text', expected it once",
    ):
        read(tmp_path, b"id,text,text\n1,a,b\n", CSV)


GZIPPED = gzip.compress(b"id,text\n" + b"".join(b"%d,a\n" % n for n in range(100_000)))


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:-4],
        lambda whole: whole[:5],
        lambda whole: b"id,text\n1,a\n",
        lambda whole: whole + b"1,a\n",
        lambda whole: whole[:-8] + bytes(4) + whole[-4:],
        lambda whole: whole[: len(whole) // 2] + b"\xff" * 1000 + whole[len(whole) // 2 + 1000 :],
    ],
    ids=[
        "half",
        "no length",
        "no header",
        "no gzip",
        "more after the end",
        "another checksum",
        "other bytes",
    ],
)
def test_a_damaged_gzip_says_so(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    with pytest.raises(
        DropError, match=r"^file\.csv\.gz cannot be read: .+; expected a whole file \(the drop\)$"
    ):
        read(tmp_path, damage(GZIPPED), CSV, "file.csv.gz")


def test_a_gzip_of_several_parts_is_one_file(tmp_path: Path) -> None:
    rows, _ = read(
        tmp_path,
        gzip.compress(b"id,text\n1,") + gzip.compress(b"a\n2,b\n") + bytes(8),
        CSV,
        "file.csv.gz",
    )
    assert rows == [(2, "1", "a"), (3, "2", "b")]


def test_who_stops_early_leaves_no_file_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 1 << 10)
    opened: list[Any] = []

    class Watched(LocalFileSystem):
        cachable = False

        def _open(self, *args: Any, **kwargs: Any) -> Any:
            opened.append(super()._open(*args, **kwargs))
            return opened[-1]

    (tmp_path / "file.csv.gz").write_bytes(GZIPPED)
    member = Member(
        "file.csv", "file.csv.gz", None, "the drop", Watched(), str(tmp_path / "file.csv.gz"), None
    )
    parts = read_delimited(member, CSV)
    next(parts)
    assert [file.closed for file in opened] == [False]
    parts.close()
    assert [file.closed for file in opened] == [True]
