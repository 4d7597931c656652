"""A published data set cut by time: every published line enters once, in its week, in its own bytes."""

import io
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given
from hypothesis import strategies as st

from recsys.drops.records import read_records
from recsys.drops.replay import drop_dates, replay
from recsys.drops.zone import LandingZone
from recsys.errors import DropError

MONDAY = date(2020, 1, 20)
WEEKS = [date(2020, 1, 6), date(2020, 1, 13), MONDAY]


def at(day: int, hour: int = 12, second: int = 0) -> int:
    return int(datetime(2020, 1, day, hour, 0, second, tzinfo=UTC).timestamp())


# user 1 in the first drop, 2 in the second, 3 (only a tag in the second, a rating in the third)
EVENTS = [(1, 10, at(5)), (2, 20, at(6, 0)), (1, 20, at(12, 23)), (3, 30, at(13, 0)), (1, 10, at(19, 23, 59))]
CSV = {
    "ratings.csv": "userId,movieId,rating,timestamp\r\n" + "".join(f"{u},{m},4.0,{t}\r\n" for u, m, t in EVENTS),
    "tags.csv": f'userId,movieId,tag,timestamp\r\n3,40,"two\nlines, ""quoted""",{at(7)}\r\n1,10,plain,{at(14)}\r\n',
    "movies.csv": 'movieId,title,genres\r\n10,"Ten, The (1990)",Drama\r\n20,Twenty (1991),Drama\r\n30,Thirty (2019),\r\n'
    "40,Forty,\r\n50,Old (1950),\r\n60,New (2020),\r\n70,No year,\r\n",
    "links.csv": "movieId,imdbId,tmdbId\r\n" + "".join(f"{m},0{m},\r\n" for m in range(10, 80, 10)),
}
DAT = {
    "ratings.dat": "\n".join(f"{u}::{m}::5::{t}" for u, m, t in EVENTS),  # no line end after the last
    "movies.dat": '10::Ten: The \xe9 (1990)::Drama\n20::Twenty "(1991)::Drama\n30::Thirty (2019)::Drama\n',
    "users.dat": "1::F::1::10::48067\n2::M::56::16::70072\n3::M::25::15::55117\n4::M::25::15::55117\n",
    "tags.dat": f"3::40::a::b::{at(7)}\n",
}
ML100K = {
    "u.data": "".join(f"{u}\t{m}\t3\t{t}\n" for u, m, t in EVENTS),
    "u.item": "10|Ten (1990)|01-Jan-1990||http://x|0|1\n20|Caf\xe9 (1991)|01-Jan-1991|||1|0\n30|T (2019)||||1|0\n",
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
    return [(folder / name).read_bytes().splitlines(keepends=True) for folder in sorted((zone / "movielens").iterdir())]


def ids(zone: Path, name: str, separator: bytes, skip: int = 0) -> list[list[int]]:
    return [[int(line.split(separator)[0]) for line in drop[skip:]] for drop in lines(zone, name)]


def test_each_event_enters_in_its_week(tmp_path: Path) -> None:
    source = publish(tmp_path / "ml", CSV)
    assert replay(source, str(tmp_path / "zone"), weeks=2) == WEEKS
    published = (source / "ratings.csv").read_bytes().splitlines(keepends=True)
    head, rows = published[0], published[1:]
    assert lines(tmp_path / "zone", "ratings.csv") == [[head, rows[0]], [head, *rows[1:3]], [head, *rows[3:]]]


def test_a_record_with_a_line_end_in_quotes_stays_whole(tmp_path: Path) -> None:
    replay(publish(tmp_path / "ml", CSV), str(tmp_path / "zone"), weeks=2)
    head, first, second, third = lines(tmp_path / "zone", "tags.csv")[1][0], *lines(tmp_path / "zone", "tags.csv")
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
    assert lines(tmp_path / "zone", "movies.dat")[0] == ["10::Ten: The \xe9 (1990)::Drama\n".encode("latin-1")]
    assert [len(drop) for drop in lines(tmp_path / "zone", "ratings.dat")] == [1, 2, 2]
    assert [len(drop) for drop in lines(tmp_path / "zone", "tags.dat")] == [0, 1, 0]


def test_the_ml_100k_layout(tmp_path: Path) -> None:
    replay(publish(tmp_path / "ml", ML100K), str(tmp_path / "zone"), weeks=2)
    assert ids(tmp_path / "zone", "u.user", b"|") == [[1], [2], [3]]
    assert ids(tmp_path / "zone", "u.item", b"|") == [[10], [20], [30]]
    assert b"".join(line for drop in lines(tmp_path / "zone", "u.data") for line in drop).decode() == ML100K["u.data"]
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
    ("files", "said"),
    [
        ({"README": "x"}, r"found README; expected a MovieLens release"),
        ({"ratings.csv": "user,movie\n1,2\n"}, r"ratings.csv begins with b'user,movie\\n'; expected b'userId"),
        ({"u.data": "1\t2\t3\tx\n"}, r"u.data: a record is b'1\\t2\\t3\\tx\\n'; expected its time"),
        ({"u.data": "x\t2\t3\t4\n"}, r"expected ids"),
        ({"u.data": ""}, r"u.data holds no rating"),
    ],
)
def test_what_is_no_release_is_refused(tmp_path: Path, files: dict[str, str], said: str) -> None:
    with pytest.raises(DropError, match=said):
        replay(publish(tmp_path / "ml", files), str(tmp_path / "zone"), weeks=2)


@pytest.mark.parametrize(("day", "last"), [((2020, 1, 19), MONDAY), ((2020, 1, 20), date(2020, 1, 27)), ((2020, 1, 14), MONDAY)])
def test_the_last_drop_is_the_first_monday_after_the_newest_event(day: tuple[int, int, int], last: date) -> None:
    newest = int(datetime(*day, tzinfo=UTC).timestamp())
    assert drop_dates(newest, 2)[-1] == last
    assert all(found.weekday() == 0 for found in drop_dates(newest, 5)) and len(drop_dates(newest, 5)) == 6


ROW = st.tuples(st.integers(0, 10**9), st.integers(0, 10**7), st.text('a,\n"é7', max_size=6), st.integers(0, 10**10))


@given(st.lists(ROW, max_size=30), st.integers(1, 40), st.sampled_from(["\n", "\r\n"]))
def test_records_are_what_a_csv_reader_reads(rows: list[tuple[int, int, str, int]], chunk: int, line_end: str) -> None:
    text = [f'{u},{m},"{tag.replace(chr(34), chr(34) * 2)}",{t}{line_end}'.encode() for u, m, tag, t in rows]
    found, picked = [], []
    for records in read_records(io.BytesIO(b"".join(text)), quoted=True, chunk=chunk):
        found += zip(*records.first_integers(2, 1), records.last_integer(), strict=True)
        picked += [records.pick(np.array([index])) for index in range(len(records))]
    assert picked == text
    assert found == [(u, m, t) for u, m, _, t in rows]
