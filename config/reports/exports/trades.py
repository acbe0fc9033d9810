"""Export of trades in the format that `import_trades` reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Prefetch

from config.reports.exports.selection import CHUNK, Document, Selection
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.foundation.core.documents import EXACT
from telemetry.models import Action, Trade

TRADE_FIELDS = (
    "external_id", "revision", "correction_reason", "book", "source", "symbol", "side", "timeframe", "cluster_id",
    "entry_id", "excluded_reason",
)  # fmt: skip
OPTIONAL = ("scope", "fraction", "leg_rr", "rr_after", "counterfactuals", "replays", "taken_arms")
TRADE_COLUMNS = (*TRADE_FIELDS, "opened_at", "closed_at", "rr", "actions")


def trades(selection: Selection) -> Iterator[Document]:
    """Yield trades by closing time, as `import_trades` reads them; with all revisions by id, in order of revision.

    Importing them where they came from changes nothing. Importing corrected trades into an empty database needs all
    revisions.
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
            yield _present({name: getattr(trade, name) for name in TRADE_FIELDS}) | {
                "opened_at": utc_text(trade.opened_at),
                "closed_at": utc_text(trade.closed_at),
                **_present({"rr": trade.rr}),
                "actions": [_action(action) for action in trade.actions.all()],
            }


def _action(action: Action) -> Document:
    optional = {name: getattr(action, name) for name in OPTIONAL}
    return {
        "module": action.module,
        "pattern_key": action.pattern_key,
        "action_category": action.action_category,
        "at": utc_text(action.at),
        **_present(optional),
        **({} if action.known_at is None else {"known_at": utc_text(action.known_at)}),
        **_present({"decision_ids": [str(each) for each in action.decision_ids], "applied": action.applied}),
        **_present({"controls": _floats(action.controls)}),
        **action.buckets,
    }


def _present(values: Mapping[str, Any]) -> Document:
    """Return the values that are present; 0.0 is a value."""
    return {name: value for name, value in values.items() if value is not None and value not in ("", {}, [])}


def _floats(value: Any) -> Any:
    """Convert whole numbers beyond 2^53 to floats: JSON columns return 1e20 as an integer, and none is accepted."""
    if isinstance(value, dict):
        return {key: _floats(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_floats(each) for each in value]
    return float(value) if isinstance(value, int) and abs(value) > EXACT else value
