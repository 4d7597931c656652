"""The landing zone: what is complete, what must verify, and what a publisher's archive looks like
from inside.
"""

import gzip
import io
import os
import zipfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from recsys.drops.checksums import format_sums, parse_sums, sha256
from recsys.drops.zone import LandingZone, is_ahead
from recsys.errors import DropError

WEEK = date(2026, 8, 17)
# sha256 of b"abc", FIPS 180-2
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.fixture(params=["local", "memory"])
def zone(request: pytest.FixtureRequest, tmp_path: Path):
    if request.param == "local":
        yield LandingZone(str(tmp_path / "drops"))
        return
    yield LandingZone("memory://drops")
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]


def put(zone: LandingZone, when: date | str, /, complete: bool = True, **files: bytes) -> None:
    """Files by name, where `_SUCCESS` is written last; `__` in a name stands for a dot."""
    for name, content in files.items():
        path = zone.path("movielens", str(when), name.replace("__", "."))
        zone.fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
        zone.fs.pipe_file(path, content)
    if complete:
        zone.fs.pipe_file(zone.path("movielens", str(when), "_SUCCESS"), b"")


def zipped(entries: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_only_complete_dated_folders_are_drops(zone: LandingZone) -> None:
    put(zone, date(2026, 8, 24), a=b"1")
    put(zone, WEEK, a=b"1")
    put(zone, date(2026, 8, 31), complete=False, a=b"1")
    put(zone, "20260907", a=b"1")
    put(zone, ".2026-09-14", a=b"1")
    assert [drop.date for drop in zone.drops("movielens")] == [WEEK, date(2026, 8, 24)]
    assert [drop.date for drop in zone.incomplete("movielens")] == [date(2026, 8, 31)]
    assert zone.strange("movielens") == ["20260907"]
    newest = zone.newest("movielens")
    assert newest is not None and newest.date == date(2026, 8, 24)
    assert zone.drop("movielens", date(2026, 8, 31)) is None
    assert zone.drops("imdb") == [] and zone.newest("imdb") is None


@pytest.mark.parametrize(
    ("days", "ahead"), [(-3_000, False), (0, False), (7, False), (8, True), (366 * 36, True)]
)
def test_a_date_is_ahead_when_more_than_seven_days_after_today(days: int, ahead: bool) -> None:
    today = date(2026, 1, 5)
    assert is_ahead(today + timedelta(days=days), today) is ahead


def test_the_newest_drop_is_no_drop_of_the_future(zone: LandingZone) -> None:
    today = datetime.now(UTC).date()
    # a day of slack: midnight may pass meanwhile
    early, mistyped = today + timedelta(days=6), date(2062, 1, 6)
    for day in (WEEK, early, mistyped):
        put(zone, day, a=b"1")
    newest, generated = zone.newest("movielens"), zone.newest("movielens", allow_future=True)
    assert newest is not None and newest.date == early
    assert generated is not None and generated.date == mistyped


def test_a_zone_with_drops_of_the_future_alone_has_no_newest(zone: LandingZone) -> None:
    put(zone, date(2062, 1, 6), a=b"1")
    assert zone.newest("movielens") is None


def test_a_drop_is_seen_as_soon_as_it_is_complete(zone: LandingZone) -> None:
    put(zone, WEEK, complete=False, a=b"1")
    assert not zone.is_complete("movielens", WEEK)
    put(zone, WEEK)
    assert zone.is_complete("movielens", WEEK)


def test_files_leave_out_what_is_not_the_publishers(zone: LandingZone) -> None:
    put(zone, WEEK, b=b"22", a=b"1", SHA256SUMS=b"", __DS_Store=b"x", __part=b"x")
    assert [(file.name, file.size) for file in zone.files(zone.at("movielens", WEEK))] == [
        ("a", 1),
        ("b", 2),
    ]


def test_a_stamp_changes_with_the_content(zone: LandingZone) -> None:
    put(zone, WEEK, a=b"1")
    drop = zone.at("movielens", WEEK)
    before = zone.files(drop)
    assert zone.files(drop) == before
    put(zone, WEEK, a=b"2")
    assert zone.files(drop) != before


def test_a_stamp_of_a_local_file_survives_a_hard_link(tmp_path: Path) -> None:
    zone = LandingZone(str(tmp_path))
    put(zone, WEEK, a=b"1")
    drop = zone.at("movielens", WEEK)
    before = zone.files(drop)
    os.link(zone.path("movielens", WEEK, "a"), tmp_path / "other")
    assert zone.files(drop) == before


def test_checksums_are_of_the_stored_bytes(zone: LandingZone) -> None:
    put(zone, WEEK, a=b"abc", x__gz=gzip.compress(b"abc", mtime=0))
    checksums = zone.checksums(zone.at("movielens", WEEK))
    assert checksums == {"a": ABC, "x.gz": sha256(io.BytesIO(gzip.compress(b"abc", mtime=0)))}


@pytest.mark.parametrize(
    "line",
    [f"{ABC}  a\n", f"{ABC} *a\n", f"{ABC.upper()}  ./a\r\n", f"{ABC}  a\n{ABC}  _SUCCESS\n"],
)
def test_sums_that_agree(zone: LandingZone, line: str) -> None:
    put(zone, WEEK, a=b"abc", SHA256SUMS=line.encode())
    assert zone.checksums(zone.at("movielens", WEEK)) == {"a": ABC}


@pytest.mark.parametrize(
    ("sums", "message"),
    [
        (f"{'0' * 64}  a\n", f"a has sha256 {ABC}; SHA256SUMS expects {'0' * 64}"),
        (f"{ABC}  a\n{ABC}  gone\n", "SHA256SUMS lists gone; found only a"),
        ("", "a is there; SHA256SUMS lists only no file"),
        (f"{ABC}\n", "SHA256SUMS line 1: found 'ba78"),
    ],
)
def test_sums_that_disagree(zone: LandingZone, sums: str, message: str) -> None:
    put(zone, WEEK, a=b"abc", SHA256SUMS=sums.encode())
    drop = zone.at("movielens", WEEK)
    with pytest.raises(DropError) as error:
        zone.checksums(drop)
    assert str(error.value).startswith(message) and str(error.value).endswith(f"({drop})")


def test_names_as_coreutils_escapes_them() -> None:
    text = "\\" + ABC + "  back\\\\slash\\nline\n" + ABC + "  plain name\n"
    sums = {"back\\slash\nline": ABC, "plain name": ABC}
    assert parse_sums(text) == sums
    assert format_sums(sums) == text


def test_members_of_plain_gz_and_zip(zone: LandingZone) -> None:
    packed = {"d/y.tsv.gz": gzip.compress(b"y"), "__MACOSX/ml-1m/x": b"", ".hidden/x": b""}
    archive = zipped({"ml-1m/": b"", "ml-1m/ratings.dat": b"1::2", **packed})
    put(zone, WEEK, ratings__csv=b"plain", x__tsv__gz=gzip.compress(b"packed"), ml__zip=archive)
    members = zone.members(zone.at("movielens", WEEK))
    content = {name: member.open().read() for name, member in members.items()}
    assert content == {
        "ratings.csv": b"plain",
        "x.tsv": b"packed",
        "ratings.dat": b"1::2",
        "y.tsv": b"y",
    }
    assert members["ratings.dat"].path_in_drop == "ml.zip:ml-1m/ratings.dat"
    assert [members[name].size for name in ("ratings.csv", "x.tsv", "ratings.dat")] == [5, None, 4]


def test_a_member_is_read_line_by_line_and_closed(zone: LandingZone) -> None:
    put(zone, WEEK, ml__zip=zipped({"d/lines": b"a\nb\n" * 50_000}))
    opened = len(list(Path("/proc/self/fd").iterdir()))
    with zone.members(zone.at("movielens", WEEK))["lines"].open() as stream:
        assert sum(1 for _ in stream) == 100_000
    assert stream.closed and len(list(Path("/proc/self/fd").iterdir())) == opened


def test_a_name_that_is_there_twice_is_refused(zone: LandingZone) -> None:
    put(zone, WEEK, ratings__csv=b"1", ml__zip=zipped({"d/ratings.csv": b"2"}))
    with pytest.raises(
        DropError, match=r"ratings\.csv is there twice, as ml\.zip:d/ratings\.csv and ratings\.csv"
    ):
        zone.members(zone.at("movielens", WEEK))


def test_an_encrypted_entry_is_refused(zone: LandingZone) -> None:
    archive = bytearray(zipped({"a": b"abc"}))
    # general purpose flags, local and central
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        archive[archive.index(signature) + offset] |= 1
    put(zone, WEEK, ml__zip=bytes(archive))
    with pytest.raises(DropError, match=r"ml\.zip:a is encrypted"):
        zone.members(zone.at("movielens", WEEK))


def test_what_is_no_zip_is_refused(zone: LandingZone) -> None:
    put(zone, WEEK, ml__zip=zipped({"a": b"abc"})[:-10])
    with pytest.raises(DropError, match=r"ml\.zip is not a whole zip file"):
        zone.members(zone.at("movielens", WEEK))


def test_damage_found_while_reading_is_a_drop_error(zone: LandingZone) -> None:
    archive = zipped({"a": os.urandom(5_000)})
    put(
        zone,
        WEEK,
        x__gz=gzip.compress(os.urandom(5_000))[:-2_000],
        ml__zip=archive[:1_000] + b"!!!" + archive[1_003:],
    )
    members = zone.members(zone.at("movielens", WEEK))
    for name in ("x", "a"):
        with (
            pytest.raises(
                DropError,
                match=r"cannot be read: .*; expected a whole "
                r"file",
            ),
            members[name].open() as stream,
        ):
            stream.read()
