"""Names that strangers gave their files: in a message each can be read, and however many there are,
it stays a sentence.
"""

import io
import os
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from recsys.drops.zone import LandingZone
from recsys.errors import DropError
from recsys.ingest import SOURCES, source_of
from recsys.ingest.layouts import layout_of

WEEK = date(2026, 8, 17)
ODD = [
    "\x1b[31mratings.csv",
    "ratings.csv\n",
    "PK\x01\x02.csv",
    "\u202eratings.csv",
    "ratings\u2028.csv",
]
SHOWN = [
    r"\x1b[31mratings.csv",
    r"ratings.csv\n",
    r"PK\x01\x02.csv",
    r"\u202eratings.csv",
    r"ratings\u2028.csv",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "movielens" / str(WEEK)
    folder.mkdir(parents=True)
    (folder / "_SUCCESS").touch()
    return folder


def zone_of(folder: Path) -> LandingZone:
    return LandingZone(str(folder.parents[1]))


def refusal(action: Callable[[], object]) -> str:
    with pytest.raises(DropError) as error:
        action()
    message = str(error.value)
    assert message.isprintable()
    assert error.value.reason.isprintable()
    assert len(message) < 1_500
    return message


def zip_of(*names: str) -> bytes:
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w") as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), b"x")
    return stored.getvalue()


@pytest.mark.parametrize(("name", "shown"), list(zip(ODD, SHOWN, strict=True)))
@pytest.mark.parametrize("packed", [False, True], ids=["file", "zip"])
def test_an_odd_name_is_shown_escaped(folder: Path, name: str, shown: str, packed: bool) -> None:
    if packed:
        (folder / "release.zip").write_bytes(zip_of(name))
    else:
        (folder / name).write_bytes(b"x")
    zone = zone_of(folder)
    members = zone.members(zone.at("movielens", WEEK))
    message = refusal(lambda: layout_of(members))
    assert shown in message and "no ratings file" in message


@pytest.mark.parametrize("source", SOURCES)
def test_of_many_names_some_are_shown_and_the_others_counted(folder: Path, source: str) -> None:
    (folder / "release.zip").write_bytes(
        zip_of(*(f"{'n' * 200}{number:04}.csv" for number in range(1_000)))
    )
    zone = zone_of(folder)
    members = zone.members(zone.at("movielens", WEEK))
    message = refusal(lambda: list(source_of(source).rows_alone(members)))
    assert "more" in message


@pytest.mark.parametrize("listed", ["0" * 64 + "  gone\x1b[31m.csv\n", "", "not a sum \x07\n"])
def test_a_checksum_file_with_odd_names_is_shown_escaped(folder: Path, listed: str) -> None:
    for number in range(300):
        (folder / f"{number}.csv").write_bytes(b"x")
    (folder / "SHA256SUMS").write_text(listed)
    zone = zone_of(folder)
    refusal(lambda: zone.checksums(zone.at("movielens", WEEK)))


def test_a_file_name_that_is_no_text_is_refused(folder: Path) -> None:
    (folder / "ratings.csv").write_bytes(b"x")
    Path(os.fsdecode(os.fsencode(folder) + b"/Caf\xe9.csv")).write_bytes(b"x")
    zone = zone_of(folder)
    message = refusal(lambda: zone.files(zone.at("movielens", WEEK)))
    assert r"Caf\udce9.csv" in message and "UTF-8" in message
