"""Any bytes at all: a replay puts every published line into one drop, its week's, or names file and
line and puts nothing.
"""

import tempfile
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bench.mutants.independent import LAYOUTS, Table, judge_movielens
from bench.mutants.independent_tables import read_table
from recsys.drops.replay import replay
from recsys.errors import DropError
from recsys.ingest import delimited
from tests.effort import n_steps

T = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp())
DAY = 86_400
HEADERS = {
    "ratings.csv": b"userId,movieId,rating,timestamp",
    "tags.csv": b"userId,movieId,tag,timestamp",
    "movies.csv": b"movieId,title,genres",
    "links.csv": b"movieId,imdbId,tmdbId",
}
#: Lines that are rows, by file; and what stands between them, `,` for the file's delimiter.
TEXTS = {
    "ratings": [
        f"1,10,4,{T}",
        f"2,20,0.5,{T + 6 * DAY}",
        f"1,20,3,{T + 13 * DAY}",
        f"3,10,5,{T + 19 * DAY}",
    ],
    "tags": [f"1,10,slow,{T + 3 * DAY}", f"4,20,café,{T + 15 * DAY}", f"2,10,⅓,{T}"],
    "movies": ["10,Ten (1990),Drama", "20,Twenty (1991),Drama|Comedy", "30,Thirty (2020),"],
    "links": ["10,0114709,862", "20,,", "30,0112346,"],
    "users": ["1,F,1,10,48067", "2,M,56,16,70072", "4,M,25,15,55117"],
    "items": ["10,Ten (1990),01-Jan-1990,,http" + ",0" * 19, "20,Twenty (1991),,," + ",1" * 19],
}
GOOD = {role: [text.encode() for text in texts] for role, texts in TEXTS.items()}
ODD = [
    *(
        b"",
        b" ",
        b",,,",
        b"x",
        b"1,10",
        b"1,10,4",
        f"1,10,4,{T},more".encode(),
        b"\xff,10,4,1577836800",
        b"\0",
        b"\xef\xbb\xbf",
    ),
    *(
        f"1,10,4,{T}000".encode(),
        b"1,10,4,2020-01-05 00:00:11",
        b"1,10,4,0",
        b"1,10,4,4102444800",
        b"1,10,4,631152000",
    ),
    *(
        f'1,10,"a\nb",{T}'.encode(),
        f'1,10,"a,{T}'.encode(),
        f'1,10,"a" b,{T}'.encode(),
        f'"1","10","4","{T}"'.encode(),
    ),
    *(
        f"1.0,10.0,4.5,{T}.0".encode(),
        f"-1,10,4,{T}".encode(),
        f"99999999999999999999,10,4,{T}".encode(),
        f"1\r10,4,{T}".encode(),
    ),
    *(
        b'10,"Ten, The ""Best"" (1990)",Drama',
        b'30,"Two\nlines",',
        b"30,Mis\xe9re, La (1995),Drama",
    ),
]
FIXED = settings(max_examples=60, derandomize=True, database=None, deadline=None)


def header_of(name: str) -> list[bytes]:
    return [HEADERS[name]] if name in HEADERS else []


@st.composite
def releases(draw: st.DrawFn, ratings_file: str) -> dict[str, bytes]:
    """Files of a layout, most of their lines good."""
    files = {}
    for name, (role, table) in LAYOUTS[ratings_file].items():
        if name != ratings_file and draw(st.integers(0, 5)) == 0:
            continue
        good = GOOD[role]
        lines = (
            [*good]
            if draw(st.booleans())
            else draw(st.lists(st.sampled_from(good), max_size=6, unique=True))
        )
        for odd in draw(st.lists(st.sampled_from(ODD), max_size=1)):
            lines.insert(draw(st.integers(0, len(lines))), odd)
        end = draw(st.sampled_from([b"\n", b"\n", b"\r\n", b"\r"]))
        data = end.join(header_of(name) + [line.replace(b",", table.delimiter) for line in lines])
        files[name] = (
            draw(st.sampled_from([b"", b"", b"", b"\xef\xbb\xbf"]))
            + data
            + draw(st.sampled_from([end, end, b"", end * 2]))
        )
    return files


def lines_of(data: bytes) -> list[bytes]:
    """All lines, without their ends."""
    body = data.removeprefix(b"\xef\xbb\xbf")
    body = body if b"\n" in body else body.replace(b"\r", b"\n")
    return [line.rstrip(b"\r") for line in body.split(b"\n")]


def published_lines(data: bytes, table: Table, encoding: str) -> Counter[bytes]:
    """The lines of all rows: without the header, blank lines, and what is no row."""
    contents = read_table(data, table, encoding=encoding)
    rows = {row.line for row in contents.rows}
    kept: Counter[bytes] = Counter()
    is_row = False
    for number, line in enumerate(lines_of(data), 1):
        if number in rows or number in contents.rejects:
            is_row = number in rows
        if is_row and line.strip(table.delimiter):  # also a line in which the row only goes on
            kept[line] += 1
    return kept


def check(files: dict[str, bytes], ratings_file: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source, zone = Path(folder, "release"), Path(folder, "zone")
        source.mkdir()
        for name, data in files.items():
            (source / name).write_bytes(data)
        try:
            dates = replay(source, str(zone), weeks=2)
        except DropError as error:
            assert_refused(files, str(error), zone)
            return
        encoding = judge_movielens(files).encoding
        drops = {day: zone / "movielens" / str(day) for day in dates}
        for name, (role, table) in LAYOUTS[ratings_file].items():
            if name in files:
                assert_all_lines(
                    files[name], [folder / name for folder in drops.values()], table, encoding
                )
                if role in ("ratings", "tags"):
                    assert_own_week(drops, name, table)


def assert_refused(files: dict[str, bytes], message: str, zone: Path) -> None:
    """The message has a file and a line, or what is wrong with the file as a whole; nothing was
    put.
    """
    assert any(name in message for name in files), message
    assert any(
        words in message for words in ("line ", "holds no rating", "data where text was expected")
    ), message
    assert not list(zone.rglob("*.*")) and not list(zone.rglob("_SUCCESS"))
    verdict = judge_movielens(files, max_bad_share=1.0)
    is_sound = not verdict.refused and not verdict.rejects and verdict.facts["ratings"]
    assert not is_sound, f"ingest would take every row in: {message}"


def assert_all_lines(data: bytes, parts: list[Path], table: Table, encoding: str) -> None:
    lines: Counter[bytes] = Counter()
    for part in parts:
        lines += Counter(
            line
            for line in lines_of(part.read_bytes())[table.header :]
            if line.strip(table.delimiter)
        )
    assert lines == published_lines(data, table, encoding)


def assert_own_week(drops: dict[date, Path], name: str, table: Table) -> None:
    first = min(drops)
    for day, folder in drops.items():
        for row in read_table((folder / name).read_bytes(), table).rows:
            when = datetime.fromtimestamp(float(row.values["timestamp"]), UTC).date()
            assert when < day and (day == first or when >= day - timedelta(days=7))


@pytest.mark.parametrize("ratings_file", LAYOUTS)
@FIXED
@given(data=st.data())
def test_every_line_is_in_one_drop_or_the_release_is_refused(
    ratings_file: str, data: st.DataObject
) -> None:
    check(data.draw(releases(ratings_file)), ratings_file)


@pytest.mark.parametrize("ratings_file", LAYOUTS)
@FIXED
@given(data=st.binary(max_size=100))
@example(data=b"\n")
def test_any_bytes_as_ratings_are_cut_or_refused(ratings_file: str, data: bytes) -> None:
    check({ratings_file: data}, ratings_file)


@pytest.mark.parametrize("ratings_file", LAYOUTS)
def test_a_sound_release_is_cut(ratings_file: str) -> None:
    files = {}
    for name, (role, table) in LAYOUTS[ratings_file].items():
        lines = header_of(name) + [line.replace(b",", table.delimiter) for line in GOOD[role]]
        files[name] = b"\n".join(lines) + b"\n"
    with tempfile.TemporaryDirectory() as folder:
        for name, data in files.items():
            Path(folder, name).write_bytes(data)
        assert len(replay(Path(folder), f"{folder}/zone", weeks=2)) == 3
    check(files, ratings_file)


#: What is hard to cut, by the file that it is in: n rows of it.
HARD = {
    "ratings": (
        "ratings.csv",
        lambda n: b"".join(f"{user},10,4,{T + user * 60}\n".encode() for user in range(n)),
    ),
    "blank lines": ("ratings.csv", lambda n: b"\n" * n),
    "line breaks in tags": ("tags.csv", lambda n: f'1,10,"a\nb",{T}\n'.encode() * n),
    "movies without a rating": (
        "movies.csv",
        lambda n: b"".join(f"{movie},A (1990),\n".encode() for movie in range(100, n)),
    ),
    "links of nothing": (
        "links.csv",
        lambda n: b"".join(f"{movie},,\n".encode() for movie in range(n)),
    ),
}


@pytest.mark.parametrize("kind", HARD)
def test_twice_the_release_takes_at_most_twice_the_steps(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 2_048)
    file, rows = HARD[kind]

    def steps(n: int) -> int:
        source = tmp_path / str(n)
        source.mkdir()
        for name, (role, _) in LAYOUTS["ratings.csv"].items():
            (source / name).write_bytes(
                b"\n".join([HEADERS[name], *GOOD[role]])
                + b"\n"
                + (rows(n) if name == file else b"")
            )
        return n_steps(lambda: replay(source, str(tmp_path / f"zone{n}"), weeks=2))

    steps(300)  # what is imported and made once
    once, twice = steps(1_500), steps(3_000)
    assert twice < 2.3 * once + 500
