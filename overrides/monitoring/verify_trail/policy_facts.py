"""The comparison of all governed rows of `overrides` with the audit trail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from overrides.monitoring.verify_trail.modules import Modes, Policies, Versions
from overrides.monitoring.verify_trail.people import people_now
from overrides.monitoring.verify_trail.requests import Renewals, Requests, Votes
from overrides.monitoring.verify_trail.restrictions import Holds, Mandates, Quarantines
from telemetry.core.audit_facts import Entry, Finding


class _OfRequests(Protocol):
    def read(self, entry: Entry, request: int, /) -> None: ...

    def findings(self, *, since: int) -> Iterator[Finding]: ...


class _OfNames(Protocol):
    def read(self, entry: Entry, name: str, /) -> None: ...

    def findings(self, *, since: int) -> Iterator[Finding]: ...


class PolicyFacts:
    """Compares requests, votes, mandates, renewals, versions, policies, modes, holds and quarantines with the trail.

    The setting AUDIT_COMPARISONS names this class.
    """

    def __init__(self) -> None:
        people = people_now()
        self._of_requests: tuple[_OfRequests, ...] = Requests(), Votes(people), Mandates(), Renewals(people)
        self._of_names: Mapping[str, _OfNames] = {
            "version": Versions(),
            "policy": Policies(),
            "mode": Modes(),
            "line": Holds(people),
            "builder": Quarantines(people),
        }

    def read(self, entry: Entry) -> None:
        """Pass an entry to the comparisons that it concerns. Raises ValueError if a request is named by no number."""
        area, name = entry.split()
        if area == "request":
            request = int(name)
            for each in self._of_requests:
                each.read(entry, request)
        elif area in self._of_names:
            self._of_names[area].read(entry, name)

    def findings(self, *, since: int) -> Iterator[Finding]:
        """Yield every difference, one kind of row after the other."""
        for each in self._of_requests:
            yield from each.findings(since=since)
        for named in self._of_names.values():
            yield from named.findings(since=since)
