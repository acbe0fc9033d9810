"""The stream of changes: how soon listeners hear, what it costs, and whether the process grows."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from urllib.parse import quote
from urllib.request import urlopen

from devkit import supervise
from devkit.processes import end, free_port, spawn, wait_until
from django.db import connection

from overrides.serving.mode import lower_mode
from tests.api_clients import new_key
from tests.bench.report import figure, scratch_database
from tests.builders import set_mode

LISTENERS = 500
CHANGES = 40
PAUSE = 0.25  # seconds between two changes
SOON = 30.0
STDERR = 2


@dataclass
class Room:
    """All listeners: the revision that each heard last, and when each revision was heard."""

    heard_at: dict[int, list[float]] = field(default_factory=dict)

    async def listen(self, port: int, key: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            f"GET /api/v1/stream/?module=pm HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
        )
        try:
            async for line in reader:
                if line.startswith(b"data:"):
                    revision = json.loads(line[5:])["mode_revision"]
                    self.heard_at.setdefault(revision, []).append(time.perf_counter())
        finally:
            writer.close()

    async def all_heard(self, revision: int, listeners: int) -> None:
        async with asyncio.timeout(SOON):
            while len(self.heard_at.get(revision, ())) < listeners:
                await asyncio.sleep(0.01)


def memory_of(pid: int) -> float:
    """Return the resident memory of a process in bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return float(pages * os.sysconf("SC_PAGE_SIZE"))


def cpu_of(pid: int) -> float:
    """Return the CPU seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def stream_process(listeners: int) -> Iterator[tuple[int, int]]:
    """Run the stream on this process's database; yield its port and its pid."""
    held = connection.settings_dict
    place = f"{quote(held['USER'])}:{quote(held['PASSWORD'])}@{held['HOST']}:{held['PORT']}/{held['NAME']}"
    told = {"DATABASE_URL": f"postgres://{place}", "STREAM_CONNECTIONS": str(listeners), "LOG_LEVEL": "WARNING"}
    port = free_port()
    child = spawn([*supervise.STREAM, f"127.0.0.1:{port}"], os.environ | told, STDERR)
    try:
        wait_until(lambda: _answers(port), SOON)
        yield port, child.pid
    finally:
        end(child)


def _answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


async def changes(port: int, pid: int, key: str, listeners: int, count: int) -> None:
    alone = memory_of(pid)
    room = Room()
    tasks = [asyncio.create_task(room.listen(port, key)) for _ in range(listeners)]
    await room.all_heard(1, listeners)
    with_listeners, cpu = memory_of(pid), cpu_of(pid)
    delays = []
    for number in range(count):
        revision = number + 2
        await asyncio.to_thread(lower, 100 - 100 * (number + 1) / (count + 1))
        committed_at = time.perf_counter()
        await room.all_heard(revision, listeners)
        delays += [at - committed_at for at in room.heard_at[revision]]
        await asyncio.sleep(PAUSE)
    spent, grown = cpu_of(pid) - cpu, memory_of(pid) - with_listeners
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    of = {"listeners": listeners, "changes": count}
    cuts = quantiles(delays, n=100)
    figure("stream", "heard_p50", cuts[49] * 1000, "ms", **of)
    figure("stream", "heard_p99", cuts[98] * 1000, "ms", bar="changes in force within 1200 ms", **of)
    figure("stream", "cpu_of_a_change", spent / count * 1000, "ms", counts="half a second of polling beside it", **of)
    figure("stream", "memory_of_a_listener", (with_listeners - alone) / listeners / 1000, "kB", **of)
    figure("stream", "growth_with_changes", grown / 1e6, "MB", bar="flat: at most 1 MB", **of)


def lower(percent: float) -> None:
    try:
        lower_mode(module="pm", by="bench", reason="less", at=datetime.now(UTC), rollout_percent=percent)
    finally:
        connection.close()


def run(listeners: int = LISTENERS, count: int = CHANGES) -> None:
    set_mode("on", at=datetime.now(UTC))
    key = new_key("evaluate")
    with stream_process(listeners) as (port, pid):
        asyncio.run(changes(port, pid, key, listeners, count))


if __name__ == "__main__":
    with scratch_database():
        run(*map(int, sys.argv[1:]))
