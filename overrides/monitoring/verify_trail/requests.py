"""Requests and votes against their entries, which are about `request <id>`."""

from __future__ import annotations

from collections.abc import Iterator

from overrides.models import ChangeRequest, Vote
from overrides.monitoring.verify_trail.people import People
from overrides.requests.gates import hash_of
from telemetry.core.audit_facts import Entry, Fact, Finding, Ledger, Said, field_differences
from telemetry.foundation.core.canonical_json import utc_text

CHUNK = 2000
DRAFT = "draft"
VOTES = tuple(decision.value for decision in Vote.Decision)


class Requests:
    """Each request is where its last entry says, of the content that this entry names, and its author's who drafted it.

    Of a request that was voted on, the content is hashed anew where its last entry is younger than `since`.
    """

    def __init__(self) -> None:
        self._last: dict[int, Said] = {}
        self._drafted: dict[int, Said] = {}

    def read(self, entry: Entry, request: int) -> None:
        fields = {name: entry.says(name) for name in ("state", "module", "kind", "content")}
        if isinstance(entry.after, dict) and "author" in entry.after:  # entries of older code name none
            fields["author"] = entry.after["author"]
        self._last[request] = Said(entry.seq, fields)
        if entry.action == DRAFT and request not in self._drafted:
            self._drafted[request] = Said(entry.seq, {"author's name": entry.actor, "created": entry.at})

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
            for said in (drafted, last):
                if said is not None:
                    yield from field_differences(f"request {pk}", said, fields)
            if last is not None and last.seq > since:
                yield from _signed_content(pk)
        for pk, said in self._last.items():
            yield Finding(f"request {pk}", f"is not there, and audit entry {said.seq} is about it")


def _signed_content(pk: int) -> Iterator[Finding]:
    """Whether a request that was voted on still holds what its hash says."""
    request = ChangeRequest.objects.filter(pk=pk, votes__isnull=False).first()
    if request is not None:
        recomputed = hash_of(request, list(request.lines.select_related("before__line", "after__line")))
        if recomputed != request.content_hash:
            yield Finding(
                f"request {pk}", f"its content is not what was voted on: its hash is {recomputed}, and votes signed "
                f"{request.content_hash}"
            )  # fmt: skip


class Votes:
    """Each vote is that of the person, on the content, at the time and for the reason that its entry says."""

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
            "content": entry.says("content"),
            "time": entry.at,
        }
        named = entry.says("vote")
        if not isinstance(named, dict):
            if entry.actor in self._people.ids:
                fields["voter"] = self._people.label(self._people.ids[entry.actor])
            self._ledger.say(entry, f"request {request}", fields)
            return
        voter = named.get("voter")
        if self._people.is_another(entry.actor, voter):
            self._ledger.refuse(entry, f"says that {entry.actor} gave the vote of {self._people.label(voter)}")
        self._ledger.say(entry, f"request {request}", fields | {"voter": self._people.label(voter)}, id=named.get("id"))

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
