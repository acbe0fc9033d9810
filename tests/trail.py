"""The audit trail as its owner could rewrite it, with every trigger switched off."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import connection

from telemetry.audit.audit_log import chain_rows
from telemetry.core.hash_chain import GENESIS, Row, linked
from telemetry.foundation.core.canonical_json import fact_json
from telemetry.models import AuditEntry
from tests.builders import without_triggers

NEW_IN_FORMAT_2 = ("vote", "author", "request", "hold", "placed_by", "quarantine")
COLUMNS = "seq, previous_hash, hash, content, format, written_at, transaction, epoch"


def execute(statement: str, *values: Any) -> None:
    """Run a statement that no trigger sees."""
    with without_triggers(), connection.cursor() as cursor:
        cursor.execute(statement, values)


def hashed_anew(rows: Iterable[Row]) -> list[Row]:
    """The rows numbered and linked as a whole chain that verifies."""
    chain: list[Row] = []
    for number, row in enumerate(rows, start=1):
        previous = chain[-1].hash if chain else GENESIS
        chain.append(linked(replace(row, seq=number, previous_hash=previous)))
    return chain


def store(rows: Iterable[Row]) -> None:
    """Put these rows in the place of the whole trail."""
    with without_triggers(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM telemetry_auditentry")
        for row in rows:
            values = (row.seq, row.previous_hash, row.hash, row.content, row.format)
            at = datetime.fromisoformat(row.written_at)
            cursor.execute(
                f"INSERT INTO telemetry_auditentry ({COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                [*values, at, row.transaction, row.epoch],
            )


def rewrite(change: Callable[[dict[str, Any]], object], *, seq: int) -> None:
    """Change what one entry says, and hash it and all that follow anew."""
    rows = []
    for row in chain_rows():
        content = json.loads(row.content)
        if row.seq == seq:
            change(content)
        rows.append(replace(row, content=fact_json(content)))
    store(hashed_anew(rows))


def as_it_was_written_before() -> None:
    """The trail in format 1, whose entries name no rows, and none of them the mandates."""
    rows = []
    for row in chain_rows(AuditEntry.objects.exclude(action="mandates")):
        content = json.loads(row.content)
        if isinstance(content["after"], dict) and content["action"] != "policy":
            kept = {name: value for name, value in content["after"].items() if name not in NEW_IN_FORMAT_2}
            if content["action"] == "publish":
                del kept["kind"]
            content["after"] = kept or None
        rows.append(replace(row, format=1, content=fact_json(content)))
    store(hashed_anew(rows))
