"""Downloads of MovieLens over real HTTPS: an expired certificate, mirrors, and wrong bytes."""

import hashlib
import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stack import downloads
from stack.demo_dataset import choose_dataset
from stack.downloads import EXPECTED, fetch, sources_of
from stack.errors import StackError
from stack.home import Home
from tests.hosts import Authority, Host, serve

RELEASE = b"a release, as far as its SHA-256 can tell" * 100
PATH = "/ml/ml-1m.zip"
EXPIRED = "localhost's certificate has expired"


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """Trusted by this process."""
    folder = tmp_path / "certificates"
    folder.mkdir()
    authority = Authority(folder)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    monkeypatch.setenv("NO_PROXY", "*")
    return authority


@pytest.fixture(autouse=True)
def origin(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """A host in GroupLens' place, whose certificate has expired."""
    with serve(authority.certify(datetime.now(UTC) - timedelta(days=90)), "localhost") as host:
        host.files[PATH] = RELEASE
        monkeypatch.setattr(downloads, "GROUPLENS", host.base)
        yield host


@pytest.fixture(autouse=True)
def mirror(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """A host in the mirror's place, with a valid certificate, and the pins of what it serves."""
    with serve(authority.certify(datetime.now(UTC) + timedelta(days=90))) as host:
        for release in ("ml-1m", "ml-100k"):
            host.files[f"/ml/{release}.zip"] = RELEASE
            monkeypatch.setitem(downloads.PINS, release, hashlib.sha256(RELEASE).hexdigest())
        monkeypatch.setattr(downloads, "MIRROR", host.base)
        yield host


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.create()
    return home


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def failure(folder: Path) -> str:
    """Download ml-1m; return why that failed, having left no file."""
    with pytest.raises(StackError) as error:
        fetch(sources_of("ml-1m"), folder, lambda _: None)
    assert list(folder.iterdir()) == []
    return str(error.value)


def test_a_mirror_serves_where_the_certificate_has_expired(
    folder: Path, origin: Host, mirror: Host
) -> None:
    lines: list[str] = []
    path = fetch(sources_of("ml-1m"), folder, lines.append)
    assert path.read_bytes() == RELEASE
    assert list(folder.iterdir()) == [path]
    assert origin.requests == []  # nothing is sent to a host that is not who it says
    assert lines[-1] == f"ml-1m.zip from {mirror.base}, since {EXPIRED}; SHA-256 as pinned"


def test_a_valid_certificate_needs_no_mirror(
    folder: Path, mirror: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "GROUPLENS", mirror.base)
    lines: list[str] = []
    fetch(sources_of("ml-1m"), folder, lines.append)
    assert mirror.requests == [PATH]
    assert lines[-1] == f"ml-1m.zip from {mirror.base}; SHA-256 as pinned"


def test_a_wrong_checksum_is_refused_with_what_was_found(folder: Path, mirror: Host) -> None:
    mirror.files[PATH] = RELEASE + b"\0"
    digest = hashlib.sha256(RELEASE + b"\0").hexdigest()
    assert (
        f"127.0.0.1 sent what is not used: the SHA-256 of ml-1m.zip is {digest}, "
        f"expected {downloads.PINS['ml-1m']}"
    ) in failure(folder)


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (True, "the connection to 127.0.0.1 failed: peer closed connection"),
        (False, "the SHA-256 of ml-1m.zip is"),
    ],
    ids=["announced", "unannounced"],
)
def test_a_body_that_is_cut_short_is_refused(
    folder: Path, mirror: Host, length: bool, text: str
) -> None:
    mirror.sent, mirror.length = 100, length
    assert text in failure(folder)


def test_where_nothing_serves_every_place_is_named_with_its_reason(
    folder: Path, origin: Host, mirror: Host
) -> None:
    del mirror.files[PATH]
    assert failure(folder) == (
        f"ml-1m.zip cannot be downloaded: {origin.base}/ml-1m.zip: {EXPIRED}; "
        f"{mirror.base}/ml-1m.zip: 127.0.0.1 answered 404 Not Found. Download a release by hand, "
        "from https://grouplens.org/datasets/movielens, and name it: MOVIELENS=folder-or-zip"
    )


def test_hosts_that_are_down_are_named(
    folder: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(authority.certify(datetime.now(UTC) + timedelta(days=90))) as gone:
        base = gone.base
    monkeypatch.setattr(downloads, "GROUPLENS", base)
    monkeypatch.setattr(downloads, "MIRROR", base)
    assert failure(folder).count("the connection to 127.0.0.1 failed: Connection refused") == 2


def test_a_mirror_is_verified_too(
    folder: Path, mirror: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    refused = "127.0.0.1's certificate is refused: unable to get local issuer certificate"
    assert refused in failure(folder)
    assert mirror.requests == []


def test_the_demo_downloads_a_release_by_its_name_once(home: Home, mirror: Host) -> None:
    first = choose_dataset(home, Path("ml-1m"), None, lambda _: None)
    assert first.movielens.read_bytes() == RELEASE
    assert choose_dataset(home, Path("ml-1m"), None, lambda _: None) == first
    assert mirror.requests == [PATH]


def test_the_demo_takes_real_ratings_from_the_mirror_rather_than_generate(
    home: Home, mirror: Host
) -> None:
    lines: list[str] = []
    chosen = choose_dataset(home, None, None, lines.append)
    assert chosen.movielens.read_bytes() == RELEASE
    assert lines[-1] == (
        f"ml-100k.zip from {mirror.base} instead of ml-latest-small.zip, since {EXPIRED}; "
        "SHA-256 as pinned"
    )


def test_a_release_that_changes_in_place_is_checked_as_a_zip(
    folder: Path, mirror: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in EXPECTED:
            archive.writestr(f"ml-latest-small/{name}", "a,b\r\n")
    mirror.files["/ml/ml-latest-small.zip"] = packed.getvalue()
    monkeypatch.setattr(downloads, "GROUPLENS", mirror.base)
    lines: list[str] = []
    fetch(sources_of("ml-latest-small"), folder, lines.append)
    assert lines[-1].endswith("; an undamaged zip, never pinned")
    mirror.files["/ml/ml-latest-small.zip"] = packed.getvalue()[:-10]
    with pytest.raises(StackError, match=r"127\.0\.0\.1 sent what is not used: no zip"):
        fetch(sources_of("ml-latest-small"), folder, lines.append)
