"""The virtual environment `.venv`: filled from a hash-locked list, and left alone while that list is unchanged."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import sys
from pathlib import Path
from typing import Literal

from . import certificates, state
from .console import Refused, step
from .processes import Command, capture

VENV = state.ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UV = VENV / "bin" / "uv"
BYTECODE = VENV / "bytecode"  # of everything that runs, where it litters no source folder
LOCKS = state.ROOT / ".ci" / "lock"

_CONFIGURATION = VENV / "pyvenv.cfg"
_STAMP = VENV / "installed.json"
_OLDEST = (3, 11)

Lock = Literal["runtime", "dev", "bars"]


def ensure(lock: Lock) -> None:
    """Install what `lock` lists, unless the environment has it already.

    `dev` makes the environment exact. `runtime` and `bars`, which reads feather and parquet files, only add packages:
    what is installed stays.
    """
    with state.exclusive():
        if _CONFIGURATION.exists() and _stamped().get(lock) == _digest(lock):
            return
        prepare()
        how = "sync" if lock == "dev" else "install"
        with step(f"installing the {lock} packages (the first time takes a while)"):
            options: Command = ["--quiet", "--require-hashes", "--no-python-downloads", "--python", PYTHON]
            file = [] if lock == "dev" else ["-r"]
            install([UV, "pip", how, *options, *file, LOCKS / f"{lock}.txt"])
        held: list[Lock] = ["runtime", "dev", "bars"] if lock == "dev" else [lock]  # dev includes all packages
        kept = _stamped() if lock == "bars" else {}
        _STAMP.write_text(json.dumps(kept | {name: _digest(name) for name in held}))


def prepare() -> None:
    """Create `.venv` if it is missing, and install the locked installer (uv) into it. Raises Refused."""
    if not _CONFIGURATION.exists():
        with step(f"making .venv with Python {sys.version.split()[0]}"):
            capture([sys.executable, "-m", "venv", "--without-pip", VENV])
    version = re.search(r"^version\w* *= *(\d+)\.(\d+)", _CONFIGURATION.read_text(), re.MULTILINE)
    if not PYTHON.exists() or version is None or tuple(map(int, version.groups())) < _OLDEST:
        raise Refused(".venv does not hold a working Python >= 3.11: remove that directory and run this again")
    if not UV.exists():
        with step("installing the installer (uv)"):
            install([*_pip(), "install", "--quiet", "--require-hashes", "-r", LOCKS / "uv.txt"])


def install(command: Command, text: str | None = None) -> None:
    """Run an installer with the caller's authority; raise Refused, with a hint where it was not trusted."""
    try:
        capture(command, certificates.with_authority(os.environ), text)
    except Refused as refusal:
        distrusted = any(word in str(refusal) for word in ("certificate", "UnknownIssuer", "CERTIFICATE_VERIFY"))
        raise Refused(f"{refusal}\n{certificates.HINT}") if distrusted else refusal from None


def _pip() -> Command:
    """Return a pip that installs into `.venv`: the caller's, or else a new one, which Debian packages separately."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", "--python", PYTHON]
    if importlib.util.find_spec("ensurepip"):
        capture([PYTHON, "-m", "ensurepip"])
        return [PYTHON, "-m", "pip"]
    raise Refused("this Python has neither ensurepip nor pip; on Debian or Ubuntu: sudo apt-get install python3-venv")


def _stamped() -> dict[str, str]:
    stamp: dict[str, str] = json.loads(_STAMP.read_text()) if _STAMP.exists() else {}
    return stamp


def _digest(lock: Lock) -> str:
    """Return a hash that changes with the list and with the Python it is installed for."""
    return hashlib.sha256(Path(LOCKS / f"{lock}.txt").read_bytes() + _CONFIGURATION.read_bytes()).hexdigest()
