"""MovieLens' releases, downloaded from GroupLens or, where that fails, from a mirror.

GroupLens' certificate expired in August 2026, for the third year in a row. Certificates are always
verified: another host serves the release, and its bytes must have the SHA-256 that is pinned here.
"""

import hashlib
import ssl
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from recsys.sentences import cause
from stack.errors import StackError

GROUPLENS = "https://files.grouplens.org/datasets/movielens"
#: Copies that the Recommenders project keeps, byte by byte (recommenders-team/recommenders#2369).
MIRROR = "https://huggingface.co/datasets/Recommenders/MovieLens/resolve/main"
MIRRORED = ("ml-100k", "ml-1m", "ml-10m", "ml-20m")

#: Release → SHA-256 of its zip; None where GroupLens changes it in place. As others published them:
#: 100k, 1m, 20m, 25m: tensorflow/datasets, tensorflow_datasets/url_checksums/movielens.txt;
#: 10m: ISG-Siegen/OmniRec, src/omnirec/data_loaders/movielens_small.py;
#: 32m: ankane/disco-cli, src/download.rs.
PINS = {
    "ml-latest-small": None,
    "ml-latest": None,
    "ml-100k": "50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229",
    "ml-1m": "a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20",
    "ml-10m": "813c411ccb6122564edfe752e7f80c4dcc5aa25fa94c93622f6877a7ba252862",
    "ml-20m": "96f243c338a8665f6bcc89c53edf6ee39162a846940de6b7c8c48aeada765ff3",
    "ml-25m": "8b21cfb7eb1706b4ec0aac894368d90acf26ebdfb6aced3ebd4ad5bd1eb9c6aa",
    "ml-32m": "e4a68655d7386b8f95f2f2424b2ff975dfdd15ffd59e0d864a14dca43e99d6ee",
}
#: What a release that has no pin must hold.
EXPECTED = ("ratings.csv", "movies.csv", "links.csv", "tags.csv")
EXPIRED = 10  # OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED
TIMEOUT = 10  # seconds without a byte

Notify = Callable[[str], None]


@dataclass(frozen=True)
class Source:
    """A release at one host."""

    release: str
    base: str

    @property
    def name(self) -> str:
        return f"{self.release}.zip"

    @property
    def url(self) -> str:
        return f"{self.base}/{self.name}"

    @property
    def host(self) -> str:
        return httpx.URL(self.base).host


def sources_of(release: str) -> list[Source]:
    """Return where a release can be had, GroupLens first."""
    bases = (GROUPLENS, MIRROR) if release in MIRRORED else (GROUPLENS,)
    return [Source(release, base) for base in bases]


def fetch(sources: Sequence[Source], folder: Path, notify: Notify) -> Path:
    """Download from the first source that serves its release whole; say which, and why none before
    it. Raises StackError with the reason of each.
    """
    reasons: list[str] = []
    for source in sources:
        notify(f"downloading {source.url}")
        try:
            path = download(source, folder)
        except (httpx.HTTPError, StackError) as error:
            reasons.append(reason(source, error))
        else:
            notify(origin(source, sources[0], reasons))
            return path
    tried = "; ".join(
        f"{source.url}: {text}" for source, text in zip(sources, reasons, strict=True)
    )
    raise StackError(
        f"{sources[0].name} cannot be downloaded: {tried}. Download a release by hand, from "
        "https://grouplens.org/datasets/movielens, and name it: MOVIELENS=folder-or-zip"
    )


def origin(source: Source, first: Source, reasons: Sequence[str]) -> str:
    """Return where a file is from, why not from the first source, and how it was checked."""
    instead = f" instead of {first.name}" if source.release != first.release else ""
    since = f", since {'; '.join(reasons)}" if reasons else ""
    checked = "SHA-256 as pinned" if PINS[source.release] else "an undamaged zip, never pinned"
    return f"{source.name} from {source.base}{instead}{since}; {checked}"


def reason(source: Source, error: Exception) -> str:
    """Return why a source did not serve its release."""
    refused = certificate_error(error)
    if refused is not None and refused.verify_code == EXPIRED:
        return f"{source.host}'s certificate has expired"
    if refused is not None:
        return f"{source.host}'s certificate is refused: {refused.verify_message}"
    if isinstance(error, httpx.HTTPStatusError):
        status = error.response
        return f"{source.host} answered {status.status_code} {status.reason_phrase}"
    if isinstance(error, httpx.HTTPError):
        return f"the connection to {source.host} failed: {cause(error)}"
    return f"{source.host} sent what is not used: {error}"


def certificate_error(error: BaseException) -> ssl.SSLCertVerificationError | None:
    """Return the refusal of a certificate among an error's causes."""
    link: BaseException | None = error
    while link is not None and not isinstance(link, ssl.SSLCertVerificationError):
        link = link.__cause__ or link.__context__
    return link


def download(source: Source, folder: Path) -> Path:
    """Download and check a release; nothing is left under its name, or half, where that fails."""
    target = folder / source.name
    unfinished = target.with_suffix(".unfinished")
    try:
        receive(source.url, unfinished)
        check(unfinished, source.release)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return target


def receive(url: str, path: Path) -> None:
    """Write what a URL serves."""
    with (
        httpx.stream("GET", url, timeout=TIMEOUT, follow_redirects=True) as answer,
        path.open("wb") as file,
    ):
        answer.raise_for_status()
        for chunk in answer.iter_bytes():
            file.write(chunk)


def check(path: Path, release: str) -> None:
    """Raises StackError where these are not the release's bytes."""
    pin = PINS[release]
    if pin is None:
        check_zip(path)
        return
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != pin:
        raise StackError(f"the SHA-256 of {release}.zip is {digest}, expected {pin}")


def check_zip(path: Path) -> None:
    """Raises StackError where this is no MovieLens release with undamaged files."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = {Path(name).name for name in archive.namelist()}
            damaged = archive.testzip()
    except zipfile.BadZipFile as error:
        raise StackError(f"no zip: {error}") from error
    if missing := set(EXPECTED) - names:
        raise StackError(f"the zip lacks {sorted(missing)}; found {sorted(names)}")
    if damaged:
        raise StackError(f"the zip is damaged at {damaged}")
