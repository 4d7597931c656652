"""Which errors of a file or an archive are the file's own fault, and what they say in words."""

import errno
import lzma
import struct
import zipfile
import zlib
from pathlib import Path
from typing import cast

from isal import isal_zlib

#: What unpacking raises where the packed bytes are damaged, cut short or of a kind that we cannot
#: read. zipfile checks little of what it parses, so that damage can end in any of the later ones.
_UNPACKING: tuple[type[Exception], ...] = (
    EOFError,
    cast("type[Exception]", isal_zlib.error),  # its stub says that it is an exception, not a class
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    struct.error,
    NotImplementedError,  # a compression that zipfile does not know
    RuntimeError,  # an encrypted entry
    ValueError,  # UnicodeDecodeError of a name among them
    LookupError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    TypeError,
    MemoryError,  # a dictionary size of damaged LZMA
)
#: Faults of a machine or a network, not of the file: another attempt may succeed.
_BUSY = (
    errno.EAGAIN,
    errno.EBUSY,
    errno.EINTR,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOBUFS,
    errno.ENOMEM,
)
_NETWORK = (errno.ESTALE, errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH)


def is_file_fault(error: Exception) -> bool:
    """Return whether an operating system's error lasts as long as the file stays as it is: gone,
    forbidden, a folder.
    """
    if not isinstance(error, OSError) or isinstance(error, ConnectionError | TimeoutError):
        return False
    return error.errno not in (*_BUSY, *_NETWORK)


def is_damage(error: Exception) -> bool:
    """Return whether an error that reading a packed file raised comes from its bytes, and not from
    where it is stored.
    """
    return isinstance(error, _UNPACKING) or is_file_fault(error)


def reason_of_path(error: Exception, path: str) -> str:
    """Return what is wrong, in words and without the path. Of a local link, that its target is
    gone.
    """
    if isinstance(error, FileNotFoundError) and Path(path).is_symlink():
        return f"it is a link to {Path(path).readlink()}, which is not there"
    if isinstance(error, OSError) and error.errno is not None and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
