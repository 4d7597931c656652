"""What is in a landing zone and cannot be read: a sentence that names the file, the reason
first and the path last.
"""

import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
from fsspec.implementations.local import LocalFileSystem

from recsys.drops.zone import LandingZone
from recsys.errors import DropError

WEEK = date(2026, 8, 17)


@pytest.fixture
def zone() -> Iterator[LandingZone]:
    """A zone with one drop of two files, where a user without rights can go too."""
    root = Path(tempfile.mkdtemp(prefix="recsys-zone-"))
    root.chmod(0o755)
    folder = root / "drops" / "movielens" / str(WEEK)
    folder.mkdir(parents=True)
    for name in ("movies.csv", "ratings.csv"):
        (folder / name).write_text("x")
    (folder / "_SUCCESS").touch()
    yield LandingZone(str(root / "drops"))
    shutil.rmtree(root)


@contextmanager
def without_rights() -> Iterator[None]:
    """Root reads everything, whatever a file's mode says."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def folder_of(zone: LandingZone) -> Path:
    return Path(zone.path("movielens", WEEK))


def link(folder: Path) -> str:
    (folder / "extra.csv").symlink_to("/nonexistent/x.csv")
    return "extra.csv cannot be read: it is a link to /nonexistent/x.csv, which is not there"


def link_in_a_subfolder(folder: Path) -> str:
    (folder / "ml").mkdir()
    (folder / "ml" / "extra.csv").symlink_to("../gone")
    return "ml/extra.csv cannot be read: it is a link to ../gone, which is not there"


def link_to_itself(folder: Path) -> str:
    (folder / "extra.csv").symlink_to("extra.csv")
    return "extra.csv cannot be read: Too many levels of symbolic links"


def folder_in_a_circle(folder: Path) -> str:
    (folder / "up").symlink_to("..")
    return f"up/{WEEK} cannot be read: Too many levels of symbolic links"


def pipe(folder: Path) -> str:
    os.mkfifo(folder / "extra.csv")
    return "extra.csv is no file that can be read to its end"


def a_socket(folder: Path) -> str:
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(folder / "s"))
    return "s is no file that can be read to its end"


def sums_in_a_folder(folder: Path) -> str:
    (folder / "SHA256SUMS").mkdir()
    return "SHA256SUMS cannot be read: Is a directory"


def sums_behind_a_dead_link(folder: Path) -> str:
    (folder / "SHA256SUMS").symlink_to("gone")
    return "SHA256SUMS cannot be read: it is a link to gone, which is not there"


def sums_that_are_no_text(folder: Path) -> str:
    (folder / "SHA256SUMS").write_bytes(b"\xff\xfe\x00")
    return "SHA256SUMS is no UTF-8 text"


def unreadable_file(folder: Path) -> str:
    (folder / "ratings.csv").chmod(0)
    return "ratings.csv cannot be read: Permission denied"


def unreadable_subfolder(folder: Path) -> str:
    (folder / "ml").mkdir(mode=0)
    return "ml cannot be read: Permission denied"


SPOILERS = [
    link,
    link_in_a_subfolder,
    link_to_itself,
    folder_in_a_circle,
    pipe,
    a_socket,
    sums_in_a_folder,
    sums_behind_a_dead_link,
    sums_that_are_no_text,
    unreadable_file,
    unreadable_subfolder,
]


@pytest.mark.parametrize("spoil", SPOILERS, ids=lambda spoil: spoil.__name__)
def test_what_cannot_be_read_is_named_with_its_drop(
    zone: LandingZone, spoil: Callable[[Path], str]
) -> None:
    reason = spoil(folder_of(zone))
    drop = zone.at("movielens", WEEK)
    with without_rights(), pytest.raises(DropError) as error:
        zone.checksums(drop)
    assert str(error.value).startswith(reason)
    assert str(error.value).endswith(f"({drop})")


@pytest.mark.parametrize("spoil", SPOILERS, ids=lambda spoil: spoil.__name__)
def test_an_unreadable_file_does_not_hide_the_other_drops(
    zone: LandingZone, spoil: Callable[[Path], str]
) -> None:
    spoil(folder_of(zone))
    later = WEEK.replace(day=24)
    Path(zone.path("movielens", later)).mkdir()
    Path(zone.path("movielens", later, "_SUCCESS")).touch()
    with without_rights():
        assert [drop.date for drop in zone.drops("movielens")] == [WEEK, later]
        assert zone.checksums(zone.at("movielens", later)) == {}


def test_a_file_that_vanishes_after_it_was_listed_is_named(
    zone: LandingZone, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop = zone.at("movielens", WEEK)
    members = zone.members(drop)
    whole = LocalFileSystem.info

    def vanishing(fs: LocalFileSystem, path: str, **options: object) -> dict:
        if str(path).endswith("movies.csv"):
            Path(path).unlink(missing_ok=True)
        return whole(fs, path, **options)

    monkeypatch.setattr(LocalFileSystem, "info", vanishing)
    with pytest.raises(DropError, match=r"^movies\.csv cannot be read: No such file or directory"):
        zone.files(drop)
    with pytest.raises(DropError, match=r"^movies\.csv cannot be read: No such file or directory"):
        members["movies.csv"].open()


def test_a_drop_that_is_a_dead_link_is_not_complete_and_says_why(zone: LandingZone) -> None:
    Path(zone.path("movielens", "2026-08-24")).symlink_to("/nonexistent/archive")
    (drop,) = zone.incomplete("movielens")
    with pytest.raises(
        DropError,
        match=r"its folder cannot be read: it is a link to "
        r"/nonexistent/archive, which is not there",
    ):
        zone.files(drop)


def test_a_drops_folder_without_rights_is_named(zone: LandingZone) -> None:
    folder_of(zone).chmod(0)
    with without_rights():
        (drop,) = zone.incomplete("movielens")
        with pytest.raises(DropError, match=r"^its folder cannot be read: Permission denied"):
            zone.files(drop)


def test_a_sources_folder_without_rights_is_named(zone: LandingZone) -> None:
    Path(zone.path("movielens")).chmod(0)
    with (
        without_rights(),
        pytest.raises(
            DropError,
            match=r"^the folder movielens cannot be read: Permission "
            r"denied.*landing zone /",
        ),
    ):
        zone.drops("movielens")


def test_a_file_where_a_source_or_a_drop_should_be_is_no_drop(zone: LandingZone) -> None:
    Path(zone.path("movielens", "2026-08-24")).write_text("no folder")
    assert zone.strange("movielens") == ["2026-08-24"]
    assert zone.incomplete("movielens") == []
    Path(zone.path("imdb")).write_text("no folder")
    with pytest.raises(DropError, match=r"^imdb is a file; expected a folder"):
        zone.drops("imdb")


def test_a_folder_behind_a_link_is_read(zone: LandingZone) -> None:
    archive = Path(zone.uri).parent / "archive"
    archive.mkdir()
    (archive / "tags.csv").write_text("x")
    (folder_of(zone) / "ml").symlink_to(archive)
    assert [file.name for file in zone.files(zone.at("movielens", WEEK))] == [
        "ml/tags.csv",
        "movies.csv",
        "ratings.csv",
    ]
    assert set(zone.members(zone.at("movielens", WEEK))) == {
        "tags.csv",
        "movies.csv",
        "ratings.csv",
    }


def test_a_network_that_fails_is_no_fault_of_the_drop(
    zone: LandingZone, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(*_: object, **__: object) -> None:
        raise ConnectionResetError(104, "Connection reset by peer")

    member = zone.members(zone.at("movielens", WEEK))["movies.csv"]
    monkeypatch.setattr(LocalFileSystem, "open", cut_off)
    with pytest.raises(ConnectionResetError):
        member.open()
    with pytest.raises(ConnectionResetError):
        zone.checksums(zone.at("movielens", WEEK))
