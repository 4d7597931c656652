"""How a publisher's files come to lie in a drop: plain, gzipped, zipped; and what damages an
archive.
"""

import gzip
import io
import random
import zipfile
from collections.abc import Callable, Mapping

METHODS = {
    "stored": zipfile.ZIP_STORED,
    "deflate": zipfile.ZIP_DEFLATED,
    "bz2": zipfile.ZIP_BZIP2,
    "lzma": zipfile.ZIP_LZMA,
}
Files = Mapping[str, bytes]
_NO_TIME = (1980, 1, 1, 0, 0, 0)


def zipped(files: Files, method: str, *, folder: str = "release/", separator: str = "/") -> bytes:
    """One zip of all files, the same bytes each time."""
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w") as archive:
        for name, data in files.items():
            text = name.encode(errors="replace").decode()  # a zip's names are text
            entry = zipfile.ZipInfo((folder + text).replace("/", separator), _NO_TIME)
            archive.writestr(entry, data, METHODS[method])
    return stored.getvalue()


def gzipped(data: bytes) -> bytes:
    return gzip.compress(data, 6, mtime=0)


def _plain(files: Files, dice: random.Random) -> tuple[dict[str, bytes], str]:
    return dict(files), "plain"


def _all_gzipped(files: Files, dice: random.Random) -> tuple[dict[str, bytes], str]:
    return {f"{name}.gz": gzipped(data) for name, data in files.items()}, "gz"


def _some_gzipped(files: Files, dice: random.Random) -> tuple[dict[str, bytes], str]:
    """One or the other; a gzip may be of several parts."""
    packed = {}
    for name, data in files.items():
        half = len(data) // 2
        shapes = {name: data, f"{name}.gz": gzipped(data[:half]) + gzipped(data[half:])}
        stored = dice.choice(sorted(shapes))
        packed[stored] = shapes[stored]
    return packed, "some gz, of two parts"


def _one_zip(files: Files, dice: random.Random) -> tuple[dict[str, bytes], str]:
    method = dice.choice(sorted(METHODS))
    folder = dice.choice(["", "release/", "a/b/"])
    return {
        dice.choice(["release.zip", "ML.ZIP"]): zipped(files, method, folder=folder)
    }, f"zip, {method}"


def _zip_of_gzips(files: Files, dice: random.Random) -> tuple[dict[str, bytes], str]:
    inner = {f"{name}.gz": gzipped(data) for name, data in files.items()}
    return {"release.zip": zipped(inner, "stored")}, "zip of gz"


def zip_with_backslashes(files: Files, dice: random.Random) -> tuple[dict[str, bytes], str]:
    return {
        "release.zip": zipped(files, "deflate", folder="ml/data/", separator="\\")
    }, "zip with backslashes"


def zip_with_rubbish(files: Files, dice: random.Random) -> tuple[dict[str, bytes], str]:
    more = {f"__MACOSX/._{name}": b"\0\5\x16\7" for name in files}
    return {
        "release.zip": zipped({**files, **more, ".hidden/ratings.csv": b"x"}, "deflate", folder="")
    }, "zip from a Mac"


def _two_zips(files: Files, dice: random.Random) -> tuple[dict[str, bytes], str]:
    """Each file in one of them."""
    parts: tuple[dict[str, bytes], dict[str, bytes]] = ({}, {})
    for name, data in files.items():
        dice.choice(parts)[name] = data
    return {
        f"part{number}.zip": zipped(part, "deflate") for number, part in enumerate(parts)
    }, "two zips"


def gzip_of_gzip(files: Files, dice: random.Random) -> tuple[dict[str, bytes], str]:
    name = dice.choice(sorted(files))
    others = {other: data for other, data in files.items() if other != name}
    return {
        **others,
        dice.choice([f"{name}.gz", f"{name}.gz.gz"]): gzipped(gzipped(files[name])),
    }, f"{name!a}: gz of gz"


def misname(files: Files, dice: random.Random) -> tuple[dict[str, bytes], str]:
    name = dice.choice(sorted(files))
    others = {other: data for other, data in files.items() if other != name}
    stored, data = dice.choice(
        [
            (f"{name}.gz", files[name]),
            (name, gzipped(files[name])),
            (f"{name}.zip", files[name]),
            (f"{name}.GZ", gzipped(files[name])),
            (name, zipped({name: files[name]}, "deflate")),
        ]
    )
    return {**others, stored: data}, f"{name!a} stored as {stored!a}, {data[:2]!r}"


def pack_twice(files: Files, dice: random.Random) -> tuple[dict[str, bytes], str]:
    name = dice.choice(sorted(files))
    return {**files, f"{name}.gz": gzipped(files[name])}, f"{name!a} twice"


def zip_in_zip(files: Files, dice: random.Random) -> tuple[dict[str, bytes], str]:
    return {"outer.zip": zipped({"inner.zip": zipped(files, "deflate")}, "stored")}, "zip in zip"


Packing = Callable[[Files, random.Random], tuple[dict[str, bytes], str]]
GOOD_PACKINGS: tuple[Packing, ...] = (
    *(
        _plain,
        _plain,
        _plain,
        _plain,
        _all_gzipped,
        _some_gzipped,
        _one_zip,
        _one_zip,
        _zip_of_gzips,
    ),
    *(zip_with_backslashes, zip_with_rubbish, _two_zips),
)
#: With archives, those of rarer compression among them.
ARCHIVES: tuple[Packing, ...] = (
    _all_gzipped,
    _some_gzipped,
    _one_zip,
    _one_zip,
    _one_zip,
    _zip_of_gzips,
    _two_zips,
)
BAD_PACKINGS: tuple[Packing, ...] = (gzip_of_gzip, misname, pack_twice, zip_in_zip)


def damage(stored: dict[str, bytes], dice: random.Random) -> str:
    """Damage one stored archive in a few bytes; return what was done."""
    archives = sorted(name for name in stored if name.lower().endswith((".gz", ".zip")))
    name = dice.choice(archives or sorted(stored))
    data = bytearray(stored[name])
    what = dice.choice(["bytes", "bytes", "bytes", "end", "directory", "cut", "more", "zeros"])
    if what in REACHES:
        what = change_bytes(data, REACHES[what], dice)
    elif what == "cut":
        del data[dice.randrange(len(data)) :]
        what = f"cut at byte {len(data)}"
    else:
        data += b"1,2,3,4\n" if what == "more" else bytes(dice.choice([1, 8, 512]))
        what = f"{what} after its end"
    stored[name] = bytes(data)
    return f"{name!a}: {what}"


#: Kind of damage → how many of the last bytes it may be in; None: all.
REACHES: dict[str, int | None] = {"bytes": None, "end": 30, "directory": 400}


def change_bytes(data: bytearray, reach: int | None, dice: random.Random) -> str:
    """Change one to three bytes; return which."""
    last = min(reach or len(data), len(data))
    n_changes = dice.choice([1, 1, 1, 2, 3])
    places = [len(data) - 1 - dice.randrange(last) for _ in range(n_changes)]
    for place in places:
        data[place] ^= dice.randint(1, 255)
    return f"bytes {places} changed"
