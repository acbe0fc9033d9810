"""Mandates, vetoes, pins and quarantines against their entries: who made them, what they say, and when they ended."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from datetime import datetime
from typing import Any

from overrides.models import LineHold, Mandate, Quarantine
from overrides.monitoring.verify_trail.people import People
from overrides.requests.transitions import MANDATES, mandate_document
from telemetry.core.audit_facts import Entry, Fact, Finding, Ledger, Said, field_differences
from telemetry.foundation.core.canonical_json import utc_text

CHUNK = 2000
APPLY = "apply"
ENDED = "time of its end"


class Mandates:
    """Each mandate is what the entry says that was written when it was signed, and ended when another one says.

    Entries of format 1 name no mandates. Of those that were signed then, the request has to be applied at that time.
    """

    def __init__(self) -> None:
        self._ledger = Ledger("mandate")
        self._ended: dict[int, Said] = {}
        self._applied: dict[int, Said] = {}  # requests of format 1

    def read(self, entry: Entry, request: int) -> None:
        if entry.action == APPLY and not entry.names_rows:
            self._applied[request] = Said(entry.seq, {"granted_at": entry.at})
        elif entry.action == MANDATES:
            for document in entry.says("signed"):
                self._ledger.say(entry, request, {**document, "request": request}, id=document["id"])
            for mandate in entry.says("ended"):
                self._ended[mandate] = Said(entry.seq, {ENDED: entry.at})

    def findings(self, *, since: int) -> Iterator[Finding]:
        beside: list[Finding] = []
        yield from self._ledger.differences(self._rows(beside))
        yield from beside
        for mandate, said in self._ended.items():
            yield Finding(f"mandate {mandate}", f"is not there, and audit entry {said.seq} says that it ended")

    def _rows(self, beside: list[Finding]) -> Iterator[Fact]:
        """The mandates that entries name, or should; what is wrong with the others is added to `beside`."""
        for mandate in Mandate.objects.order_by("pk").iterator(chunk_size=CHUNK):
            request, name = mandate.request_id, f"mandate {mandate.pk} on line {mandate.line_id[:12]}"
            fields = mandate_document(mandate)
            fields |= {"request": request, **{at: utc_text(fields[at]) for at in ("granted_at", "review_by")}}
            is_named, is_old = self._ledger.named(mandate.pk) is not None, request in self._applied
            beside += self._end(mandate, name, is_known=is_named or not is_old)
            if is_old and not is_named:
                beside += field_differences(name, self._applied[request], fields)
            else:
                yield Fact(mandate.pk, request, name, fields)

    def _end(self, mandate: Mandate, name: str, *, is_known: bool) -> Iterator[Finding]:
        said = self._ended.pop(mandate.pk, None)
        at = _text(mandate.revoked_at)
        if said is not None:
            yield from field_differences(name, said, {ENDED: at})
        elif at is not None and is_known:
            yield Finding(name, f"ended at {at}, and no audit entry says so")


class _Placed:
    """Restrictions that somebody places and somebody lifts, one at a time in each group."""

    def __init__(self, kind: str) -> None:
        self._ledger = Ledger(kind)
        self._standing: dict[Hashable, Said] = {}

    def place(self, entry: Entry, group: Hashable, fields: dict[str, Any], id: Hashable | None) -> None:
        """A new one lifts the one before it, which has expired: the verbs place no second one beside a live one."""
        before = self._standing.get(group)
        if before is not None:
            before.fields[ENDED] = entry.at
        said = {**fields, "reason": entry.reason, "time": entry.at, ENDED: None}
        self._standing[group] = self._ledger.say(entry, group, said, id)

    def lift(self, entry: Entry, group: Hashable, id: Hashable | None) -> None:
        """The one that stands is lifted; an entry of format 2 names it, but one of format 1 may have placed it."""
        standing = self._standing.pop(group, None)
        lifted = (None if id is None else self._ledger.named(id)) or standing
        if lifted is None or lifted.fields[ENDED] is not None:
            self._ledger.refuse(entry, f"says that one was lifted on {group}, and none stood there")
        else:
            lifted.fields[ENDED] = entry.at


class Holds(_Placed):
    """Each veto and pin is what its entry says, and was lifted when another entry says, or a later one was placed."""

    def __init__(self, people: People) -> None:
        super().__init__("hold")
        self._people = people

    def read(self, entry: Entry, line: str) -> None:
        action, _, lifted = entry.action.partition(" ")
        id = entry.says("hold")
        if action in LineHold.Kind.values:
            fields = {"line": line, "kind": action, "until": _until(entry.says("expires_at"))}
            fields |= _placer(self._people, entry, "placed_by")
            self.place(entry, f"{action} on line {line[:12]}", fields, id)
        elif action == "lift" and lifted in LineHold.Kind.values:
            self.lift(entry, f"{lifted} on line {line[:12]}", id)

    def findings(self, *, since: int) -> Iterator[Finding]:
        return self._ledger.differences(self._rows())

    def _rows(self) -> Iterator[Fact]:
        for hold in LineHold.objects.order_by("pk").iterator(chunk_size=CHUNK):
            fields = {
                "line": hold.line_id,
                "kind": hold.kind,
                "until": _text(hold.expires_at),
                "person": self._people.label(hold.placed_by_id),
                "reason": hold.reason,
                "time": utc_text(hold.placed_at),
                ENDED: _text(hold.lifted_at),
            }
            group = f"{hold.kind} on line {hold.line_id[:12]}"
            yield Fact(hold.pk, group, f"hold {hold.pk}, a {group}", fields)


class Quarantines(_Placed):
    """Each quarantine is what its entry says, and was lifted when another entry says."""

    def __init__(self, people: People) -> None:
        super().__init__("quarantine")
        self._people = people

    def read(self, entry: Entry, module: str) -> None:
        id = entry.says("quarantine")
        if entry.action == "quarantine":
            self.place(entry, f"builder {module}", {"module": module} | _placer(self._people, entry, "placed_by"), id)
        elif entry.action == "lift quarantine":
            self.lift(entry, f"builder {module}", id)

    def findings(self, *, since: int) -> Iterator[Finding]:
        return self._ledger.differences(self._rows())

    def _rows(self) -> Iterator[Fact]:
        for row in Quarantine.objects.order_by("pk").iterator(chunk_size=CHUNK):
            fields = {
                "module": row.module,
                "person": self._people.label(row.placed_by_id),
                "reason": row.reason,
                "time": utc_text(row.placed_at),
                ENDED: _text(row.lifted_at),
            }
            yield Fact(row.pk, f"builder {row.module}", f"quarantine {row.pk} of the {row.module} builder", fields)


def _placer(people: People, entry: Entry, field: str) -> dict[str, str]:
    """Whom an entry names: by id, or by the name of somebody who is known by it; nobody where it is an old name."""
    person = entry.says(field)
    if person is None:
        person = people.ids.get(entry.actor)
    return {} if person is None else {"person": people.label(person)}


def _until(text: object) -> str | None:
    """An expiry in canonical text; entries of format 1 write it with an offset."""
    return utc_text(datetime.fromisoformat(text)) if isinstance(text, str) else None


def _text(at: datetime | None) -> str | None:
    return None if at is None else utc_text(at)
