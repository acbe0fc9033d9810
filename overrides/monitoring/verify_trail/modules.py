"""Compare versions, policies and modes with their entries: their content, who put them into force, which is active."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator

from overrides.models import ModuleMode, ModulePolicy, Version, VersionKind
from overrides.serving.mode import FIELDS, mode_document
from telemetry.core.audit_facts import Claim, Entry, Fact, Finding, Ledger, field_differences
from telemetry.foundation.core.canonical_json import utc_text

CHUNK = 2000
MODE_FIELDS = (*FIELDS, "rollout_salt")


class _Numbered:
    """Rows that are numbered within a module, of which the last one is in force."""

    def __init__(self, kind: str) -> None:
        self._ledger = Ledger(kind)
        self._last: dict[str, tuple[Hashable, int]] = {}  # module -> the one in force, the entry that says so

    def in_force(self, entry: Entry, module: str, id: Hashable) -> None:
        self._last[module] = (id, entry.seq)

    def differences(self, rows: Iterator[tuple[str, bool, Fact]]) -> Iterator[Finding]:
        """Yield what differs. Each row comes with its module and whether it is in force."""
        active: list[Finding] = []

        def facts() -> Iterator[Fact]:
            for module, is_active, fact in rows:
                id, seq = self._last.get(module, (None, 0))
                if is_active != (fact.id == id):
                    word = "is" if is_active else "is not"
                    message = f"{word} in force, and audit entry {seq} says that {id or 'none'} is"
                    active.append(Finding(fact.name, message))
                yield fact

        yield from self._ledger.differences(facts())
        yield from active


class Versions(_Numbered):
    """Compares content hash, parameters, request and publisher of each version with its entry."""

    def __init__(self) -> None:
        super().__init__("version")

    def read(self, entry: Entry, name: str) -> None:
        if entry.action != "publish":
            return
        fields = {
            "content hash": entry.field("content_hash"),
            "parameters": entry.field("parameters"),
            "overrides": entry.field("overrides"),
            "publisher": entry.actor,
            "time": entry.at,
        }
        if entry.names_rows:
            fields |= {"kind": entry.field("kind"), "request": entry.field("request")}
        self._ledger.claim(entry, name, fields, id=name)
        if entry.field("kind") != VersionKind.TRIAL:  # the version after a trial follows in the same transaction
            self.in_force(entry, name.partition("/")[0], name)

    def findings(self, *, since: int) -> Iterator[Finding]:
        return self.differences(self._rows())

    def _rows(self) -> Iterator[tuple[str, bool, Fact]]:
        rows = Version.objects.defer("config_data", "coefficients").order_by("module", "number")
        for row in rows.iterator(chunk_size=CHUNK):
            fields = {
                "content hash": row.content_hash,
                "parameters": row.parameters_id,
                "overrides": row.n_overrides,
                "publisher": row.published_by,
                "time": utc_text(row.published_at),
                "kind": row.kind,
                "request": row.request_id,
            }
            name = f"{row.module}/{row.number}"
            yield row.module, row.is_active, Fact(name, name, f"version {name}", fields)


class Policies(_Numbered):
    """Compares the document of each policy with its entry."""

    def __init__(self) -> None:
        super().__init__("policy")

    def read(self, entry: Entry, name: str) -> None:
        if entry.action != "policy":
            return
        fields = {"document": entry.after, "author": entry.actor, "time": entry.at}
        self._ledger.claim(entry, name, fields, id=name)
        self.in_force(entry, name.partition("/")[0], name)

    def findings(self, *, since: int) -> Iterator[Finding]:
        return self.differences(self._rows())

    def _rows(self) -> Iterator[tuple[str, bool, Fact]]:
        for row in ModulePolicy.objects.order_by("module", "number").iterator(chunk_size=CHUNK):
            fields = {"document": row.document, "author": row.created_by, "time": utc_text(row.created_at)}
            name = f"{row.module}/{row.number}"
            yield row.module, row.is_active, Fact(name, name, f"policy {name}", fields)


class Modes:
    """Compares the mode of each module with its last entry, and the number of changes with that of entries."""

    def __init__(self) -> None:
        self._last: dict[str, Claim] = {}
        self._changes: Counter[str] = Counter()

    def read(self, entry: Entry, module: str) -> None:
        if entry.action != "mode":
            return
        self._changes[module] += 1
        fields = {name: entry.field(name) for name in MODE_FIELDS}
        fields |= {"person": entry.actor, "reason": entry.reason, "time": entry.at}
        self._last[module] = Claim(entry.seq, fields)

    def findings(self, *, since: int) -> Iterator[Finding]:
        for row in ModuleMode.objects.select_related("challenger").order_by("module"):
            name, changes = f"mode {row.module}", self._changes[row.module]
            claim = self._last.pop(row.module, None)
            if claim is None:
                yield Finding(name, "no audit entry says that it was set")
                continue
            document = mode_document(row)
            fields = {name: document.get(name) for name in MODE_FIELDS}
            fields |= {"person": row.changed_by, "reason": row.reason, "time": utc_text(row.changed_at)}
            yield from field_differences(name, claim, fields)
            if row.revision != changes:
                yield Finding(name, f"was changed {row.revision} times, and {changes} audit entries say so")
        for module, claim in self._last.items():
            yield Finding(f"mode {module}", f"is not there, and audit entry {claim.seq} says that it was set")
