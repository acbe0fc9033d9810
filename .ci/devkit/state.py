"""Values kept between runs in `.dev/` (mode 0700): secrets, ports, and the location of the data."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .console import Refused
from .planted import is_planted

ROOT = Path(__file__).resolve().parents[2]
PLANTED = "planted"  # folder of the second demo, below that of the first
HOME = ROOT / ".dev" / PLANTED if is_planted() else ROOT / ".dev"
LOGS = HOME / "logs"
STATIC = HOME / "static"
DEMO_USERS = HOME / "demo-users.json"
_MEMORY = HOME / "state.json"


def prepare() -> None:
    """Create the directories."""
    for home in (_outermost(), HOME):
        home.mkdir(mode=0o700, exist_ok=True)
        home.chmod(0o700)
    for directory in (LOGS, STATIC):
        directory.mkdir(exist_ok=True)


@contextmanager
def exclusive() -> Iterator[None]:
    """Let one `./dev` at a time install, start or stop, of both demos; others wait."""
    prepare()
    with (_outermost() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def alone(name: str, refusal: str) -> Iterator[None]:
    """Let one command at a time do what `name` says in this checkout; raise Refused at once for any other."""
    prepare()
    with (HOME / f"{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(refusal) from None
        yield


def recall(name: str) -> str | None:
    """Return a stored value, or None."""
    return _load().get(name)


def remember(name: str, value: str) -> str:
    """Store a value and return it."""
    prepare()
    draft = _MEMORY.with_suffix(".new")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump({**_load(), name: value}, file, indent=2)
    draft.replace(_MEMORY)
    return value


def secret(name: str) -> str:
    """Return a password or key that is created on first use."""
    return recall(name) or remember(name, secrets.token_urlsafe(32))


def _outermost() -> Path:
    """Return the folder that holds those of both demos."""
    return HOME.parent if is_planted() else HOME


def _load() -> dict[str, str]:
    memory: dict[str, str] = json.loads(_MEMORY.read_text()) if _MEMORY.exists() else {}
    return memory
