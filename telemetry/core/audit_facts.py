"""Compare what audit entries say about rows with the rows, in both directions.

Every governed row has an entry that says the same, and every such entry has its row. Entries of format 2 name the rows
by id. Those of format 1 do not: they are paired with the rows of their group (the votes on one request, the holds on
one line) in the order in which both were written, and compared in what they do say.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from telemetry.core.hash_chain import Break, Row

NAMES_ROWS = 2  # from this format on an entry names the row that it is about
LONGEST = 120


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not verify: what it is about, and what is wrong with it in words.

    `key` identifies it if its words change from night to night.

    >>> str(Finding("vote 7", "is not there"))
    'vote 7: is not there'
    """

    subject: str
    message: str
    key: str = ""

    def __str__(self) -> str:
        return f"{self.subject}: {self.message}"

    @property
    def identity(self) -> str:
        """The text that stays the same as long as the finding does."""
        return self.key or str(self)

    @classmethod
    def of_break(cls, found: Break) -> Finding:
        """Return a break of the chain as a finding."""
        return cls(f"audit entry {found.seq}", found.message)


@dataclass(frozen=True, slots=True)
class Entry:
    """The content of an audit entry. `before` and `after` are JSON values, `at` is its time as canonical text."""

    seq: int
    format: int
    actor: str
    action: str
    object: str
    reason: str
    before: Any
    after: Any
    at: str

    @property
    def names_rows(self) -> bool:
        """Whether an entry of this format names the rows that it is about."""
        return self.format >= NAMES_ROWS

    def field(self, name: str) -> Any:
        """Return a field of `after`; None if there is none."""
        return self.after.get(name) if isinstance(self.after, dict) else None

    def split(self) -> tuple[str, str]:
        """Return the kind of the object and its name: (`request`, `7`) for `request 7`."""
        kind, _, name = self.object.partition(" ")
        return kind, name


class TrailComparison(Protocol):
    """Compares the rows of one area with the trail: reads every entry in order, then yields what differs."""

    def read(self, entry: Entry) -> None:
        """Take note of an entry."""

    def findings(self, *, since: int) -> Iterator[Finding]:
        """Yield what differs. Slow comparisons may leave out what was verified up to entry `since`; 0 for none."""


class NotReadable(ValueError):
    """The content of an entry does not have the form that `write_audit` gives it."""


def read_entry(row: Row) -> Entry:
    """Return the entry that a row of the chain holds. Raises NotReadable.

    >>> content = '{"action":"mode","actor":"a","after":1,"at":"t","before":null,"object":"mode pm","reason":"r"}'
    >>> read_entry(Row(3, "", "", content)).split()
    ('mode', 'pm')
    """
    try:
        document = json.loads(row.content)
        texts = [document[name] for name in ("actor", "action", "object", "reason", "at")]
        before, after = document["before"], document["after"]
    except (ValueError, KeyError, TypeError) as error:
        raise NotReadable("its content is not that of an entry: it was not written by this system") from error
    if not all(isinstance(text, str) for text in texts):
        raise NotReadable("its content names no actor, action, object, reason and time in words")
    actor, action, object, reason, at = texts
    return Entry(row.seq, row.format, actor, action, object, reason, before, after, at)


def is_of_its_time(row: Row, entry: Entry) -> bool:
    """Return whether an entry is stored with the time that its content names. Format 1 hashes the content alone.

    >>> entry = Entry(1, 1, "", "", "", "", None, None, "2026-03-02T12:00:00Z")
    >>> is_of_its_time(Row(1, "", "", "", written_at="2026-03-02T12:00:00.000000Z"), entry)
    True
    """
    at = entry.at if "." in entry.at else f"{entry.at[:-1]}.000000Z"
    return at == row.written_at


@dataclass(slots=True)
class Claim:
    """What the trail says about one row: the number of the entry that said so first, and the fields."""

    seq: int
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Fact:
    """One row: its id, the group in which entries of format 1 are counted, its name in messages, its fields."""

    id: Hashable
    group: Hashable
    name: str
    fields: Mapping[str, Any]


class Ledger:
    """Everything that the trail says about the rows of one kind."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._by_id: dict[Hashable, Claim] = {}
        self._in_order: dict[Hashable, list[Claim]] = {}
        self._findings: list[Finding] = []

    def claim(self, entry: Entry, group: Hashable, fields: dict[str, Any], id: Hashable | None = None) -> Claim:
        """Note that an entry says that a row was made. Return the claim; later entries may change its fields."""
        claim = Claim(entry.seq, fields)
        if id is None:
            if entry.names_rows:
                self.refuse(entry, f"says {entry.action} of {entry.object} and names no {self._kind}")
            else:
                self._in_order.setdefault(group, []).append(claim)
        elif id in self._by_id:
            self.refuse(entry, f"says of {self._kind} {id} again what audit entry {self._by_id[id].seq} said")
        else:
            self._by_id[id] = claim
        return claim

    def refuse(self, entry: Entry, message: str) -> None:
        """Note what is wrong with an entry by itself."""
        self._findings.append(Finding(f"audit entry {entry.seq}", message))

    def named(self, id: Hashable) -> Claim | None:
        """Return the claim about the row of this id, if an entry has made one so far."""
        return self._by_id.get(id)

    def differences(self, rows: Iterable[Fact]) -> Iterator[Finding]:
        """Yield every difference. `rows` are in the order in which they were made; the claims are used up.

        >>> ledger = Ledger("vote")
        >>> entry = Entry(5, 2, "a", "approve", "request 1", "", None, None, "t")
        >>> _ = ledger.claim(entry, 1, {"voter": "a"}, id=7)
        >>> [str(each) for each in ledger.differences([Fact(7, 1, "vote 7", {"voter": "b"})])]
        ['vote 7: voter is "b", and audit entry 5 says "a"']
        """
        yield from self._findings
        counted: Counter[Hashable] = Counter()
        for row in rows:
            claim = self._by_id.pop(row.id, None)
            if claim is None:
                claim = self._next_of(row.group, counted)
            if claim is None:
                yield Finding(row.name, "no audit entry says that it was made")
            else:
                yield from field_differences(row.name, claim, row.fields)
        yield from self._without_rows(counted)

    def _next_of(self, group: Hashable, counted: Counter[Hashable]) -> Claim | None:
        unnamed = self._in_order.get(group, ())
        counted[group] += 1
        return unnamed[counted[group] - 1] if counted[group] <= len(unnamed) else None

    def _without_rows(self, counted: Counter[Hashable]) -> Iterator[Finding]:
        for id, claim in self._by_id.items():
            yield Finding(f"{self._kind} {id}", f"is not there, and audit entry {claim.seq} says that it was made")
        for group, unnamed in self._in_order.items():
            for claim in unnamed[counted[group] :]:
                message = f"audit entry {claim.seq} says that one was made, and it is not there"
                yield Finding(f"{self._kind} of {group}", message)


def field_differences(name: str, claim: Claim, fields: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield a finding for each field that an entry names and that the row `name` has otherwise."""
    for field, value in claim.fields.items():
        if fields.get(field) != value:
            yield Finding(
                name, f"{field} is {shown(fields.get(field))}, and audit entry {claim.seq} says {shown(value)}"
            )


def shown(value: object) -> str:
    """Return a JSON value for a message, shortened if it is long.

    >>> shown(None), shown("a"), len(shown("a" * 500))
    ('null', '"a"', 121)
    """
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
