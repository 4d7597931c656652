"""PostgreSQL refuses to run as root: started by root, its programs run as an account without
privileges.
"""

import os
import pwd
import shutil
import subprocess
from pathlib import Path

from stack.errors import StackError

#: Accounts that exist on Debian and Ubuntu and own nothing of the project, best first.
CANDIDATES = ("postgres", "nobody")


def unprivileged_account() -> pwd.struct_passwd | None:
    """The account that PostgreSQL's programs run as, or None where this process is not root and
    needs no other.
    """
    if os.geteuid() != 0:
        return None
    accounts = {entry.pw_name: entry for entry in pwd.getpwall()}
    candidates = [accounts[name] for name in CANDIDATES if name in accounts]
    if not candidates:
        raise StackError(
            "PostgreSQL does not run as root, and none of the accounts "
            f"{', '.join(CANDIDATES)} exists"
        )
    return candidates[0]


def run_as(
    account: pwd.struct_passwd | None, *command: str | Path, **options: object
) -> subprocess.CompletedProcess[str]:
    """`subprocess.run`, as that account where one is given."""
    identity = (
        {}
        if account is None
        else {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    )
    words = [str(part) for part in command]
    return subprocess.run(words, text=True, check=False, **identity, **options)  # type: ignore


def can_reach(account: pwd.struct_passwd | None, path: Path) -> bool:
    """Whether the account may read and enter the folder, by the permissions of every folder above
    it.
    """
    if account is None:
        return os.access(path, os.R_OK | os.X_OK)
    test = run_as(
        account,
        "/bin/sh",
        "-c",
        'test -r "$1" && test -x "$1"',
        "sh",
        path,
        cwd="/",
        capture_output=True,
    )
    return test.returncode == 0


def own_folder(account: pwd.struct_passwd | None, folder: Path) -> None:
    """Create the folder, closed to all but the account that the server runs as."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if account is not None:
        shutil.chown(folder, account.pw_uid, account.pw_gid)
