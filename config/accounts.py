"""Which account of the machine the embedded database runs as.

PostgreSQL refuses to run as root. An ordinary user runs it as themselves; root runs it as the owner of the data
directory or, where that is root too, as a system account made for this one purpose. That account must be able to pass
through the directories above its data and its programs, and to own the data, and nothing more.
"""

import logging
import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

_SYSTEM_ACCOUNT = "couplet"


class AccountError(Exception):
    """No account can be found to run the database as; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Account:
    """Another account of this machine; None stands for the one that runs this process."""

    name: str
    uid: int
    gid: int


def database_account(data_dir: Path) -> Account | None:
    """Whom the database of `data_dir` has to run as; None for an ordinary user. Raises AccountError."""
    if os.geteuid() != 0:
        return None
    owner = data_dir.stat()
    if owner.st_uid != 0:
        return _account(pwd.getpwuid(owner.st_uid))
    try:
        return _account(pwd.getpwnam(_SYSTEM_ACCOUNT))
    except KeyError:
        return _make_system_account()


def process_options(account: Account | None) -> dict[str, Any]:
    """Arguments for `subprocess` that run a program as `account`."""
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def make_private(directory: Path, account: Account | None) -> None:
    """Makes a directory that only `account` may enter, or takes an existing one over for it, contents included."""
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(stat.S_IRWXU)
    if account and directory.stat().st_uid != account.uid:
        for path in [directory, *directory.rglob("*")]:
            os.chown(path, account.uid, account.gid, follow_symlinks=False)


def let_through(account: Account | None, *, to: Iterable[Path], reading: Sequence[Path]) -> None:
    """Lets `account` pass through every directory above `to`, and read the trees `reading`, where it cannot yet."""
    if account is None:
        return
    closed = {directory for path in to for directory in path.parents if not _may(account, directory, stat.S_IXUSR)}
    for directory in closed:
        directory.chmod(directory.stat().st_mode | stat.S_IXOTH)
    if closed:
        names = ", ".join(map(str, sorted(closed)))
        logger.warning("The database runs as %s, so other accounts may now pass through (o+x): %s", account.name, names)
    for top in reading:
        if _may(account, top, stat.S_IRUSR | stat.S_IXUSR):
            continue
        for path in [top, *top.rglob("*")]:
            mode = path.stat().st_mode
            path.chmod(mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0))


def _may(account: Account, path: Path, owner_bits: int) -> bool:
    """Whether the permission bits, given in the owner's position, are set for `account`."""
    status = path.stat()
    if status.st_uid == account.uid:
        wanted = owner_bits
    elif status.st_gid == account.gid:
        wanted = owner_bits >> 3
    else:
        wanted = owner_bits >> 6
    return status.st_mode & wanted == wanted


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _make_system_account() -> Account:
    useradd = shutil.which("useradd")
    if useradd is None:
        raise AccountError(
            "PostgreSQL refuses to run as root and this machine has no useradd to make an account for it. "
            "Run as an ordinary user, or set DATABASE_URL to a server of your own."
        )
    options = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    made = subprocess.run(
        [useradd, *options, "--shell", "/usr/sbin/nologin", _SYSTEM_ACCOUNT],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise AccountError(f"The account {_SYSTEM_ACCOUNT} for the database cannot be made: {made.stderr.strip()}")
    logger.warning("Made the system account %s: PostgreSQL refuses to run as root.", _SYSTEM_ACCOUNT)
    return _account(pwd.getpwnam(_SYSTEM_ACCOUNT))
