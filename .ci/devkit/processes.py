"""Start processes, recognise them later, stop them."""

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
    """A `preexec_fn` that has the kernel send `sign` should the parent be killed outright (Linux only)."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return lambda: libc.prctl(_PR_SET_PDEATHSIG, int(sign))


def run(command: Command, env: Mapping[str, str]) -> int:
    """Run in the foreground, at the root of the checkout; return the exit code as a shell would."""
    child = subprocess.Popen(command, env=env, cwd=ROOT, preexec_fn=die_with_parent(signal.SIGTERM))
    try:
        while True:
            try:
                code = child.wait()
            except KeyboardInterrupt:
                if not sys.stdin.isatty():  # a terminal has told the child already; how to end is its choice
                    child.send_signal(signal.SIGINT)
            else:
                return code if code >= 0 else 128 - code
    finally:
        end(child)


def capture(command: Command, env: Mapping[str, str] | None = None, text: str | None = None) -> str:
    """Run to the end and return what it printed; refuse with that text when it fails."""
    done = subprocess.run(
        command, env=env, cwd=ROOT, input=text, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode != 0:
        raise Refused(f"{' '.join(map(str, command))}\n{done.stdout.strip()}\n(exit code {done.returncode})")
    return done.stdout


def spawn(command: Command, env: Mapping[str, str], output: int | IO[bytes]) -> subprocess.Popen[bytes]:
    """A child in a session of its own, so that Ctrl-C reaches it through its parent alone."""
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


def end(child: subprocess.Popen[bytes], patience: float = 20) -> None:
    """SIGTERM, and SIGKILL when that is not heard."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(patience)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


@dataclass(frozen=True)
class PidFile:
    """A process that outlives the command which started it.

    Its time of birth is kept beside its number: numbers are used again, and a stranger must never be stopped.
    """

    path: Path

    def write(self, pid: int) -> None:
        self.path.write_text(f"{pid} {_born(pid)}")

    def pid(self) -> int | None:
        """The number of the process; None once it is gone."""
        with suppress(OSError, ValueError):
            number, born = self.path.read_text().split(" ", 1)
            if _born(int(number)) == born:
                return int(number)
        return None

    def stop(self, sign: signal.Signals, patience: float = 30) -> None:
        """Send `sign`, and SIGKILL when that is not heard."""
        for attempt in (sign, signal.SIGKILL):
            if (pid := self.pid()) is None:
                break
            with suppress(ProcessLookupError):
                os.kill(pid, attempt)
            wait_until(lambda: self.pid() is None, patience)
        self.path.unlink(missing_ok=True)


def _born(pid: int) -> str | None:
    """When the process started; None for one that is gone, or dead and not yet collected by its parent."""
    if Path("/proc/self/stat").exists():
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()  # blanks may be in the name
        except OSError:
            return None
        return None if fields[0] in "ZX" else fields[19]
    listing = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], text=True, capture_output=True).stdout
    status, _, started = listing.strip().partition(" ")
    return None if status[:1] in ("", "Z") else started.strip()


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """True as soon as the condition holds, False when time is up."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def free_port(preferred: int = 0) -> int:
    """The preferred TCP port of 127.0.0.1 where nobody holds it, else any free one."""
    for port in (preferred, 0):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise Refused("no free TCP port on 127.0.0.1")
