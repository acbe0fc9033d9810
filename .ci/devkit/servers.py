"""PostgreSQL and Valkey on free ports of 127.0.0.1, each protected by a password."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from . import binaries
from .binaries import Account
from .console import Refused, step
from .environment import VENV
from .processes import Command, PidFile, die_with_parent, wait_until

OWNER, APPLICATION, SUPERUSER = "counterweight_owner", "counterweight_app", "postgres"
DATABASE = "counterweight"
STOP = {"postgresql": signal.SIGINT, "valkey": signal.SIGTERM}  # fast and orderly shutdown

# Nothing of the caller's environment (PGDATA, LC_ALL, ...) may reach a server.
_CLEAN: dict[str, str] = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
# Servers that are thrown away. Tests empty their tables again and again; statistics that autovacuum happens to take
# of empty ones would let the planner choose plans for a single row, at random and for minutes.
_FAST = [
    part for name in ("fsync", "synchronous_commit", "full_page_writes", "autovacuum") for part in ("-c", f"{name}=off")
]


@dataclass(frozen=True)
class Server:
    """A program to start, and how to tell that it answers. Its log and its pid file are in `home`."""

    name: str
    home: Path
    command: Command
    answers: Callable[[int], bool]  # called with its pid
    account: Account = field(default_factory=Account)

    def start(self, *, lasting: bool) -> subprocess.Popen[bytes]:
        """Start the server and wait until it answers; unless `lasting`, it ends with the caller. Raises Refused."""
        log = self.home / f"{self.name}.log"
        program = Path(self.command[0])
        origin = "from .venv" if VENV in program.parents else f"from {program.parent}"
        with step(f"starting {self.name} {origin}"), log.open("wb") as output:
            child = subprocess.Popen(
                self.command,
                env=_CLEAN,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=None if lasting else die_with_parent(STOP[self.name]),
                **self.account,
            )
            process(self.home, self.name).write(child.pid)
            wait_until(lambda: child.poll() is not None or self.answers(child.pid), 60)
        if child.poll() is not None or not self.answers(child.pid):
            stop(self.home, self.name)
            raise Refused(f"{self.name} did not start; {log} ends:\n{tail(log)}\n(./dev reset starts afresh)")
        return child


def process(home: Path, name: str) -> PidFile:
    """Return the pid file of a server."""
    return PidFile(home / f"{name}.pid")


def stop(home: Path, name: str) -> None:
    """Stop a server in order."""
    process(home, name).stop(STOP[name])


def postgresql(home: Path, data: Path, port: int, passwords: Mapping[str, str], *, durable: bool) -> Server:
    """Return PostgreSQL over `data`, which is created on first use with two roles: an owner and one without tables."""
    programs, account = binaries.postgresql(), binaries.account()
    if not data.exists():
        with step("creating the database"):
            _create_cluster(programs, data, passwords, account)
    settings = {
        "port": str(port),
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "timezone": "UTC",
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    command: Command = [programs / "postgres", "-D", data, *options, *([] if durable else _FAST)]
    return Server("postgresql", home, command, lambda pid: _is_ready(data, pid), account)


def valkey(home: Path, port: int, password: str) -> Server:
    """Return a Valkey that stores nothing on disk, because everything that must survive is in PostgreSQL."""
    settings = home / "valkey.conf"  # an argument would show the password in process lists
    settings.touch(mode=0o600)
    settings.write_text(f'port {port}\nbind 127.0.0.1\nrequirepass {password}\nsave ""\ndir "{home}"\n')
    return Server("valkey", home, [binaries.valkey(), settings], lambda _: _listens(port))


def tail(log: Path, lines: int = 15) -> str:
    """Return the last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def _create_cluster(programs: Path, data: Path, passwords: Mapping[str, str], account: Account) -> None:
    """Create the cluster beside `data` and rename it at the end, so that a failure leaves nothing behind.

    The roles get their passwords before anything listens, so no connection is ever trusted.
    """
    draft = data.with_name(data.name + ".new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    if account:
        os.chown(draft, account["user"], account["group"])
    initdb: Command = [programs / "initdb", "-D", draft, "-U", SUPERUSER, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
    _as_account([*initdb, "--auth=trust"], account)
    (draft / "pg_hba.conf").write_text("host all all 127.0.0.1/32 scram-sha-256\n")
    statements = [
        f"ALTER ROLE {SUPERUSER} PASSWORD '{passwords[SUPERUSER]}'",
        f"CREATE ROLE {OWNER} LOGIN PASSWORD '{passwords[OWNER]}'",
        f"CREATE ROLE {APPLICATION} LOGIN PASSWORD '{passwords[APPLICATION]}'",
        f"CREATE DATABASE {DATABASE} OWNER {OWNER}",
    ]
    single: Command = [programs / "postgres", "--single", "-D", draft, "-c", "exit_on_error=on", "postgres"]
    _as_account(single, account, "".join(f"{statement};\n" for statement in statements))
    draft.rename(data)


def _as_account(command: Command, account: Account, text: str = "") -> None:
    done = subprocess.run(command, env=_CLEAN, cwd="/", input=text, text=True, capture_output=True, **account)
    if done.returncode != 0:
        raise Refused(f"{command[0]} failed:\n{done.stderr.strip() or done.stdout.strip()}")


def _is_ready(data: Path, pid: int) -> bool:
    """Return whether PostgreSQL reports readiness in its pid file (line 8) and the file is its own (line 1)."""
    with suppress(OSError, IndexError):
        lines = (data / "postmaster.pid").read_text().splitlines()
        return lines[0] == str(pid) and lines[7].strip() == "ready"
    return False


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
