"""Compare mandates, holds on lines and quarantines with their entries: who made them, what they say, their ends."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from datetime import datetime
from typing import Any

from overrides.models import HoldKind, LineHold, Mandate, Quarantine
from overrides.monitoring.verify_trail.people import People
from overrides.requests.governance_store import mandate_document
from overrides.requests.transitions import MANDATES
from telemetry.core.audit_facts import Claim, Entry, Fact, Finding, Ledger, field_differences
from telemetry.foundation.core.canonical_json import utc_text

CHUNK = 2000
APPLY = "apply"
ENDED = "time of its end"


class Mandates:
    """Compares each mandate with the entry of its signing, and its end with the entry that ended it.

    Entries of format 1 name no mandates. A mandate from that time is only compared with the time of its application.
    """

    def __init__(self) -> None:
        self._ledger = Ledger("mandate")
        self._ended: dict[int, Claim] = {}
        self._applied: dict[int, Claim] = {}  # requests of format 1

    def read(self, entry: Entry, request: int) -> None:
        if entry.action == APPLY and not entry.names_rows:
            self._applied[request] = Claim(entry.seq, {"granted_at": entry.at})
        elif entry.action == MANDATES:
            for document in entry.field("signed"):
                self._ledger.claim(entry, request, {**document, "request": request}, id=document["id"])
            for mandate in entry.field("ended"):
                self._ended[mandate] = Claim(entry.seq, {ENDED: entry.at})

    def findings(self, *, since: int) -> Iterator[Finding]:
        beside: list[Finding] = []
        yield from self._ledger.differences(self._rows(beside))
        yield from beside
        for mandate, claim in self._ended.items():
            yield Finding(f"mandate {mandate}", f"is not there, and audit entry {claim.seq} says that it ended")

    def _rows(self, beside: list[Finding]) -> Iterator[Fact]:
        """Yield the mandates that an entry has to name; findings about the others are added to `beside`."""
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
        claim = self._ended.pop(mandate.pk, None)
        at = _text(mandate.revoked_at)
        if claim is not None:
            yield from field_differences(name, claim, {ENDED: at})
        elif at is not None and is_known:
            yield Finding(name, f"ended at {at}, and no audit entry says so")


class _Placed:
    """Restrictions that are placed and lifted, one at a time in each group."""

    def __init__(self, kind: str) -> None:
        self._ledger = Ledger(kind)
        self._standing: dict[Hashable, Claim] = {}

    def place(self, entry: Entry, group: Hashable, fields: dict[str, Any], id: Hashable | None) -> None:
        """Note a new restriction. It ends the one before it, which has expired: no two are in effect at once."""
        before = self._standing.get(group)
        if before is not None:
            before.fields[ENDED] = entry.at
        claim = {**fields, "reason": entry.reason, "time": entry.at, ENDED: None}
        self._standing[group] = self._ledger.claim(entry, group, claim, id)

    def lift(self, entry: Entry, group: Hashable, id: Hashable | None) -> None:
        """Note the end of the restriction in effect. The entry that placed it may be of format 1 and name no id."""
        standing = self._standing.pop(group, None)
        lifted = (None if id is None else self._ledger.named(id)) or standing
        if lifted is None or lifted.fields[ENDED] is not None:
            self._ledger.refuse(entry, f"says that one was lifted on {group}, and none stood there")
        else:
            lifted.fields[ENDED] = entry.at


class Holds(_Placed):
    """Compares vetoes, pins and caps with their entries."""

    def __init__(self, people: People) -> None:
        super().__init__("hold")
        self._people = people

    def read(self, entry: Entry, line: str) -> None:
        action, _, lifted = entry.action.partition(" ")
        id = entry.field("hold")
        if action in HoldKind.values:
            fields = {"line": line, "kind": action, "until": _until(entry.field("expires_at"))}
            fields |= {"cap": entry.field("cap"), "rejected": entry.field("rejected")}
            fields |= _placer(self._people, entry, "placed_by")
            self.place(entry, f"{action} on line {line[:12]}", fields, id)
        elif action == "lift" and lifted in HoldKind.values:
            self.lift(entry, f"{lifted} on line {line[:12]}", id)

    def findings(self, *, since: int) -> Iterator[Finding]:
        return self._ledger.differences(self._rows())

    def _rows(self) -> Iterator[Fact]:
        for hold in LineHold.objects.order_by("pk").iterator(chunk_size=CHUNK):
            fields = {
                "line": hold.line_id,
                "kind": hold.kind,
                "until": _text(hold.expires_at),
                "cap": hold.cap,
                "rejected": hold.rejected,
                "person": self._people.label(hold.placed_by_id),
                "reason": hold.reason,
                "time": utc_text(hold.placed_at),
                ENDED: _text(hold.lifted_at),
            }
            group = f"{hold.kind} on line {hold.line_id[:12]}"
            yield Fact(hold.pk, group, f"hold {hold.pk}, a {group}", fields)


class Quarantines(_Placed):
    """Compares quarantines with their entries."""

    def __init__(self, people: People) -> None:
        super().__init__("quarantine")
        self._people = people

    def read(self, entry: Entry, module: str) -> None:
        id = entry.field("quarantine")
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
    """Return the person that an entry names, by id or by a current name; nothing for a name that nobody has now."""
    person = entry.field(field)
    if person is None:
        person = people.ids.get(entry.actor)
    return {} if person is None else {"person": people.label(person)}


def _until(text: object) -> str | None:
    """Return an expiry as canonical text; entries of format 1 write it with an offset."""
    return utc_text(datetime.fromisoformat(text)) if isinstance(text, str) else None


def _text(at: datetime | None) -> str | None:
    return None if at is None else utc_text(at)
