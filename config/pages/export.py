"""Facts and opinions out, as JSON values one by one: trades, decisions with what they earned, lessons."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from types import MappingProxyType
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Prefetch, QuerySet

from learning.core.movement import LESSON_NAMES
from learning.models import Lesson
from overrides.core.levers import LEVERS
from telemetry.core.canonical import utc_text
from telemetry.core.documents import EXACT
from telemetry.models import Action, Decision, DecisionOutcome, Trade

CHUNK = 2_000

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows: times are [since, until), `module` None for both, `all_revisions` for superseded trades too."""

    since: datetime | None = None
    until: datetime | None = None
    module: str | None = None
    all_revisions: bool = False

    def between(self, rows: QuerySet[Any], time: str) -> QuerySet[Any]:
        if self.since is not None:
            rows = rows.filter(**{f"{time}__gte": self.since})
        return rows if self.until is None else rows.filter(**{f"{time}__lt": self.until})


@dataclass(frozen=True, slots=True)
class Export:
    """One kind of row, and its columns as CSV: dotted ones reach into objects."""

    documents: Callable[[Selection], Iterator[Document]]
    columns: tuple[str, ...]


def trades(selection: Selection) -> Iterator[Document]:
    """Trades by closing time in the form that `import_trades` takes; with all revisions by id, each after the last.

    Imported where they come from they are unchanged. An empty database takes corrected trades with all revisions only.
    """
    rows = selection.between(Trade.objects.all(), "closed_at")
    if selection.module is not None:
        rows = rows.filter(Exists(Action.objects.filter(trade=OuterRef("pk"), module=selection.module)))
    if selection.all_revisions:
        rows = rows.order_by("external_id", "revision")
    else:
        rows = rows.filter(is_current=True).order_by("closed_at", "id")
    actions = Prefetch("actions", Action.objects.order_by("trade_id", "index"))
    with transaction.atomic():
        for trade in rows.prefetch_related(actions).iterator(CHUNK):
            yield _said({name: getattr(trade, name) for name in TRADE_FIELDS}) | {
                "opened_at": utc_text(trade.opened_at),
                "closed_at": utc_text(trade.closed_at),
                "rr": trade.rr,
                "actions": [_action(action) for action in trade.actions.all()],
            }


def _action(action: Action) -> Document:
    optional = {name: getattr(action, name) for name in ("scope", "fraction", "leg_rr", "rr_after", "counterfactuals")}
    return {
        "module": action.module,
        "pattern_key": action.pattern_key,
        "action_category": action.action_category,
        "at": utc_text(action.at),
        **_said(optional),
        **_said({"decision_ids": [str(each) for each in action.decision_ids], "controls": _floats(action.controls)}),
        **action.buckets,
    }


def _said(values: Mapping[str, Any]) -> Document:
    """Without what says nothing; 0.0 says something."""
    return {name: value for name, value in values.items() if value is not None and value not in ("", {}, [])}


def _floats(value: Any) -> Any:
    """JSON columns give 1e20 back as a whole number. None beyond 2^53 was let in, so each such was a float."""
    if isinstance(value, dict):
        return {key: _floats(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_floats(each) for each in value]
    return float(value) if isinstance(value, int) and abs(value) > EXACT else value


def decisions(selection: Selection) -> Iterator[Document]:
    """Decisions by id, which is by time, each with the outcomes of the closed trades that named it."""
    rows = selection.between(Decision.objects.order_by("decision_id"), "at")
    if selection.module is not None:
        rows = rows.filter(module=selection.module)
    with transaction.atomic():
        stream = rows.values(*DECISION_FIELDS).iterator(CHUNK)
        while chunk := list(islice(stream, CHUNK)):
            outcomes = _outcomes([row["decision_id"] for row in chunk])
            for row in chunk:
                earned = outcomes.get(row["decision_id"], [])
                served = {name: each["served"] for name, each in row["levers"].items()}
                text = {"decision_id": str(row["decision_id"]), "at": utc_text(row["at"])}
                yield row | text | {"levers": served, "lever_detail": row["levers"], "outcomes": earned}


def _outcomes(ids: list[Any]) -> dict[Any, list[Document]]:
    found: dict[Any, list[Document]] = {}
    rows = DecisionOutcome.objects.filter(decision_id__in=ids).order_by("trade__external_id", "action_index")
    for row in rows.values("decision_id", "trade__external_id", "action_index", "rr", "unattributed"):
        outcome = {"trade": row["trade__external_id"], "action_index": row["action_index"], "rr": row["rr"]}
        found.setdefault(row["decision_id"], []).append(outcome | {"unattributed": row["unattributed"]})
    return found


def lessons(selection: Selection) -> Iterator[Document]:
    """Lessons by pattern, action and line; their time is that of the builder run that spoke of them last."""
    rows = selection.between(Lesson.objects.select_related("run"), "run__as_of")
    if selection.module is not None:
        rows = rows.filter(module=selection.module)
    with transaction.atomic():
        for lesson in rows.order_by("module", "pattern_key", "action_category", "line_id").iterator(CHUNK):
            fields = {name: getattr(lesson, name) for name in LESSON_FIELDS}
            yield fields | {"as_of": utc_text(lesson.run.as_of), "stats": lesson.stats, "targets": lesson.targets}


TRADE_FIELDS = (
    "external_id", "revision", "correction_reason", "book", "source", "symbol", "side", "timeframe", "cluster_id",
    "excluded_reason",
)  # fmt: skip
DECISION_FIELDS = (
    "decision_id", "at", "module", "pattern_key", "action_category", "scope", "version", "challenger_version",
    "combiner", "mode", "reason", "flags", "request", "levers", "contributions", "excluded", "challenger", "effect",
    "numeric_build", "latency_us",
)  # fmt: skip
LESSON_FIELDS = (
    "line_id", "type", "policy", "module", "pattern_key", "action_category", "scope", "n_dims", "status", "weight",
)  # fmt: skip
LESSON_STATS = (
    "edge_raw", "n", "variance", "half_life_days", "updated_at", "baseline", "incremental_edge", "updates",
)  # fmt: skip

EXPORTS: Mapping[str, Export] = MappingProxyType(
    {
        "trades": Export(trades, (*TRADE_FIELDS, "opened_at", "closed_at", "rr", "actions")),
        "decisions": Export(
            decisions,
            (
                *DECISION_FIELDS[:12],
                *(f"levers.{name}" for name in LEVERS),
                *("contributions", "excluded", "outcomes", "numeric_build", "latency_us"),
            ),
        ),
        "lessons": Export(
            lessons,
            (
                *LESSON_FIELDS,
                "as_of",
                *(f"stats.{name}" for name in LESSON_STATS),
                *(f"targets.{LESSON_NAMES.get(name, name)}" for name in LEVERS),
            ),
        ),
    }
)
