"""The rows in which decisions are stored: a trace where it says all, otherwise documents; the constants it names."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Protocol

from django.db import IntegrityError, connection

from telemetry.core.decision_trace.bytes_read import Unpackable
from telemetry.core.decision_trace.constants import Constants
from telemetry.core.decision_trace.trace import Moved, Served, pack
from telemetry.foundation.bulk_copy import copy_binary, copy_rows
from telemetry.foundation.core import binary_copy
from telemetry.foundation.core.canonical_json import fact_json
from telemetry.models import Decision
from telemetry.models.traced import AS_ASKED

HEAD = (
    "decision_id", "module", "pattern_key", "action_category", "scope", "at", "version", "challenger_version",
    "combiner", "mode", "reason", "flags", "request", "numeric_build", "format", "latency_us", "key",
)  # fmt: skip
DOCUMENTS = ("levers", "contributions", "excluded", "challenger", "effect", "multipliers")
COLUMNS = (*HEAD, *DOCUMENTS)
TRACED = (*HEAD, "trace", "movers")
COUNTED = binary_copy.counted(len(TRACED))

STORE = """
INSERT INTO telemetry_decisionconstants (key, override_id, line_id, packed)
SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::bytea[]) ON CONFLICT (key) DO NOTHING
"""
COUNT = "SELECT count(*) FROM telemetry_decisionconstants WHERE key = ANY(%s)"
HELD = "SELECT key, override_id, line_id, packed FROM telemetry_decisionconstants WHERE key = ANY(%s)"


class Head(Protocol):
    """What is stored of every decision in columns of its own, beside its scope and its request."""

    @property
    def decision_id(self) -> uuid.UUID: ...
    @property
    def module(self) -> str: ...
    @property
    def pattern_key(self) -> str: ...
    @property
    def action_category(self) -> str: ...
    @property
    def at(self) -> datetime: ...
    @property
    def version(self) -> int | None: ...
    @property
    def challenger_version(self) -> int | None: ...
    @property
    def combiner(self) -> str: ...
    @property
    def mode(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def flags(self) -> tuple[str, ...]: ...
    @property
    def numeric_build(self) -> str: ...
    @property
    def format(self) -> int | None: ...
    @property
    def latency_us(self) -> float | None: ...
    @property
    def key(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """Everything one answer was computed from, unrounded, ready to be written (docs/design.md 16).

    `format` is that of the engine that answered; None stands for the first. `key` is the prefix of the API key.
    """

    decision_id: uuid.UUID
    module: str
    pattern_key: str
    action_category: str
    scope: Mapping[str, str]
    at: datetime
    version: int | None
    challenger_version: int | None
    combiner: str
    mode: str
    reason: str
    flags: tuple[str, ...]
    request: Mapping[str, Any]
    levers: Mapping[str, Any]
    contributions: Sequence[Any]
    excluded: Sequence[Any]
    challenger: Mapping[str, Any] | None
    effect: Mapping[str, Any]
    numeric_build: str
    latency_us: float | None
    multipliers: Mapping[str, Any] | None = None
    format: int | None = None
    key: str | None = None

    def row(self) -> tuple[Any, ...]:
        """Return the values in the order of COLUMNS, JSON values as canonical text."""
        return (*self.head(self.request), *(_text(getattr(self, name)) for name in DOCUMENTS))

    def head(self, request: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return the values in the order of HEAD, as COPY takes them as text."""
        return (
            self.decision_id, self.module, self.pattern_key, self.action_category, fact_json(self.scope), self.at,
            self.version, self.challenger_version, self.combiner, self.mode, self.reason,
            "{" + ",".join(self.flags) + "}", fact_json(request), self.numeric_build, self.format, self.latency_us,
            self.key,
        )  # fmt: skip


StoredRow = bytes | tuple[Any, ...]  # with a trace, in binary form; or with documents, in the order of COLUMNS


def stored_row(record: DecisionRecord) -> tuple[StoredRow, Iterable[Constants]]:
    """Return a record as a row, and the constants that the row names."""
    served = Served(record.levers, record.challenger, record.multipliers)
    try:
        request = short_request(record.request)
        packed = pack(served, Moved(record.contributions, record.excluded, record.effect))
    except Unpackable:
        return record.row(), ()
    scope, asked = fact_json(record.scope).encode(), fact_json(request).encode()
    return traced_row(record, scope, asked, packed.content, packed.movers), packed.constants


def traced_row(head: Head, scope: bytes, request: bytes, trace: bytes, movers: Sequence[int]) -> bytes:
    """Return a row of TRACED in binary form; `scope` and `request` are JSON text."""
    how = head.version, head.challenger_version, head.combiner, head.mode, head.reason, head.flags
    return binary_row(
        head.decision_id,
        packed_words(head.module, head.pattern_key, head.action_category),
        scope,
        head.at,
        packed_how(*how),
        request,
        packed_build(head.numeric_build, head.format),
        head.latency_us,
        head.key,
        trace,
        binary_copy.bigints(movers),
    )


def binary_row(
    decision_id: uuid.UUID,
    action: bytes,
    scope: bytes,
    at: datetime,
    how: bytes,
    request: bytes,
    build: bytes,
    latency_us: float | None,
    key: str | None,
    trace: bytes,
    movers: bytes,
) -> bytes:
    """Return a row of TRACED in binary form; `scope` and `request` are JSON text, `trace` is a trace.

    The others are in this form: `action` has module, pattern and category, `how` is of `packed_how`, `build` of
    `packed_build`, and `movers` is an array of keys.
    """
    return b"".join(
        (
            COUNTED, binary_copy.raw(decision_id.bytes), action, binary_copy.json(scope), binary_copy.moment(at), how,
            binary_copy.json(request), build, binary_copy.double(latency_us), binary_copy.optional_text(key),
            binary_copy.raw(trace), movers,
        )
    )  # fmt: skip


@lru_cache(20_000)
def packed_words(*values: str) -> bytes:
    """Return text of neighbouring columns in binary form; most of it repeats, so it is remembered."""
    return b"".join(map(binary_copy.text, values))


@lru_cache(20_000)
def packed_how(
    version: int | None, challenger: int | None, combiner: str, mode: str, reason: str, flags: tuple[str, ...]
) -> bytes:
    """Return in binary form how a decision was answered, as `packed_words` does."""
    numbers = binary_copy.integer(version) + binary_copy.integer(challenger)
    return numbers + packed_words(combiner, mode, reason) + binary_copy.words(flags)


@lru_cache(100)
def packed_build(numeric_build: str, number: int | None) -> bytes:
    """Return in binary form what computed a decision, and the format of its engine."""
    return binary_copy.text(numeric_build) + binary_copy.small(number)


def short_request(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a request without what most requests leave open. Raises Unpackable if it does not say all of that.

    >>> short_request({"current": {}, "rollout_key": None, "base_allocation": 250.0})
    {'base_allocation': 250.0}
    """
    if not AS_ASKED.keys() <= request.keys():
        raise Unpackable("the request lacks fields that reading it would add")
    return {name: value for name, value in request.items() if name not in AS_ASKED or value != AS_ASKED[name]}


def _text(value: Any) -> str | None:
    return None if value is None else fact_json(value)


def store_constants(by_key: Mapping[int, Constants]) -> None:
    """Store constants that are not stored yet, which most batches find in one statement to be none.

    Raises IntegrityError if others are stored with one of the keys: 1 in 10^7 for a million constants.
    """
    if not by_key:
        return
    values = list(by_key.values())
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [list(by_key)])
        if cursor.fetchone()[0] == len(by_key):
            return
        columns = [each.override for each in values], [each.line for each in values], [each.packed for each in values]
        cursor.execute(STORE, [list(by_key), *columns])
        cursor.execute(HELD, [list(by_key)])
        for key, override, line, packed in cursor.fetchall():
            if by_key[key] != Constants(override, line, bytes(packed)):
                raise IntegrityError(f"the constants of override {by_key[key].override} have the key of others: {key}")


def write_rows(rows: Sequence[StoredRow]) -> int:
    """Write rows inside the caller's transaction, one COPY for each of the two forms; return their number."""
    traced = [row for row in rows if isinstance(row, bytes)]
    whole = [row for row in rows if not isinstance(row, bytes)]
    written = copy_binary(Decision, TRACED, traced) if traced else 0
    return written + (copy_rows(Decision, COLUMNS, whole) if whole else 0)
