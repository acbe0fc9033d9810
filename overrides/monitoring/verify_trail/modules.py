"""Versions, policies and modes against their entries: what was put into force, by whom, and which of it is in force."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator

from overrides.models import ModuleMode, ModulePolicy, Version
from overrides.serving.mode import mode_document
from telemetry.core.audit_facts import Entry, Fact, Finding, Ledger, Said, field_differences
from telemetry.foundation.core.canonical_json import utc_text

CHUNK = 2000


class _Numbered:
    """What is numbered within its module, the last of it in force."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._ledger = Ledger(kind)
        self._last: dict[str, tuple[Hashable, int]] = {}  # module -> the one in force, the entry that says so

    def in_force(self, entry: Entry, module: str, id: Hashable) -> None:
        self._last[module] = (id, entry.seq)

    def differences(self, rows: Iterator[tuple[str, bool, Fact]]) -> Iterator[Finding]:
        """Yield what differs; `rows` are each of a module and in force or not."""
        active: list[Finding] = []

        def facts() -> Iterator[Fact]:
            for module, is_active, fact in rows:
                id, seq = self._last.get(module, (None, 0))
                if is_active != (fact.id == id):
                    word = "is" if is_active else "is not"
                    told = f"{word} in force, and audit entry {seq} says that {id or 'none'} is"
                    active.append(Finding(fact.name, told))
                yield fact

        yield from self._ledger.differences(facts())
        yield from active


class Versions(_Numbered):
    """Each version has the content, the constants, the request and the publisher that its entry says."""

    def __init__(self) -> None:
        super().__init__("version")

    def read(self, entry: Entry, name: str) -> None:
        if entry.action != "publish":
            return
        fields = {
            "content hash": entry.says("content_hash"),
            "parameters": entry.says("parameters"),
            "overrides": entry.says("overrides"),
            "publisher": entry.actor,
            "time": entry.at,
        }
        if entry.names_rows:
            fields |= {"kind": entry.says("kind"), "request": entry.says("request")}
        self._ledger.say(entry, name, fields, id=name)
        if entry.says("kind") != Version.Kind.TRIAL:  # the version after a trial follows in the same transaction
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
    """Each policy is the document that its entry says."""

    def __init__(self) -> None:
        super().__init__("policy")

    def read(self, entry: Entry, name: str) -> None:
        if entry.action != "policy":
            return
        fields = {"document": entry.after, "author": entry.actor, "time": entry.at}
        self._ledger.say(entry, name, fields, id=name)
        self.in_force(entry, name.partition("/")[0], name)

    def findings(self, *, since: int) -> Iterator[Finding]:
        return self.differences(self._rows())

    def _rows(self) -> Iterator[tuple[str, bool, Fact]]:
        for row in ModulePolicy.objects.order_by("module", "number").iterator(chunk_size=CHUNK):
            fields = {"document": row.document, "author": row.created_by, "time": utc_text(row.created_at)}
            name = f"{row.module}/{row.number}"
            yield row.module, row.is_active, Fact(name, name, f"policy {name}", fields)


class Modes:
    """Each module's mode is what its last entry says, and was changed as often as there are entries."""

    def __init__(self) -> None:
        self._last: dict[str, Said] = {}
        self._changes: Counter[str] = Counter()

    def read(self, entry: Entry, module: str) -> None:
        if entry.action != "mode":
            return
        self._changes[module] += 1
        fields = {name: entry.says(name) for name in mode_document(None)}
        fields |= {"person": entry.actor, "reason": entry.reason, "time": entry.at}
        self._last[module] = Said(entry.seq, fields)

    def findings(self, *, since: int) -> Iterator[Finding]:
        for row in ModuleMode.objects.select_related("challenger").order_by("module"):
            name, changes = f"mode {row.module}", self._changes[row.module]
            said = self._last.pop(row.module, None)
            if said is None:
                yield Finding(name, "no audit entry says that it was set")
                continue
            fields = mode_document(row)
            fields |= {"person": row.changed_by, "reason": row.reason, "time": utc_text(row.changed_at)}
            yield from field_differences(name, said, fields)
            if row.revision != changes:
                yield Finding(name, f"was changed {row.revision} times, and {changes} audit entries say so")
        for module, said in self._last.items():
            yield Finding(f"mode {module}", f"is not there, and audit entry {said.seq} says that it was set")
