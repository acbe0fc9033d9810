"""Start processes, recognise them later, and stop them."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .console import Refused
from .state import ROOT

Command = Sequence[str | Path]

_PR_SET_PDEATHSIG = 1


def die_with_parent(sign: signal.Signals) -> Callable[[], None] | None:
    """Return a `preexec_fn` that lets the kernel send `sign` when the parent is killed (Linux only)."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return lambda: libc.prctl(_PR_SET_PDEATHSIG, int(sign))


def run(command: Command, env: Mapping[str, str]) -> int:
    """Run a command in the foreground at the root of the checkout; return its exit code as a shell would."""
    child = subprocess.Popen(command, env=env, cwd=ROOT, preexec_fn=die_with_parent(signal.SIGTERM))
    try:
        while True:
            try:
                code = child.wait()
            except KeyboardInterrupt:
                if not sys.stdin.isatty():  # a terminal signals the child itself, which then decides how to end
                    child.send_signal(signal.SIGINT)
            else:
                return code if code >= 0 else 128 - code
    finally:
        end(child)


def capture(command: Command, env: Mapping[str, str] | None = None, text: str | None = None) -> str:
    """Run a command and return its output; raise Refused with that output if it fails."""
    done = subprocess.run(
        command, env=env, cwd=ROOT, input=text, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode != 0:
        raise Refused(f"{' '.join(map(str, command))}\n{done.stdout.strip()}\n(exit code {done.returncode})")
    return done.stdout


def spawn(command: Command, env: Mapping[str, str], output: int | IO[bytes]) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own, so that Ctrl-C reaches it only through its parent."""
    return subprocess.Popen(
        command,
        env=env,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=die_with_parent(signal.SIGTERM),
    )


def end(child: subprocess.Popen[bytes], timeout: float = 20) -> None:
    """Send SIGTERM, and SIGKILL if the child has not ended after `timeout` seconds."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(timeout)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


@dataclass(frozen=True)
class PidFile:
    """The pid file of a process that outlives the command which started it.

    It also holds the start time of the process: pids are reused, and a foreign process must never be stopped.
    """

    path: Path

    def write(self, pid: int) -> None:
        """Store the process and its start time."""
        self.path.write_text(f"{pid} {_born(pid)}")

    def pid(self) -> int | None:
        """Return the pid of the process; None if it has ended."""
        with suppress(OSError, ValueError):
            number, born = self.path.read_text().split(" ", 1)
            if _born(int(number)) == born:
                return int(number)
        return None

    def stop(self, sign: signal.Signals, timeout: float = 30) -> None:
        """Send `sign`, and SIGKILL if the process has not ended after `timeout` seconds."""
        for attempt in (sign, signal.SIGKILL):
            if (pid := self.pid()) is None:
                break
            with suppress(ProcessLookupError):
                os.kill(pid, attempt)
            wait_until(lambda: self.pid() is None, timeout)
        self.path.unlink(missing_ok=True)


def _born(pid: int) -> str | None:
    """Return when the process started; None if it has ended or is a zombie."""
    if Path("/proc/self/stat").exists():
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()  # the name may contain blanks
        except OSError:
            return None
        return None if fields[0] in "ZX" else fields[19]
    listing = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], text=True, capture_output=True).stdout
    status, _, started = listing.strip().partition(" ")
    return None if status[:1] in ("", "Z") else started.strip()


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Return True as soon as the condition holds, False when the time is up."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def free_port(preferred: int = 0) -> int:
    """Return the preferred TCP port of 127.0.0.1 if it is free, otherwise any free one. Raises Refused."""
    for port in (preferred, 0):
        if (found := _bound(port)) is not None:
            return found
    raise Refused("no free TCP port on 127.0.0.1")


def is_free(port: int) -> bool:
    """Return whether a program may listen on a TCP port of 127.0.0.1."""
    return _bound(port) is not None


def _bound(port: int) -> int | None:
    """Return the port that the system gives for `port` (0: any), or None if it is taken."""
    with socket.socket() as probe, suppress(OSError):
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        return int(probe.getsockname()[1])
    return None
