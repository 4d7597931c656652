"""A published data set cut by time: every published line enters once, in its week, in its own
bytes.
"""

import io
import random
import re
import tempfile
import zipfile
from bisect import bisect_right
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.drops.members import find_members
from recsys.drops.records import read_lines
from recsys.drops.replay import drop_dates, replay
from recsys.drops.zone import LandingZone
from recsys.errors import DropError
from recsys.ingest.delimited import read_delimited
from recsys.ingest.layouts import LAYOUTS, layout_of
from recsys.ingest.numbers import with_whole_numbers
from recsys.ingest.source import Reject

MONDAY = date(2020, 1, 20)
WEEKS = [date(2020, 1, 6), date(2020, 1, 13), MONDAY]


def at(day: int, hour: int = 12, second: int = 0) -> int:
    return int(datetime(2020, 1, day, hour, 0, second, tzinfo=UTC).timestamp())


# user 1 in the first drop, 2 in the second, 3 (only a tag in the second, a rating in the third)
EVENTS = [
    (1, 10, at(5)),
    (2, 20, at(6, 0)),
    (1, 20, at(12, 23)),
    (3, 30, at(13, 0)),
    (1, 10, at(19, 23, 59)),
]
CSV = {
    "ratings.csv": "userId,movieId,rating,timestamp\r\n"
    + "".join(f"{u},{m},4.0,{t}\r\n" for u, m, t in EVENTS),
    "tags.csv": "userId,movieId,tag,timestamp\r\n"
    f'3,40,"two\nlines, ""quoted""",{at(7)}\r\n1,10,plain,{at(14)}\r\n',
    "movies.csv": 'movieId,title,genres\r\n10,"Ten, The (1990)",Drama\r\n20,Twenty '
    "(1991),Drama\r\n30,Thirty (2019),\r\n"
    "40,Forty,\r\n50,Old (1950),\r\n60,New (2020),\r\n70,No year,\r\n",
    "links.csv": "movieId,imdbId,tmdbId\r\n" + "".join(f"{m},0{m},\r\n" for m in range(10, 80, 10)),
}
DAT = {
    # no line end after the last
    "ratings.dat": "\n".join(f"{u}::{m}::5::{t}" for u, m, t in EVENTS),
    "movies.dat": '10::Ten: The \xe9 (1990)::Drama\n20::Twenty "(1991)::Drama\n30::Thirty '
    "(2019)::Drama\n",
    "users.dat": "1::F::1::10::48067\n2::M::56::16::70072\n3::M::25::15::55117\n"
    "4::M::25::15::55117\n",
    "tags.dat": f"3::40::a: b::{at(7)}\n",
}
TITLES_100K = {10: "Ten (1990)", 20: "Caf\xe9 (1991)", 30: "T (2019)"}
ML100K = {
    "u.data": "".join(f"{u}\t{m}\t3\t{t}\n" for u, m, t in EVENTS),
    "u.item": "".join(
        f"{movie}|{title}|01-Jan-1990||http://x{'|0' * 19}\n"
        for movie, title in TITLES_100K.items()
    ),
    "u.user": "1|24|M|technician|85711\n2|53|F|other|94043\n3|23|M|writer|32067\n",
    "u.genre": "unknown|0\nAction|1\n",
}


def publish(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_bytes(text.encode("utf-8" if name.endswith(".csv") else "latin-1"))
    return folder


def lines(zone: Path, name: str) -> list[list[bytes]]:
    """The file's lines in each drop, oldest drop first."""
    return [
        (folder / name).read_bytes().splitlines(keepends=True)
        for folder in sorted((zone / "movielens").iterdir())
    ]


def ids(zone: Path, name: str, separator: bytes, skip: int = 0) -> list[list[int]]:
    return [[int(line.split(separator)[0]) for line in drop[skip:]] for drop in lines(zone, name)]


def test_each_event_enters_in_its_week(tmp_path: Path) -> None:
    source = publish(tmp_path / "ml", CSV)
    assert replay(source, str(tmp_path / "zone"), weeks=2) == WEEKS
    published = (source / "ratings.csv").read_bytes().splitlines(keepends=True)
    head, rows = published[0], published[1:]
    assert lines(tmp_path / "zone", "ratings.csv") == [
        [head, rows[0]],
        [head, *rows[1:3]],
        [head, *rows[3:]],
    ]


def test_a_record_with_a_line_end_in_quotes_stays_whole(tmp_path: Path) -> None:
    replay(publish(tmp_path / "ml", CSV), str(tmp_path / "zone"), weeks=2)
    head, first, second, third = (
        lines(tmp_path / "zone", "tags.csv")[1][0],
        *lines(tmp_path / "zone", "tags.csv"),
    )
    assert first == [head]
    assert b"".join(second[1:]) == f'3,40,"two\nlines, ""quoted""",{at(7)}\r\n'.encode()
    assert third[1:] == [f"1,10,plain,{at(14)}\r\n".encode()]


def test_a_movie_and_its_link_enter_with_the_first_rating_or_tag(tmp_path: Path) -> None:
    replay(publish(tmp_path / "ml", CSV), str(tmp_path / "zone"), weeks=2)
    # 50 is older than the initial drop's year, 60 and 70 may be films of the future
    for name in ("movies.csv", "links.csv"):
        assert ids(tmp_path / "zone", name, b",", skip=1) == [[10, 50], [20, 40], [30, 60, 70]]


def test_the_double_colon_layout(tmp_path: Path) -> None:
    replay(publish(tmp_path / "ml", DAT), str(tmp_path / "zone"), weeks=2)
    assert ids(tmp_path / "zone", "users.dat", b"::") == [[1], [2], [3, 4]]
    assert ids(tmp_path / "zone", "movies.dat", b"::") == [[10], [20], [30]]
    assert lines(tmp_path / "zone", "movies.dat")[0] == [
        "10::Ten: The \xe9 (1990)::Drama\n".encode("latin-1")
    ]
    assert [len(drop) for drop in lines(tmp_path / "zone", "ratings.dat")] == [1, 2, 2]
    assert [len(drop) for drop in lines(tmp_path / "zone", "tags.dat")] == [0, 1, 0]


def test_the_ml_100k_layout(tmp_path: Path) -> None:
    replay(publish(tmp_path / "ml", ML100K), str(tmp_path / "zone"), weeks=2)
    assert ids(tmp_path / "zone", "u.user", b"|") == [[1], [2], [3]]
    assert ids(tmp_path / "zone", "u.item", b"|") == [[10], [20], [30]]
    assert (b"").join(
        line for drop in lines(tmp_path / "zone", "u.data") for line in drop
    ).decode() == ML100K["u.data"]
    assert [len(drop) for drop in lines(tmp_path / "zone", "u.genre")] == [2, 2, 2]


def test_a_zip_gives_the_same_drops_as_its_folder(tmp_path: Path) -> None:
    source = publish(tmp_path / "ml", CSV)
    with zipfile.ZipFile(tmp_path / "ml.zip", "w") as archive:
        for path in source.iterdir():
            archive.write(path, f"ml-latest/{path.name}")
    replay(source, str(tmp_path / "a"), weeks=2)
    replay(tmp_path / "ml.zip", str(tmp_path / "b"), weeks=2)
    for name in CSV:
        assert lines(tmp_path / "a", name) == lines(tmp_path / "b", name)


def test_drops_are_complete_verify_and_leave_nothing_beside_them(tmp_path: Path) -> None:
    replay(publish(tmp_path / "ml", CSV), str(tmp_path / "zone"), weeks=2)
    zone = LandingZone(str(tmp_path / "zone"))
    assert [set(zone.checksums(drop)) for drop in zone.drops("movielens")] == [set(CSV)] * 3
    assert all(zone.listed(drop) for drop in zone.drops("movielens"))
    assert [path.name for path in (tmp_path / "zone").iterdir()] == ["movielens"]


def test_again_changes_nothing(tmp_path: Path) -> None:
    source = publish(tmp_path / "ml", CSV)
    stamps = []
    for _ in range(2):
        replay(source, str(tmp_path / "zone"), weeks=2)
        stamps.append({path: path.stat().st_mtime_ns for path in (tmp_path / "zone").rglob("*")})
    assert stamps[0] == stamps[1]


def test_other_content_is_refused_before_anything_is_put(tmp_path: Path) -> None:
    source = publish(tmp_path / "ml", CSV)
    replay(source, str(tmp_path / "zone"), weeks=1)
    before = sorted((tmp_path / "zone").rglob("*"))
    with pytest.raises(DropError, match=r"^complete, with other content .*2020-01-13 in "):
        replay(source, str(tmp_path / "zone"), weeks=2)
    assert sorted((tmp_path / "zone").rglob("*")) == before


def test_a_half_copied_drop_is_not_overwritten(tmp_path: Path) -> None:
    half = tmp_path / "zone" / "movielens" / str(MONDAY)
    half.mkdir(parents=True)
    (half / "ratings.csv").write_text("half")
    with pytest.raises(DropError, match="files are there, but no _SUCCESS"):
        replay(publish(tmp_path / "ml", CSV), str(tmp_path / "zone"), weeks=2)
    assert (half / "ratings.csv").read_text() == "half"


def test_imdb_is_put_at_every_date_and_outlives_its_source(tmp_path: Path) -> None:
    imdb = publish(tmp_path / "imdb", {"title.basics.tsv": "tconst\n"})
    replay(publish(tmp_path / "ml", CSV), str(tmp_path / "zone"), weeks=2, imdb=imdb)
    (imdb / "title.basics.tsv").write_text("overwritten in place")
    zone = LandingZone(str(tmp_path / "zone"))
    assert [drop.date for drop in zone.drops("imdb")] == WEEKS
    for drop in zone.drops("imdb"):
        assert zone.members(drop)["title.basics.tsv"].open().read() == b"tconst\n"
        zone.checksums(drop)


def test_into_an_object_store(tmp_path: Path) -> None:
    source = publish(tmp_path / "ml", CSV)
    zone = LandingZone("memory://replayed")
    try:
        assert replay(source, zone.uri, weeks=2) == replay(source, zone.uri, weeks=2) == WEEKS
        assert [set(zone.checksums(drop)) for drop in zone.drops("movielens")] == [set(CSV)] * 3
    finally:
        MemoryFileSystem.store.clear()
        MemoryFileSystem.pseudo_dirs[:] = [""]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"README": "x"},
            r"^no ratings file; found README, expected one of ratings.csv, ratings.dat, u.data "
            r"\(.*/ml\)$",
        ),
        (
            {"ratings.csv": "user,movie\n1,2\n"},
            r"^ratings.csv line 1: no column userId, .*found "
            r"'user,movie', expected userId,",
        ),
        (
            {"u.data": "1\t2\t3\tx\n"},
            r"^u.data line 1: found the time 'x'; expected whole seconds "
            r"since 1970, between 1990",
        ),
        (
            {"u.data": "1\t2\t3\n"},
            r"^1 of 1 rows of u.data cannot be read .*; the first is line 1: "
            r"3 columns, expected 4",
        ),
        ({"u.data": ""}, r"^u.data holds no rating"),
    ],
)
def test_what_is_no_release_is_refused(tmp_path: Path, files: dict[str, str], message: str) -> None:
    with pytest.raises(DropError, match=message):
        replay(publish(tmp_path / "ml", files), str(tmp_path / "zone"), weeks=2)


@pytest.mark.parametrize(
    ("day", "last"),
    [((2020, 1, 19), MONDAY), ((2020, 1, 20), date(2020, 1, 27)), ((2020, 1, 14), MONDAY)],
)
def test_the_last_drop_is_the_first_monday_after_the_newest_event(
    day: tuple[int, int, int], last: date
) -> None:
    newest = int(datetime(*day, tzinfo=UTC).timestamp())
    assert drop_dates(newest, 2)[-1] == last
    assert (
        all(day.weekday() == 0 for day in drop_dates(newest, 5)) and len(drop_dates(newest, 5)) == 6
    )


@given(
    st.lists(st.binary(max_size=6).map(lambda line: line.replace(b"\n", b"")), max_size=30),
    st.integers(1, 40),
)
def test_lines_are_as_published_wherever_a_chunk_ends(parts: list[bytes], chunk: int) -> None:
    text = b"\n".join([b"first", *parts])
    lines: list[bytes] = []
    for read in read_lines(io.BufferedReader(io.BytesIO(text)), chunk=chunk):  # pyright: ignore[reportArgumentType]
        lines += [read.pick(np.array([index])) for index in range(len(read))]
    assert lines == io.BytesIO(text).readlines()


# What other tools make of a release


def changed(
    old: str, new: str, name: str = "ratings.csv", files: dict[str, str] = CSV
) -> dict[str, str]:
    assert old in files[name]
    return files | {name: files[name].replace(old, new)}


def refusal(folder: Path, files: dict[str, str]) -> str:
    """The message of the DropError; no drop is put."""
    with pytest.raises(DropError) as error:
        replay(publish(folder / "ml", files), str(folder / "zone"), weeks=2)
    assert not (folder / "zone").exists() or list((folder / "zone").iterdir()) == []
    return str(error.value)


BAD_TIMES = {
    "milliseconds": f"{at(12, 23)}000",
    "microseconds": f"{at(12, 23)}000000",
    "ISO": "2020-01-12 23:00:00",
    "ISO that ends in digits": "2020-01-12 23:00:11",
    "a date": "20200112",
    "a fraction": f"{at(12, 23)}.5",
    "an exponent": "1.57e9",
    "negative": f"-{at(12, 23)}",
    "signed": f"+{at(12, 23)}",
    "in front of it a space": f" {at(12, 23)}",
    "behind it a space": f"{at(12, 23)} ",
    "empty": "",
    "1970": "11",
    "1989": "631151999",
    "2100": "4102444800",
    "digits of another script": "\uff11\uff15\uff17\uff18\uff18\uff17\uff10\uff10\uff10\uff10",
}


@pytest.mark.parametrize("time", BAD_TIMES.values(), ids=BAD_TIMES)
def test_a_time_in_another_unit_is_refused_where_it_stands(tmp_path: Path, time: str) -> None:
    good = f"1,20,4.0,{at(12, 23)}"
    message = refusal(tmp_path, changed(good, f"1,20,4.0,{time}"))
    assert message.startswith(
        f"ratings.csv line 4: found the time {time!r}; expected whole seconds since 1970, between "
        "1990 and 2100"
    )
    assert message.endswith(f"({tmp_path}/ml)")


@pytest.mark.parametrize(
    ("files", "name", "separator"),
    [
        (CSV, "tags.csv", ","),
        (DAT, "ratings.dat", "::"),
        (DAT, "tags.dat", "::"),
        (ML100K, "u.data", "\t"),
    ],
)
def test_a_bad_time_is_refused_in_every_layout_and_in_tags(
    tmp_path: Path, files: dict[str, str], name: str, separator: str
) -> None:
    last = files[name].rstrip().rpartition(separator)[2]
    line = files[name].rstrip().count("\n") + 1
    message = refusal(tmp_path, changed(last, f"{last}000", name, files))
    assert message.startswith(f"{name} line {line}: found the time '{last}000'")


def test_the_first_and_the_last_second_are_taken(tmp_path: Path) -> None:
    rows = "userId,movieId,rating,timestamp\n1,10,4.0,631152000\n1,20,4.0,1577836800\n"
    assert replay(publish(tmp_path / "ml", {"ratings.csv": rows}), str(tmp_path / "zone"), weeks=1)[
        -1
    ] == date(2020, 1, 6)


def test_one_event_of_the_future_moves_no_drop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = changed(str(at(14)), "2127000000", "tags.csv")
    message = refusal(tmp_path, files)
    assert message.startswith(
        "tags.csv line 4 is of 2037-05-27, which is more than 7 days after today ("
    )
    monkeypatch.setenv("RECSYS_ALLOW_FUTURE", "true")
    assert replay(tmp_path / "ml", str(tmp_path / "zone"), weeks=2)[-1] == date(2037, 6, 1)


def test_drops_without_a_rating_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    replay(publish(tmp_path / "ml", CSV), str(tmp_path / "zone"), weeks=2)
    assert not caplog.records
    replay(
        publish(tmp_path / "late", changed(str(at(19, 23, 59)), str(at(30)))),
        str(tmp_path / "other"),
        weeks=2,
    )
    assert "2 of 3 drops hold no rating (2020-01-20, 2020-01-27)" not in caplog.text
    assert "1 of 3 drops hold no rating (2020-01-27)" in caplog.text
    assert (
        "counted back from the newest event, and ratings.csv line 6 is of 2020-01-30" in caplog.text
    )


def shuffled(text: str, order: list[int]) -> str:
    return ("").join(
        ",".join(line.split(",")[i] for i in order) + "\n"
        for line in text.replace("\r", "").splitlines()
    )


LOOKS = {
    "CR alone": lambda text: text.replace("\r\n", "\r"),
    "a byte order mark": lambda text: "\ufeff" + text,
    "an empty last line": lambda text: text + "\r\n",
    "empty lines in between": lambda text: text.replace("\r\n", "\r\n\r\n"),
    "no last line end": lambda text: text.rstrip(),
    "LF": lambda text: text.replace("\r\n", "\n"),
    "columns in another order": lambda text: shuffled(text, [3, 1, 0, 2]),
    "quotes around everything": lambda text: "".join(
        '"' + line.replace(",", '","') + '"\n' for line in text.split()
    ),
    "a point in whole numbers": lambda text: re.sub(
        r"([0-9]+),([0-9]+),(.*),([0-9]+)", r"\1.0,\2.0,\3,\4.0", text
    ),
    "an index column": lambda text: "".join(
        f"{n},{line}\n" for n, line in enumerate(text.splitlines())
    ),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_ratings_that_ingest_reads_are_cut(tmp_path: Path, look: Callable[[str], str]) -> None:
    replay(
        publish(tmp_path / "ml", CSV | {"ratings.csv": look(CSV["ratings.csv"])}),
        str(tmp_path / "zone"),
        weeks=2,
    )
    assert read_back(tmp_path / "zone", "ratings.csv") == [EVENTS[:1], EVENTS[1:3], EVENTS[3:]]


def read_back(zone: Path, name: str) -> list[list[tuple[int, int, int]]]:
    """(user, movie, time) of each drop's ratings, as ingest reads them; nothing in them is
    rejected.
    """
    events = []
    for folder in sorted((zone / "movielens").iterdir()):
        landing = LandingZone(str(zone))
        members = landing.members(landing.at("movielens", date.fromisoformat(folder.name)))
        present = layout_of(members).present(members)
        (spec,) = (file.spec for file in present if file.name == name)
        parts = [
            part if isinstance(part, Reject) else with_whole_numbers(part)
            for part in read_delimited(members[name], spec)
        ]
        rows = [row for part in parts if not isinstance(part, Reject) for row in part.to_pylist()]
        assert not [part for part in parts if isinstance(part, Reject)]
        events.append(
            [(int(row["user_id"]), int(row["movie_id"]), int(row["rated_at"])) for row in rows]
        )
    return events


def test_a_byte_order_mark_of_a_file_without_a_header_stays_out_of_the_middle(
    tmp_path: Path,
) -> None:
    newest_first = "".join(reversed(ML100K["u.data"].splitlines(keepends=True)))
    folder = publish(tmp_path / "ml", ML100K)
    (folder / "u.data").write_bytes(b"\xef\xbb\xbf" + newest_first.encode())
    replay(folder, str(tmp_path / "zone"), weeks=2)
    assert [sorted(drop) for drop in read_back(tmp_path / "zone", "u.data")] == [
        EVENTS[:1],
        sorted(EVENTS[1:3]),
        sorted(EVENTS[3:]),
    ]


def many(*bad: str) -> dict[str, str]:
    """A release of 1,000 ratings with these lines in the middle."""
    good = (
        [f"{n},10,4.0,{at(5) + n}\n" for n in range(500)],
        [f"{n},20,4.0,{at(14) + n}\n" for n in range(500)],
    )
    lines = [
        "userId,movieId,rating,timestamp\n",
        *good[0],
        *(f"{line}\n" for line in bad),
        *good[1],
    ]
    return {
        "ratings.csv": "".join(lines),
        "movies.csv": "movieId,title,genres\n10,Ten (1990),\n20,Twenty (1991),\n",
    }


def test_rows_that_cannot_be_read_are_left_out_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = publish(tmp_path / "ml", many("1,10,4.0", f"1,10,4.0,{at(5)},x"))
    replay(source, str(tmp_path / "zone"), weeks=2)
    assert [len(drop) for drop in read_back(tmp_path / "zone", "ratings.csv")] == [500, 0, 500]
    expected = (
        "2 of 1,002 rows of ratings.csv cannot be read and are left out; the first is line 502: 3 "
        "columns, expected 4"
    )
    assert expected in caplog.text


def test_as_many_bad_rows_as_ingest_refuses_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = refusal(tmp_path, many(*["1,10,4.0"] * 20))
    assert message.startswith(
        "20 of 1,020 rows of ratings.csv cannot be read (allowed 1.0%); the "
        "first is line 502: 3 columns"
    )
    monkeypatch.setenv("RECSYS_MAX_BAD_SHARE", "0.02")
    assert len(replay(tmp_path / "ml", str(tmp_path / "zone"), weeks=2)) == 3


def test_values_that_ingest_sets_aside_go_to_it(tmp_path: Path) -> None:
    source = publish(
        tmp_path / "ml", many(f"x,10,4.0,{at(14)}", f"1,10,7,{at(14)}", f"1,99,4,{at(14)}")
    )
    replay(source, str(tmp_path / "zone"), weeks=2)
    assert [len(drop) - 1 for drop in lines(tmp_path / "zone", "ratings.csv")] == [500, 0, 503]


def test_a_movie_whose_id_is_none_is_handed_on_to_ingest(tmp_path: Path) -> None:
    source = publish(tmp_path / "ml", changed("50,Old (1950),", "tt50,Old (1950),", "movies.csv"))
    replay(source, str(tmp_path / "zone"), weeks=2)
    assert [len(drop) - 1 for drop in lines(tmp_path / "zone", "movies.csv")] == [2, 2, 3]


TEXT = st.text('ab,"\n\r7 \u00e9:|\t', max_size=5)
EVENT_ROWS = st.lists(
    st.tuples(st.integers(1, 3), st.sampled_from([10, 20]), TEXT, st.integers(at(1), at(25))),
    max_size=15,
)
JUNK = st.lists(st.binary(max_size=8), max_size=4)


@pytest.mark.parametrize(
    ("name", "separator"), [("tags.csv", ","), ("ratings.dat", "::"), ("u.data", "\t")]
)
@settings(max_examples=60, deadline=None)  # each is a folder of drops
@given(
    EVENT_ROWS,
    JUNK,
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
    st.booleans(),
    st.randoms(),
)
def test_what_is_cut_is_what_ingest_reads_of_the_whole(
    name: str,
    separator: str,
    rows: list,
    junk: list[bytes],
    line_end: str,
    quotes: bool,
    has_bom: bool,
    chance: random.Random,
) -> None:
    """Whatever stands between: each row that is read of the release is in one drop, the right one,
    and nothing else is.
    """
    texts = [
        separator.join((str(u), str(m), quoted(text) if quotes else text, str(time)))
        for u, m, text, time in rows
    ]
    content = [text.encode() for text in texts] + junk
    chance.shuffle(content)
    head = [b"userId,movieId,tag,timestamp"] if name == "tags.csv" else []
    data = (b"\xef\xbb\xbf") * has_bom + b"".join(
        line + line_end.encode() for line in [*head, *content]
    )
    with tempfile.TemporaryDirectory() as folder:
        source = publish(
            Path(folder) / "ml", {"ratings.csv": CSV["ratings.csv"]} if name == "tags.csv" else {}
        )
        (source / name).write_bytes(data)
        try:
            whole, _ = read_events(source / name)
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("RECSYS_MAX_BAD_SHARE", "1")
                dates = replay(source, f"{folder}/zone", weeks=2)
        except DropError as error:
            assert name in str(error)  # noqa: PT017 - what can be read must be whole
            return
        cut = [read_events(Path(folder) / "zone" / "movielens" / str(day) / name) for day in dates]
    ends = [int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) for day in dates]
    expected = [
        [row for row in whole if bisect_right(ends, int(row[3])) == index]
        for index in range(len(dates))
    ]
    assert cut == [(rows, 0) for rows in expected]


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def read_events(path: Path) -> tuple[list[tuple], int]:
    """The rows of a file of ratings or tags, as ingest reads them, and how many it would set
    aside.
    """
    (layout,) = [each for each in LAYOUTS if path.name in {file.name for file in each.files}]
    members = find_members(LocalFileSystem(), [(path.name, str(path))], "here")
    (file,) = layout.present(members)
    parts = list(read_delimited(members[file.name], file.spec))
    batches = [part for part in parts if not isinstance(part, Reject)]
    rows = [
        tuple(row[name] for name in file.spec.columns.values())
        for batch in batches
        for row in batch.to_pylist()
    ]
    return rows, len(parts) - len(batches)
