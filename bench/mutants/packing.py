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
Stored = dict[str, bytes]
#: Files as they are stored, and how that is.
Packed = tuple[Stored, str]
NO_TIME = (1980, 1, 1, 0, 0, 0)


def zipped(files: Files, method: str, *, folder: str = "release/", separator: str = "/") -> bytes:
    """One zip of all files, the same bytes each time."""
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w") as archive:
        for name, data in files.items():
            text = name.encode(errors="replace").decode()  # a zip's names are text
            entry = zipfile.ZipInfo((folder + text).replace("/", separator), NO_TIME)
            archive.writestr(entry, data, METHODS[method])
    return stored.getvalue()


def gzipped(data: bytes) -> bytes:
    return gzip.compress(data, 6, mtime=0)


def plain(files: Files, dice: random.Random) -> Packed:
    return dict(files), "plain"


def all_gzipped(files: Files, dice: random.Random) -> Packed:
    return gzip_each(files), "gz"


def gzip_each(files: Files) -> Stored:
    return {f"{name}.gz": gzipped(data) for name, data in files.items()}


def some_gzipped(files: Files, dice: random.Random) -> Packed:
    """One or the other; a gzip may be of several parts."""
    packed = {}
    for name, data in files.items():
        shapes = {name: data, f"{name}.gz": gzip_halves(data)}
        stored = dice.choice(sorted(shapes))
        packed[stored] = shapes[stored]
    return packed, "some gz, of two parts"


def gzip_halves(data: bytes) -> bytes:
    half = len(data) // 2
    return gzipped(data[:half]) + gzipped(data[half:])


def one_zip(files: Files, dice: random.Random) -> Packed:
    method = dice.choice(sorted(METHODS))
    folder = dice.choice(["", "release/", "a/b/"])
    name = dice.choice(["release.zip", "ML.ZIP"])
    return {name: zipped(files, method, folder=folder)}, f"zip, {method}"


def zip_of_gzips(files: Files, dice: random.Random) -> Packed:
    return {"release.zip": zipped(gzip_each(files), "stored")}, "zip of gz"


def zip_with_backslashes(files: Files, dice: random.Random) -> Packed:
    archive = zipped(files, "deflate", folder="ml/data/", separator="\\")
    return {"release.zip": archive}, "zip with backslashes"


def zip_with_rubbish(files: Files, dice: random.Random) -> Packed:
    rubbish = {f"__MACOSX/._{name}": b"\0\5\x16\7" for name in files}
    contents = {**files, **rubbish, ".hidden/ratings.csv": b"x"}
    return {"release.zip": zipped(contents, "deflate", folder="")}, "zip from a Mac"


def two_zips(files: Files, dice: random.Random) -> Packed:
    """Each file in one of them."""
    first: Stored = {}
    second: Stored = {}
    for name, data in files.items():
        dice.choice((first, second))[name] = data
    return {
        "part0.zip": zipped(first, "deflate"),
        "part1.zip": zipped(second, "deflate"),
    }, "two zips"


def gzip_of_gzip(files: Files, dice: random.Random) -> Packed:
    name = dice.choice(sorted(files))
    stored_as = dice.choice([f"{name}.gz", f"{name}.gz.gz"])
    twice = gzipped(gzipped(files[name]))
    return {**others_than(name, files), stored_as: twice}, f"{name!a}: gz of gz"


def others_than(name: str, files: Files) -> Stored:
    return {other: data for other, data in files.items() if other != name}


def misname(files: Files, dice: random.Random) -> Packed:
    name = dice.choice(sorted(files))
    stored_as, data = dice.choice(misnamed(name, files[name]))
    stored = {**others_than(name, files), stored_as: data}
    return stored, f"{name!a} stored as {stored_as!a}, {data[:2]!r}"


def misnamed(name: str, data: bytes) -> list[tuple[str, bytes]]:
    """Return names with contents that they do not promise, one that is written in capitals too."""
    return [
        (f"{name}.gz", data),
        (name, gzipped(data)),
        (f"{name}.zip", data),
        (f"{name}.GZ", gzipped(data)),
        (name, zipped({name: data}, "deflate")),
    ]


def pack_twice(files: Files, dice: random.Random) -> Packed:
    name = dice.choice(sorted(files))
    return {**files, f"{name}.gz": gzipped(files[name])}, f"{name!a} twice"


def zip_in_zip(files: Files, dice: random.Random) -> Packed:
    return {"outer.zip": zipped({"inner.zip": zipped(files, "deflate")}, "stored")}, "zip in zip"


Packing = Callable[[Files, random.Random], Packed]
GOOD_PACKINGS: tuple[Packing, ...] = (
    *(plain, plain, plain, plain, all_gzipped, some_gzipped, one_zip, one_zip, zip_of_gzips),
    *(zip_with_backslashes, zip_with_rubbish, two_zips),
)
#: With archives, those of rarer compression among them.
ARCHIVES: tuple[Packing, ...] = (
    *(all_gzipped, some_gzipped, one_zip, one_zip, one_zip, zip_of_gzips, two_zips),
)
BAD_PACKINGS: tuple[Packing, ...] = (gzip_of_gzip, misname, pack_twice, zip_in_zip)

#: Kind of damage → how many of the last bytes it may be in; None: all.
REACHES: dict[str, int | None] = {"bytes": None, "end": 30, "directory": 400}
DAMAGES = ("bytes", "bytes", "bytes", "end", "directory", "cut", "more", "zeros")


def damage(stored: Stored, dice: random.Random) -> str:
    """Damage one stored archive in a few bytes; return what was done."""
    archives = sorted(name for name in stored if name.lower().endswith((".gz", ".zip")))
    name = dice.choice(archives or sorted(stored))
    data = bytearray(stored[name])
    note = damage_bytes(data, dice.choice(DAMAGES), dice)
    stored[name] = bytes(data)
    return f"{name!a}: {note}"


def damage_bytes(data: bytearray, kind: str, dice: random.Random) -> str:
    """Damage the bytes in that way; return what was done."""
    if kind in REACHES:
        return change_bytes(data, REACHES[kind], dice)
    if kind == "cut":
        del data[dice.randrange(len(data)) :]
        return f"cut at byte {len(data)}"
    data += b"1,2,3,4\n" if kind == "more" else bytes(dice.choice([1, 8, 512]))
    return f"{kind} after its end"


def change_bytes(data: bytearray, reach: int | None, dice: random.Random) -> str:
    """Change one to three bytes; return which."""
    last = min(reach or len(data), len(data))
    n_changes = dice.choice([1, 1, 1, 2, 3])
    places = [len(data) - 1 - dice.randrange(last) for _ in range(n_changes)]
    for place in places:
        data[place] ^= dice.randint(1, 255)
    return f"bytes {places} changed"
