"""A process of its own with several connections: `python -m tests.overrides.process_pool DATABASE` reads calls.

A line is a list of [verb, arguments]. All its calls run at once, each in a thread, and are answered by one line.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

FORTY_TRADES = {"n": 40, "edge_raw": 0.8, "variance": 0.5}
Call = tuple[str, dict[str, Any]]
PROCESSES = 5


class ProcessPool:
    """Several such processes; the calls of one `at_once` are distributed among them."""

    def __init__(self, processes: Sequence[subprocess.Popen[str]]) -> None:
        self._processes = processes

    def at_once(self, calls: Sequence[Call]) -> list[str]:
        """Run the calls; return their results in no order: empty, or class and message of the exception."""
        dealt = [calls[index :: len(self._processes)] for index in range(len(self._processes))]
        for process, share in zip(self._processes, dealt, strict=True):
            assert process.stdin is not None
            process.stdin.write(json.dumps(share) + "\n")
            process.stdin.flush()
        results: list[str] = []
        for process in self._processes:
            assert process.stdout is not None
            results += json.loads(process.stdout.readline())
        return results


@contextmanager
def process_pool(database: str) -> Iterator[ProcessPool]:
    command = [sys.executable, "-m", "tests.overrides.process_pool", database]
    with_pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, env=os.environ, **with_pipes) for _ in range(PROCESSES)]
    try:
        yield ProcessPool(processes)
    finally:
        for process in processes:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.close()
            process.wait(timeout=30)
            process.stdout.close()


def verbs() -> dict[str, Callable[..., object]]:
    from django.contrib.auth.models import User

    from overrides.requests import apply, authoring, auto_publish, emergency, review
    from tests.builders import NOW, make_spec

    def by(name: str | None) -> User | None:
        return None if name is None else User.objects.get(username=name)

    def person(verb: Callable[..., object]) -> Callable[..., object]:
        return lambda who, **over: verb(by=by(who), at=NOW, **over)

    def publish_covered(size: float) -> object:
        spec = make_spec({"size_mult": size}, stats=FORTY_TRADES)
        return auto_publish.publish_within_mandates(module="pm", proposed={spec.line: spec}, source="lesson", at=NOW)

    return {
        "approve": person(review.approve),
        "reject": person(review.reject),
        "cancel": person(review.cancel),
        "edit": person(authoring.edit_request),
        "apply": person(apply.apply_request),
        "lower": person(emergency.lower_mode_with_request),
        "off": person(emergency.switch_everything_off),
        "veto": person(emergency.veto_line),
        "retire": person(emergency.retire_lines),
        "quarantine": person(emergency.quarantine_builder),
        "delegate": publish_covered,
        "expire": lambda days: apply.expire_requests(now=NOW + days * (NOW - NOW.replace(day=1))),
        "due": lambda: beat(NOW),
    }


def beat(now: Any) -> object:
    """Apply and expire in one transaction, as the worker does."""
    from django.db import transaction

    from overrides.requests.apply import apply_due, expire_requests

    with transaction.atomic():
        return apply_due(now=now) + expire_requests(now=now)


def attempt(call: Call) -> str:
    from django.db import connections

    name, arguments = call
    try:
        verbs()[name](**arguments)
    except Exception as raised:
        return f"{type(raised).__name__}: {raised}"
    finally:
        connections.close_all()
    return ""


def main(database: str) -> None:
    import django

    django.setup()
    from django.db import connection

    connection.settings_dict["NAME"] = database
    with ThreadPoolExecutor(10) as threads:
        for line in sys.stdin:
            print(json.dumps(list(threads.map(attempt, json.loads(line)))), flush=True)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    main(sys.argv[1])
