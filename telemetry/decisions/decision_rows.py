"""The rows in which decisions are stored: a trace where it says all, otherwise documents; the constants it names."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from telemetry.core.decision_trace.bytes_read import Unpackable
from telemetry.core.decision_trace.constants import Constants
from telemetry.core.decision_trace.trace import Moved, Served, pack
from telemetry.foundation.bulk_copy import copy_rows
from telemetry.foundation.core.canonical_json import fact_json
from telemetry.models import Decision
from telemetry.models.traced import AS_ASKED

HEAD = (
    "decision_id", "module", "pattern_key", "action_category", "scope", "at", "version", "challenger_version",
    "combiner", "mode", "reason", "flags", "request", "numeric_build", "format", "latency_us", "key",
)  # fmt: skip
DOCUMENTS = ("levers", "contributions", "excluded", "challenger", "effect", "multipliers")
COLUMNS = (*HEAD, *DOCUMENTS)
TRACE = ("trace", "movers")

STORE = """
INSERT INTO telemetry_decisionconstants (key, override_id, line_id, packed)
SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::bytea[]) ON CONFLICT (key) DO NOTHING
"""
HELD = "SELECT key, override_id, line_id, packed FROM telemetry_decisionconstants WHERE key = ANY(%s)"


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
        """Return the values in the order of HEAD."""
        return (
            self.decision_id, self.module, self.pattern_key, self.action_category, fact_json(self.scope), self.at,
            self.version, self.challenger_version, self.combiner, self.mode, self.reason,
            "{" + ",".join(self.flags) + "}", fact_json(request), self.numeric_build, self.format, self.latency_us,
            self.key,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class StoredRow:
    """One decision as it is written: the columns of HEAD, and a trace with its movers or else the documents."""

    head: tuple[Any, ...]
    trace: bytes | None
    movers: Sequence[int]
    documents: tuple[Any, ...] = ()

    @property
    def decision_id(self) -> uuid.UUID:
        """The decision's id."""
        found: uuid.UUID = self.head[0]
        return found


def stored_row(record: DecisionRecord) -> tuple[StoredRow, Iterable[Constants]]:
    """Return a record as a row, and the constants that the row names."""
    served = Served(record.levers, record.challenger, record.multipliers)
    try:
        request = short_request(record.request)
        packed = pack(served, Moved(record.contributions, record.excluded, record.effect))
    except Unpackable:
        return StoredRow(record.head(record.request), None, (), record.row()[len(HEAD) :]), ()
    return StoredRow(record.head(request), packed.content, packed.movers), packed.constants


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


def store_constants(constants: Iterable[Constants]) -> None:
    """Store constants that are not stored yet. Raises ValueError if two of them have one key, a chance of 1 in 10^7."""
    by_key = {each.key: each for each in constants}
    if not by_key:
        return
    values = list(by_key.values())
    with connection.cursor() as cursor:
        columns = [each.override for each in values], [each.line for each in values], [each.packed for each in values]
        cursor.execute(STORE, [list(by_key), *columns])
        cursor.execute(HELD, [list(by_key)])
        for key, override, line, packed in cursor.fetchall():
            if by_key[key] != Constants(override, line, bytes(packed)):
                raise ValueError(f"the constants of override {by_key[key].override} have the key of others: {key}")


def write_rows(rows: Sequence[StoredRow]) -> int:
    """Write rows inside the caller's transaction, one COPY for each of the two forms; return their number."""
    traced = [(*row.head, row.trace, list(row.movers) or None) for row in rows if row.trace is not None]
    whole = [(*row.head, *row.documents) for row in rows if row.trace is None]
    written = copy_rows(Decision, (*HEAD, *TRACE), traced) if traced else 0
    return written + (copy_rows(Decision, COLUMNS, whole) if whole else 0)
