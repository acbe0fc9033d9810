"""`./dev manage replay`: recompute logged decisions and report every difference."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import UTC, datetime
from typing import IO, Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from overrides.core.monitoring.replaying.json_diff import Difference
from overrides.monitoring.replaying.replay import Choice, replay
from telemetry.core.vocabulary import Module
from telemetry.decisions.decision_stream import Span
from telemetry.foundation.core.fields import identifier, named, parse_moment
from telemetry.foundation.core.refusal import Refused

TTY_SECONDS, LOG_SECONDS = 0.2, 10.0
TIMES = ("answered", "at")
BY = """the time that --since and --until cut by: when the answer was given, by the clock of the process, which the id
holds (answered, the default), or the time the levers were asked for (at)"""
HELP = """Compute logged decisions again from the stored request and version, and compare; exit code 1 on any
difference. Without options all decisions are replayed. Of STALE and ERROR only the neutral levers are checked."""


class Command(BaseCommand):
    help = HELP

    def add_arguments(self, parser: ArgumentParser) -> None:
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--sample", type=int, metavar="N", help="so many at random")
        which.add_argument("--decision", metavar="ID", help="this one alone")
        parser.add_argument("--since", metavar="T", help="at this time or later, e.g. 2026-05-01T00:00Z; see --by")
        parser.add_argument("--until", metavar="T", help="before this time; see --by")
        parser.add_argument("--by", choices=TIMES, default=TIMES[0], help=BY)
        parser.add_argument("--module", choices=[module.value for module in Module])
        parser.add_argument("--seed", type=int, default=0, help="another seed draws another sample (default: 0)")

    def handle(self, *args: Any, **options: Any) -> None:
        bar = Bar(sys.stderr)
        try:
            report = replay(
                _choice(options), now=datetime.now(UTC), on_difference=self._reporter(bar), on_progress=bar.progress
            )
        except Refused as refused:
            raise CommandError(str(refused)) from refused
        bar.clear()
        if report.unclaimed:
            self.stdout.write(
                f"{report.unclaimed} of them STALE or ERROR: neutral levers checked, nothing more claimed"
            )
        self.stdout.write(f"{report.replayed} replayed, {report.differences} differences")
        if report.differences:
            raise SystemExit(1)

    def _reporter(self, bar: Bar) -> Callable[[Difference], None]:
        def report(difference: Difference) -> None:
            bar.clear()
            self.stdout.write(str(difference))

        return report


class Bar:
    """Shows progress on the error stream: one moving line on a terminal, an occasional line in a log."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream, self._is_tty = stream, stream.isatty()
        self._pause = TTY_SECONDS if self._is_tty else LOG_SECONDS
        self._next = time.monotonic() + self._pause

    def progress(self, done: int, total: int) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self._pause
        share = done / total if total else 1.0
        line = f"{share:4.0%}, {done:,} of {total:,} replayed"
        self._stream.write(f"\r{'█' * round(30 * share):<30} {line}" if self._is_tty else f"{line}\n")
        self._stream.flush()

    def clear(self) -> None:
        if self._is_tty:
            self._stream.write("\r\x1b[K")


def _choice(options: dict[str, Any]) -> Choice:
    times = {name: named(parse_moment, options[name], name) for name in ("since", "until") if options[name] is not None}
    decision = options["decision"]
    return Choice(
        Span(options["module"], **times, is_by_at=options["by"] == "at"),
        decision=None if decision is None else UUID(named(identifier, decision, "decision")),
        sample=options["sample"],
        seed=options["seed"],
    )
