"""Compare requests, votes and approvals of renewals with their entries, whose object is `request <id>`."""

from __future__ import annotations

from collections.abc import Iterator

from overrides.models import ChangeRequest, MandateRenewal, Vote
from overrides.monitoring.verify_trail.people import People
from overrides.requests.gates import hash_of
from overrides.requests.mandate_terms import SIGN_RENEWAL
from telemetry.core.audit_facts import Claim, Entry, Fact, Finding, Ledger, field_differences
from telemetry.foundation.core.canonical_json import utc_text

CHUNK = 2000
DRAFT = "draft"
VOTES = tuple(decision.value for decision in Vote.Decision)


class Requests:
    """Compares state, content and author of each request with its last entry, and its origin with the first one.

    The content of a request with votes is also compared with its hash if its last entry is newer than `since`.
    """

    def __init__(self) -> None:
        self._last: dict[int, Claim] = {}
        self._drafted: dict[int, Claim] = {}

    def read(self, entry: Entry, request: int) -> None:
        fields = {name: entry.field(name) for name in ("state", "module", "kind", "content")}
        if isinstance(entry.after, dict) and "author" in entry.after:  # entries of older code name none
            fields["author"] = entry.after["author"]
        self._last[request] = Claim(entry.seq, fields)
        if entry.action == DRAFT and request not in self._drafted:
            self._drafted[request] = Claim(entry.seq, {"author's name": entry.actor, "created": entry.at})

    def findings(self, *, since: int) -> Iterator[Finding]:
        columns = ("pk", "state", "module", "kind", "content_hash", "author", "author_name", "created_at")
        for pk, state, module, kind, content, author, name, created_at in (
            ChangeRequest.objects.order_by("pk").values_list(*columns).iterator(chunk_size=CHUNK)
        ):
            fields = {"state": state, "module": module, "kind": kind, "content": content, "author": author}
            fields |= {"author's name": name, "created": utc_text(created_at)}
            last, drafted = self._last.pop(pk, None), self._drafted.get(pk)
            if last is None or drafted is None:
                yield Finding(f"request {pk}", "no audit entry says that it was drafted")
            for claim in (drafted, last):
                if claim is not None:
                    yield from field_differences(f"request {pk}", claim, fields)
            if last is not None and last.seq > since:
                yield from _signed_content(pk)
        for pk, claim in self._last.items():
            yield Finding(f"request {pk}", f"is not there, and audit entry {claim.seq} is about it")


def _signed_content(pk: int) -> Iterator[Finding]:
    """Compare the content of a request that has votes with its hash."""
    request = ChangeRequest.objects.filter(pk=pk, votes__isnull=False).first()
    if request is not None:
        recomputed = hash_of(request, list(request.lines.select_related("before__line", "after__line")))
        if recomputed != request.content_hash:
            yield Finding(
                f"request {pk}", f"its content is not what was voted on: its hash is {recomputed}, and votes signed "
                f"{request.content_hash}"
            )  # fmt: skip


class Votes:
    """Compares person, decision, content, time and reason of each vote with its entry."""

    def __init__(self, people: People) -> None:
        self._people = people
        self._ledger = Ledger("vote")

    def read(self, entry: Entry, request: int) -> None:
        if entry.action not in VOTES:
            return
        fields = {
            "request": request,
            "decision": entry.action,
            "reason": entry.reason,
            "content": entry.field("content"),
            "time": entry.at,
        }
        named = entry.field("vote")
        if not isinstance(named, dict):
            if entry.actor in self._people.ids:
                fields["voter"] = self._people.label(self._people.ids[entry.actor])
            self._ledger.claim(entry, f"request {request}", fields)
            return
        voter = named.get("voter")
        if self._people.is_another(entry.actor, voter):
            self._ledger.refuse(entry, f"says that {entry.actor} gave the vote of {self._people.label(voter)}")
        fields["voter"] = self._people.label(voter)
        self._ledger.claim(entry, f"request {request}", fields, id=named.get("id"))

    def findings(self, *, since: int) -> Iterator[Finding]:
        return self._ledger.differences(self._rows())

    def _rows(self) -> Iterator[Fact]:
        columns = ("pk", "request", "voter", "decision", "reason", "content_hash", "voted_at")
        rows = Vote.objects.order_by("request", "pk").values_list(*columns)
        for pk, request, voter, decision, reason, content, at in rows.iterator(chunk_size=CHUNK):
            fields = {
                "request": request,
                "decision": decision,
                "reason": reason,
                "content": content,
                "time": utc_text(at),
                "voter": self._people.label(voter),
            }
            yield Fact(pk, f"request {request}", f"vote {pk} on request {request}", fields)


class Renewals:
    """Compares person, reason and time of each approval of a mandate's renewal with its entry."""

    def __init__(self, people: People) -> None:
        self._people = people
        self._ledger = Ledger("renewal")

    def read(self, entry: Entry, request: int) -> None:
        if entry.action != SIGN_RENEWAL:
            return
        named = entry.field("renewal")
        voter = named.get("voter")
        if self._people.is_another(entry.actor, voter):
            self._ledger.refuse(entry, f"says that {entry.actor} approved for {self._people.label(voter)}")
        fields = {
            "mandate": named.get("mandate"),
            "voter": self._people.label(voter),
            "reason": entry.reason,
            "time": entry.at,
        }
        self._ledger.claim(entry, f"request {request}", fields, id=named.get("id"))

    def findings(self, *, since: int) -> Iterator[Finding]:
        return self._ledger.differences(self._rows())

    def _rows(self) -> Iterator[Fact]:
        columns = ("pk", "mandate", "mandate__request", "voter", "reason", "voted_at")
        rows = MandateRenewal.objects.order_by("pk").values_list(*columns)
        for pk, mandate, request, voter, reason, at in rows.iterator(chunk_size=CHUNK):
            fields = {"mandate": mandate, "voter": self._people.label(voter), "reason": reason, "time": utc_text(at)}
            yield Fact(pk, f"request {request}", f"renewal {pk} of mandate {mandate}", fields)
