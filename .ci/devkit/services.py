"""PostgreSQL and Valkey for one command, and the environment variables by which settings find them.

A server that DATABASE_URL or REDIS_URL names in the caller's environment is used as it is. The others are started:
*lasting* ones keep their data and go on running, *throw-away* ones are removed with the command.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from . import binaries, servers, state
from .console import Refused, say, step
from .planted import is_planted
from .processes import PidFile, free_port
from .servers import APPLICATION, DATABASE, OWNER, SUPERUSER, Server

Exports = dict[str, str]

_NAMED_BY = {"postgresql": "DATABASE_URL", "valkey": "REDIS_URL"}
_PASSWORDS = (SUPERUSER, OWNER, APPLICATION, "valkey")
_THROW_AWAY = "counterweight-throwaway-"


def start_lasting() -> tuple[Exports, list[str]]:
    """Start the servers that are not running; return the variables, and the names of the servers that were started."""
    with state.exclusive():
        passwords = {name: state.secret(f"password of {name}") for name in _PASSWORDS}
        ports, started = {}, []
        for name in _ours():
            ports[name] = int(state.recall(f"port of {name}") or 0)
            if servers.process(state.HOME, name).pid() is None:
                ports[name] = free_port(ports[name])
                state.remember(f"port of {name}", str(ports[name]))
                _server(name, state.HOME, _lasting_data(), ports[name], passwords).start(lasting=True)
                started.append(name)
        exports = _exports(ports, passwords, secret_key=state.secret("secret key"))
        if "postgresql" in ports:
            exports["DATABASE_OWNER_URL"] = _database_url(OWNER, passwords, ports)
        return exports, started


def absent() -> Exports:
    """Return the variables of servers that are not there, for a command that opens no connection."""
    nowhere = {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none", "REDIS_URL": "redis://127.0.0.1:1/0"}
    return {**_exports({}, {}, secret_key=state.secret("secret key")), **nowhere, "DATABASE_OWNER_URL": ""}


def stop_lasting(names: Iterable[str] = tuple(_NAMED_BY)) -> None:
    """Stop the lasting servers that run."""
    with state.exclusive():
        for name in names:
            if servers.process(state.HOME, name).pid() is not None:
                with step(f"stopping {name}"):
                    servers.stop(state.HOME, name)


def refuse_if_foreign() -> None:
    """Raise Refused if DATABASE_URL names a server that this checkout does not own."""
    if os.environ.get("DATABASE_URL"):
        raise Refused(
            "DATABASE_URL is set: that database is not this checkout's to remove.\n"
            "Unset it to remove the embedded one; empty the other one with its own tools."
        )


def remove_lasting() -> None:
    """Remove data, secrets, ports and logs."""
    stop_lasting()
    with step("removing data, secrets and logs"):
        shutil.rmtree(_lasting_data().parent, ignore_errors=True)
        shutil.rmtree(state.HOME, ignore_errors=True)


@contextmanager
def throw_away(*, durable: bool = False) -> Iterator[Exports]:
    """Run servers for one command, with a PostgreSQL superuser; without `durable` they are faster but unsafe."""
    with throw_away_home() as home:
        passwords = make_passwords()
        ports = {name: free_port() for name in _ours()}
        for name, port in ports.items():
            _server(name, home, home / "pg", port, passwords, durable=durable).start(lasting=False)
        heads = {"AUDIT_HEAD_FILE": str(home / "audit-heads.jsonl")}  # of a chain that vanishes with its server
        yield _exports(ports, passwords, secret_key=secrets.token_urlsafe(50), role=SUPERUSER) | heads


@contextmanager
def throw_away_home() -> Iterator[Path]:
    """Create a directory for servers; it is removed with the command, or by a later one if this one is killed."""
    _sweep()
    home = Path(tempfile.mkdtemp(prefix=_THROW_AWAY, dir=binaries.SHARED))
    home.chmod(0o711 if binaries.account() else 0o700)
    PidFile(home / "owner.pid").write(os.getpid())
    try:
        yield home
    finally:
        _discard(home)


def make_passwords() -> dict[str, str]:
    """Return new passwords for all roles."""
    return {name: secrets.token_urlsafe(32) for name in _PASSWORDS}


def _ours() -> list[str]:
    for variable in _NAMED_BY.values():
        if os.environ.get(variable):
            say(f"  using {variable} from the environment")
    return [name for name, variable in _NAMED_BY.items() if not os.environ.get(variable)]


def _server(
    name: str, home: Path, data: Path, port: int, passwords: Mapping[str, str], *, durable: bool = True
) -> Server:
    if name == "valkey":
        return servers.valkey(home, port, passwords[name])
    return servers.postgresql(home, data, port, passwords, durable=durable)


def _exports(
    ports: Mapping[str, int], passwords: Mapping[str, str], *, secret_key: str, role: str = APPLICATION
) -> Exports:
    ours = {
        "SECRET_KEY": secret_key,
        "CELERY_BEAT_SCHEDULE_FILENAME": str(state.HOME / "beat-schedule"),
        "STATIC_ROOT": str(state.STATIC),
        "AUDIT_HEAD_FILE": str(state.HOME / "audit-heads.jsonl"),
    }
    exports = {name: os.environ.get(name) or value for name, value in ours.items()}  # a deployment has its own
    if is_planted():
        exports["PLANTED_DEMO"] = "true"  # every page says so
    if "postgresql" in ports:
        exports |= {"DATABASE_URL": _database_url(role, passwords, ports), "APPLICATION_ROLE": APPLICATION}
    if "valkey" in ports:
        exports["REDIS_URL"] = f"redis://:{passwords['valkey']}@127.0.0.1:{ports['valkey']}/0"
    return exports


def _database_url(role: str, passwords: Mapping[str, str], ports: Mapping[str, int]) -> str:
    return f"postgres://{role}:{passwords[role]}@127.0.0.1:{ports['postgresql']}/{DATABASE}"


def _lasting_data() -> Path:
    """Return `.dev/pg`; for root, whose PostgreSQL runs as `nobody` and cannot reach it, a directory that it can."""
    if not binaries.account():
        return state.HOME / "pg"
    home = Path(state.recall("data") or "")
    if not home.is_absolute() or not home.is_dir() or home.stat().st_uid != os.geteuid():
        home = Path(tempfile.mkdtemp(prefix="counterweight-", dir=binaries.SHARED))
        home.chmod(0o711)
        state.remember("data", str(home))
    return home / "pg"


def _sweep() -> None:
    """Remove what killed commands left behind."""
    for home in binaries.SHARED.glob(f"{_THROW_AWAY}*"):
        found = home.lstat()
        is_settled = time.time() - found.st_mtime > 60  # a newer one may not have its pid file yet
        if found.st_uid == os.geteuid() and is_settled and PidFile(home / "owner.pid").pid() is None:
            _discard(home)


def _discard(home: Path) -> None:
    for name in _NAMED_BY:
        servers.stop(home, name)
    shutil.rmtree(home, ignore_errors=True)
