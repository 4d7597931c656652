"""Archives as they come off a bad line: whatever reading one raises is a sentence that names the
member.
"""

import bz2
import gzip
import io
import lzma
import random
import zipfile
from datetime import date
from pathlib import Path

import pytest

from recsys.drops import members
from recsys.drops.zone import LandingZone
from recsys.errors import DropError

WEEK = date(2026, 8, 17)
TEXT = "".join(f"{n},{n * n % 977},{n % 9}\n" for n in range(2_000)).encode()
PACKINGS = {
    "stored": zipfile.ZIP_STORED,
    "deflated": zipfile.ZIP_DEFLATED,
    "bz2": zipfile.ZIP_BZIP2,
    "lzma": zipfile.ZIP_LZMA,
}


def zipped(packing: int, *names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", packing) as archive:
        for name in names or ("ml/ratings.csv",):
            archive.writestr(name, TEXT)
    return buffer.getvalue()


def drop_of(folder: Path, **files: bytes) -> dict[str, members.Member]:
    """The members of a drop with these files; `__` in a name stands for a dot."""
    place = folder / "movielens" / str(WEEK)
    place.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (place / name.replace("__", ".")).write_bytes(content)
    (place / "_SUCCESS").touch()
    zone = LandingZone(str(folder))
    return dict(zone.members(zone.at("movielens", WEEK)))


def read_all(folder: Path, **files: bytes) -> dict[str, bytes]:
    contents = {}
    for name, member in drop_of(folder, **files).items():
        with member.open() as stream:
            contents[name] = stream.read()
    return contents


def flipped(whole: bytes, seed: int) -> bytes:
    """One to three bytes changed, or the end cut off."""
    chance = random.Random(seed)
    damaged = bytearray(whole)
    for _ in range(chance.randint(1, 3)):
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
    return bytes(damaged[: chance.randrange(1, len(damaged))] if chance.random() < 0.2 else damaged)


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_zip_of_any_compression_is_read(tmp_path: Path, packing: str) -> None:
    assert read_all(tmp_path, ml__zip=zipped(PACKINGS[packing])) == {"ratings.csv": TEXT}


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_zip_damaged_anywhere_is_whole_or_refused(tmp_path: Path, packing: str) -> None:
    """Bytes that nobody checks, such as a time stamp, may differ: then the content is whole, or is
    not there under its name.
    """
    whole = zipped(PACKINGS[packing])
    refused = 0
    for seed in range(150):
        try:
            contents = read_all(tmp_path, ml__zip=flipped(whole, seed))
        except DropError as error:
            assert str(error).startswith("ml.zip")  # noqa: PT017 - some damage does no harm
            refused += 1
        else:
            assert contents.get("ratings.csv", TEXT) == TEXT
    assert refused > 75


def test_a_gzip_damaged_anywhere_is_whole_or_refused(tmp_path: Path) -> None:
    whole, refused = gzip.compress(TEXT, mtime=0), 0
    for seed in range(150):
        try:
            assert read_all(tmp_path, ratings__csv__gz=flipped(whole, seed)) == {
                "ratings.csv": TEXT
            }
        except DropError as error:
            assert str(error).startswith("ratings.csv.gz cannot be read: ")  # noqa: PT017
            refused += 1
    assert refused > 100


def test_a_flipped_byte_of_lzma_names_the_member(tmp_path: Path) -> None:
    whole = bytearray(zipped(zipfile.ZIP_LZMA))
    whole[len(whole) // 2] ^= 0xFF
    with pytest.raises(
        DropError,
        match=r"^ml\.zip:ml/ratings\.csv cannot be read: Corrupt input data; expected a whole file",
    ):
        read_all(tmp_path, ml__zip=bytes(whole))


def test_an_unknown_compression_names_the_member(tmp_path: Path) -> None:
    whole = bytearray(zipped(zipfile.ZIP_STORED))
    # compression method, local and central
    for signature, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        whole[whole.index(signature) + offset] = 99
    with pytest.raises(
        DropError,
        match=r"^ml\.zip:ml/ratings\.csv cannot be read: .*compression.*; expected a whole file",
    ):
        read_all(tmp_path, ml__zip=bytes(whole))


def test_a_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    whole = zipped(zipfile.ZIP_STORED, "ml/r\xe4tings.csv").replace(
        "r\xe4tings".encode(), b"r\xff\xfetings"
    )
    with pytest.raises(DropError, match=r"^ml\.zip is not a whole zip file: .*utf-8"):
        read_all(tmp_path, ml__zip=whole)


PACKED_TWICE = {
    "gzip": gzip.compress(gzip.compress(TEXT)),
    "zip": gzip.compress(zipped(zipfile.ZIP_STORED)),
    "bzip2": gzip.compress(bz2.compress(TEXT)),
    "xz": gzip.compress(lzma.compress(TEXT)),
}


@pytest.mark.parametrize("kind", PACKED_TWICE)
def test_a_file_packed_twice_is_refused_in_words(tmp_path: Path, kind: str) -> None:
    with pytest.raises(
        DropError, match=rf"^ratings\.csv\.gz holds {kind} data where text was expected"
    ) as error:
        read_all(tmp_path, ratings__csv__gz=PACKED_TWICE[kind])
    assert str(error.value).isprintable()


def test_a_packed_file_without_its_ending_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(
        DropError,
        match=r"^ratings\.csv holds gzip data where text was expected: expected ratings\.csv plain",
    ):
        read_all(tmp_path, ratings__csv=gzip.compress(TEXT))


def test_a_refused_member_leaves_no_file_open(tmp_path: Path) -> None:
    members = drop_of(tmp_path, ratings__csv__gz=PACKED_TWICE["gzip"])
    opened = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(DropError):
        members["ratings.csv"].open()
    assert len(list(Path("/proc/self/fd").iterdir())) == opened


@pytest.mark.parametrize("name", ["ratings.csv.gz", "ml.zip"])
def test_a_file_made_to_fill_a_disk_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(members, "BOMB_BYTES", 1 << 20)
    bomb = bytes(8 << 20)
    content = gzip.compress(bomb)
    if name == "ml.zip":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("ratings.csv", bomb)
        content = buffer.getvalue()
    with pytest.raises(DropError, match=r"unpacks to more than 250 times its [\d,]+ bytes"):
        read_all(tmp_path, **{name.replace(".", "__"): content})


@pytest.mark.parametrize("folder", ["ml\\", "C:\\data\\ml\\", "ml\\inner/", "ml/inner\\"])
def test_backslashes_in_a_zips_names_are_read_as_folders(tmp_path: Path, folder: str) -> None:
    whole = zipped(
        zipfile.ZIP_DEFLATED,
        folder,
        f"{folder}ratings.csv",
        f"__MACOSX\\{folder}ratings.csv",
        f"{folder}.hidden",
    )
    assert read_all(tmp_path, ml__zip=whole) == {"ratings.csv": TEXT}


def test_two_folders_with_one_name_are_still_one_file_too_many(tmp_path: Path) -> None:
    with pytest.raises(DropError, match=r"^ratings\.csv is there twice"):
        drop_of(tmp_path, ml__zip=zipped(zipfile.ZIP_DEFLATED, "a\\ratings.csv", "b/ratings.csv"))


def test_endings_in_capitals_are_read(tmp_path: Path) -> None:
    contents = read_all(
        tmp_path,
        ratings__csv__GZ=gzip.compress(TEXT),
        ML__ZIP=zipped(zipfile.ZIP_DEFLATED, "ml/tags.csv"),
    )
    assert contents == {"ratings.csv": TEXT, "tags.csv": TEXT}
