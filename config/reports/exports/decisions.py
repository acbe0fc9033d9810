"""Export of decisions with their outcomes, and of the contribution of each override to each lever."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from config.reports.exports.selection import CHUNK, Document, Selection
from overrides.core.engine.definitions.levers import LEVERS
from overrides.monitoring.scoring.contributions import contribution_rows
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.models import Decision, DecisionOutcome
from telemetry.models.traced import load_constants

DECISION_FIELDS = (
    "decision_id", "at", "module", "pattern_key", "action_category", "scope", "version", "challenger_version",
    "combiner", "mode", "reason", "flags", "request", "levers", "contributions", "excluded", "challenger", "effect",
    "multipliers", "numeric_build", "format", "latency_us",
)  # fmt: skip
DECISION_COLUMNS = (
    "decision_id", "at", "module", "pattern_key", "action_category", "scope", "version", "challenger_version",
    "combiner", "mode", "reason", "flags", *(f"levers.{name}" for name in LEVERS), "contributions", "excluded",
    "multipliers.product",
    "multipliers.cap_cut", "outcomes.0.trade", "outcomes.0.rr", "outcomes", "numeric_build", "latency_us",
)  # fmt: skip


def decisions(selection: Selection) -> Iterator[Document]:
    """Yield decisions by id (time order), each with the outcomes of the closed trades that named it.

    Trades that named it wrongly come last.
    """
    rows = _selected(selection).order_by("decision_id")
    with transaction.atomic():
        stream = rows.iterator(CHUNK)
        while chunk := list(islice(stream, CHUNK)):
            load_constants(chunk)
            outcomes = _outcomes([row.decision_id for row in chunk])
            for decision in chunk:
                row = {name: getattr(decision, name) for name in DECISION_FIELDS}
                earned = outcomes.get(row["decision_id"], [])
                served = {name: each["served"] for name, each in row["levers"].items()}
                text = {"decision_id": str(row["decision_id"]), "at": utc_text(row["at"])}
                yield row | text | {"levers": served, "lever_detail": row["levers"], "outcomes": earned}


def contributions(selection: Selection) -> Iterator[Document]:
    """Yield a row for each contribution and lever, newest decision first, as in the admin's CSV of decisions."""
    return contribution_rows(_selected(selection))


def _selected(selection: Selection) -> QuerySet[Decision]:
    rows = selection.between(Decision.objects.all(), "at")
    return rows if selection.module is None else rows.filter(module=selection.module)


def _outcomes(ids: list[Any]) -> dict[Any, list[Document]]:
    outcomes: dict[Any, list[Document]] = {}
    rows = DecisionOutcome.objects.filter(decision_id__in=ids).order_by("misfit", "trade__external_id", "action_index")
    shared = ("action_index", "rr", "unattributed", "misfit")
    for row in rows.values("decision_id", "trade__external_id", *shared):
        outcome = {"trade": row["trade__external_id"]} | {name: row[name] for name in shared}
        outcomes.setdefault(row["decision_id"], []).append(outcome)
    return outcomes
