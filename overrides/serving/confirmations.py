"""What each process and local client has confirmed that it serves, and who has not followed the newest state yet.

Processes report from the thread that polls; a client reports with each snapshot that it asks for. Whoever has not
reported for `MAX_STALE_SECONDS` answers neutral by itself or has ended, and is no longer listed.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from django.conf import settings
from django.db.models import OuterRef, Subquery

from overrides.models import ModuleMode, ServingConfirmation, Version
from overrides.serving.clients.snapshot_tag import State

NEVER_OTHERWISE: Mapping[str, datetime | None] = MappingProxyType({})

SOONEST_SECONDS = 1.0  # between two reports of a process
LATEST_SECONDS = 5.0  # between two reports of a process that serves what it served
FORGET_SECONDS = 60.0  # between two removals of old reports by one process


def confirm(
    kind: str,
    name: str,
    served: Mapping[str, State],
    now: datetime,
    *,
    confirmed_at: Mapping[str, datetime | None] = NEVER_OTHERWISE,
) -> None:
    """Store what a process or client serves: module -> its state. A later report of the same one replaces it.

    `confirmed_at` says when a module's state was last the newest: by default `now`, as for a client that asks for a
    snapshot; None for a module of which nothing was ever served.
    """
    rows = [
        ServingConfirmation(
            kind=kind,
            name=name[:200],
            module=module,
            version=version or None,
            mode_revision=revision or None,
            at=now,
            confirmed_at=confirmed_at.get(module, now),
        )
        for module, (version, revision) in sorted(served.items())  # all lock their rows in one order
    ]
    ServingConfirmation.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["kind", "name", "module"],
        update_fields=["version", "mode_revision", "at", "confirmed_at"],
    )


def withdraw(kind: str, name: str) -> None:
    """Remove the reports of a process or client that ends."""
    ServingConfirmation.objects.filter(kind=kind, name=name).delete()


def forget_silent(now: datetime) -> int:
    """Remove the reports of those who have been silent for `MAX_STALE_SECONDS`; return how many."""
    silent = ServingConfirmation.objects.filter(at__lt=_oldest(now)).select_for_update(skip_locked=True)
    return ServingConfirmation.objects.filter(pk__in=silent.values("pk")).delete()[0]


@dataclass(frozen=True)
class Reported:
    """What one process or client serves of a module. `newest` is what it should serve."""

    kind: str
    name: str
    served: State
    newest: State
    at: datetime
    confirmed_at: datetime | None
    now: datetime

    @property
    def is_confirmed(self) -> bool:
        """Whether it serves the newest state."""
        return self.served == self.newest

    @property
    def age_seconds(self) -> float:
        """The seconds since its last report."""
        return max(0.0, (self.now - self.at).total_seconds())

    @property
    def is_late(self) -> bool:
        """Whether it has missed more than one report: it has lost the database, or has ended."""
        return self.age_seconds > 2 * LATEST_SECONDS + SOONEST_SECONDS

    @property
    def neutral_at(self) -> datetime | None:
        """When it answers neutral by itself if it does not follow before; None if it never answered otherwise."""
        if self.confirmed_at is None:
            return None
        return self.confirmed_at + timedelta(seconds=settings.MAX_STALE_SECONDS)

    @property
    def is_neutral(self) -> bool:
        """Whether it answers neutral by itself already."""
        return self.neutral_at is None or self.neutral_at <= self.now

    @property
    def words(self) -> str:
        """Its name as it is shown."""
        return _process_words(self.name) if self.kind == ServingConfirmation.Kind.PROCESS else self.name


def reported(module: str, now: datetime) -> list[Reported]:
    """Return what every process and client serves of a module that reported in the last `MAX_STALE_SECONDS`."""
    active = Version.objects.filter(module=OuterRef("module"), is_active=True).values("number")[:1]
    mode = ModuleMode.objects.filter(module=OuterRef("module")).values("revision")[:1]
    rows = ServingConfirmation.objects.filter(module=module, at__gte=_oldest(now)).order_by("-kind", "name")
    return [
        Reported(kind, name, (version, revision), (newest, newest_revision), at, confirmed_at, now)
        for kind, name, version, revision, at, confirmed_at, newest, newest_revision in rows.annotate(
            newest=Subquery(active), newest_revision=Subquery(mode)
        ).values_list("kind", "name", "version", "mode_revision", "at", "confirmed_at", "newest", "newest_revision")
    ]


def unconfirmed(module: str, now: datetime) -> list[Reported]:
    """Return those that have not confirmed the newest version and mode of a module."""
    return [each for each in reported(module, now) if not each.is_confirmed]


def process_name(started: datetime) -> str:
    """Return the name of this process: host, process number, and the second in which it began to serve."""
    return f"{socket.gethostname()}:{os.getpid()}:{int(started.timestamp())}"


class Reporter:
    """Reports what one process serves: within a second of a change, and otherwise every few seconds."""

    def __init__(self, started: datetime) -> None:
        self.name = process_name(started)
        self._last: Mapping[str, State] | None = None
        self._reported_at = self._forgot_at = -float("inf")

    def report(self, served: Mapping[str, State], stale_seconds: Mapping[str, float], now: datetime) -> None:
        """Report module -> state, if it is time to. Raises django.db.Error while PostgreSQL is unreachable."""
        since = time.monotonic() - self._reported_at
        if since < (LATEST_SECONDS if served == self._last else SOONEST_SECONDS):
            return
        confirmed_at = {module: _before(now, seconds) for module, seconds in stale_seconds.items()}
        confirm(ServingConfirmation.Kind.PROCESS, self.name, served, now, confirmed_at=confirmed_at)
        self._last, self._reported_at = dict(served), time.monotonic()
        if time.monotonic() - self._forgot_at >= FORGET_SECONDS:
            forget_silent(now)
            self._forgot_at = time.monotonic()

    def withdraw(self) -> None:
        """Remove the reports of this process, which ends; one that never reported has none."""
        if self._last is None:
            return
        withdraw(ServingConfirmation.Kind.PROCESS, self.name)


def _oldest(now: datetime) -> datetime:
    return now - timedelta(seconds=settings.MAX_STALE_SECONDS)


def _before(now: datetime, seconds: float) -> datetime | None:
    return None if seconds == float("inf") else now - timedelta(seconds=seconds)


def _process_words(name: str) -> str:
    """Return the name of a process in words.

    >>> _process_words("web-1:4711:1796050800")
    'web-1, process 4711, since 2026-11-30 15:00 UTC'
    """
    host, number, started = name.rsplit(":", 2)
    return f"{host}, process {number}, since {datetime.fromtimestamp(int(started), UTC):%Y-%m-%d %H:%M} UTC"
