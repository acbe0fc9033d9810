"""A closed trade with its actions: strictly parsed from JSON, all refusals at once, then immutable."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal

from telemetry.core.actions import Action, read_action
from telemetry.core.vocabulary import read_book
from telemetry.foundation.core.canonical_json import fact_json, utc_text
from telemetry.foundation.core.fields import EARLIEST, finite, integer, parse_moment, text
from telemetry.foundation.core.objects import Fields, items
from telemetry.foundation.core.refusal import Refused

KEYS = dict.fromkeys((
    "external_id", "revision", "correction_reason", "book", "source", "symbol", "side", "timeframe", "cluster_id",
    "entry_id", "opened_at", "closed_at", "rr", "excluded_reason", "actions",
))  # fmt: skip
CLOCK_SKEW = timedelta(minutes=5)
MOST_ACTIONS = 500
LAST_REVISION = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Trade:
    """One revision of a closed trade.

    - `cluster_id`: trades of one cluster count as evidence once in each cell.
    - `entry_id`: the entry as it was open to every strategy; trades that share it count once where patterns are pooled.
    - `rr`: the realized outcome in R (per unit of risk) per unit of size; None if the trade has no unit of risk, in
      which case `excluded_reason` says so.
    """

    external_id: str
    revision: int
    correction_reason: str | None
    book: str
    source: str | None
    symbol: str
    side: Literal["long", "short"] | None
    timeframe: str | None
    cluster_id: str | None
    entry_id: str | None
    opened_at: datetime
    closed_at: datetime
    rr: float | None
    excluded_reason: str | None
    actions: tuple[Action, ...]

    @property
    def digest(self) -> bytes:
        """sha256 (32 bytes) of the canonical body: every field except revision and correction_reason.

        `entry_id` is in it only if it was sent, so that trades recorded before the field existed keep their digest.
        """
        entry = {} if self.entry_id is None else {"entry_id": self.entry_id}
        body = {
            "external_id": self.external_id,
            "book": self.book,
            "source": self.source,
            "symbol": self.symbol,
            "side": self.side,
            "timeframe": self.timeframe,
            "cluster_id": self.cluster_id,
            "opened_at": self.opened_at,
            "closed_at": self.closed_at,
            "rr": self.rr,
            "excluded_reason": self.excluded_reason,
            "actions": [action.document() for action in self.actions],
            **entry,
        }
        return sha256(fact_json(body).encode()).digest()


def parse_trade(payload: object, *, now: datetime, field: str = "") -> Trade:
    """Parse a trade from its JSON payload; `now` is an aware time. Nothing in it may be over five minutes later.

    Raises one Refused with every refusal, their paths below `field`. An explicit null equals a missing field.

    >>> from datetime import UTC
    >>> payload = {"external_id": "t1", "symbol": "BTC", "opened_at": "2024-05-01T10:00:00Z", "closed_at": "noon",
    ...            "rr": 1e999, "actions": [{}]}
    >>> try:
    ...     parse_trade(payload, now=datetime(2024, 6, 1, tzinfo=UTC), field="trades[3]")
    ... except Refused as refused:
    ...     [refusal.field for refusal in refused.refusals][:3]
    ['trades[3].closed_at', 'trades[3].rr', 'trades[3].actions[0].module']
    """
    try:
        return _read_trade(payload, now + CLOCK_SKEW)
    except Refused as refused:
        raise refused.under(field) from None


def _read_trade(payload: object, latest: datetime) -> Trade:
    fields = Fields(payload, KEYS)
    opened_at = fields.need("opened_at", parse_moment, EARLIEST)
    closed_at = fields.need("closed_at", parse_moment, EARLIEST)
    close = closed_at if fields.sound("closed_at") else None
    trade = Trade(
        external_id=fields.need("external_id", _name, ""),
        revision=fields.take("revision", _revision, 1),
        correction_reason=fields.take("correction_reason", _reason, None),
        book=fields.take("book", read_book, "paper"),
        source=fields.take("source", _name, None),
        symbol=fields.need("symbol", _symbol, ""),
        side=fields.take("side", read_side, None),
        timeframe=fields.take("timeframe", _timeframe, None),
        cluster_id=fields.take("cluster_id", _name, None),
        entry_id=fields.take("entry_id", _name, None),
        opened_at=opened_at,
        closed_at=closed_at,
        rr=fields.take("rr", finite, None),
        excluded_reason=fields.take("excluded_reason", _reason, None),
        actions=fields.need("actions", items(lambda each: read_action(each, close), least=1, most=MOST_ACTIONS), ()),
    )
    _refuse_contradictions(fields, trade, latest)
    fields.close()
    return trade


def _refuse_contradictions(fields: Fields, trade: Trade, latest: datetime) -> None:
    if trade.rr is None and trade.excluded_reason is None and fields.sound("rr", "excluded_reason"):
        fields.refuse("rr", "missing; this field is required")
    refuse_revision(fields, trade.revision, trade.correction_reason)
    if fields.sound("closed_at"):
        if fields.sound("opened_at") and trade.closed_at < trade.opened_at:
            fields.refuse("closed_at", f"lies before opened_at ({utc_text(trade.opened_at)}); correct one of them")
        if trade.closed_at > latest:
            fields.refuse("closed_at", f"lies in the future (latest {utc_text(latest)}); send trades once they closed")
    named_before: set[str] = set()
    for index, action in enumerate(trade.actions):
        if action.known_at is not None and action.known_at > latest:
            message = (
                f"lies in the future (latest {utc_text(latest)}), so its results cannot be in this trade yet; send the "
                "trade once they are known, or now without them and then as a correction"
            )
            fields.refuse(f"actions[{index}].known_at", message)
        if not named_before.isdisjoint(action.decision_ids):
            repeated = ", ".join(sorted(named_before.intersection(action.decision_ids)))
            message = f"{repeated} belongs to an earlier action; a decision answers for one action, name it there only"
            fields.refuse(f"actions[{index}].decision_ids", message)
        named_before.update(action.decision_ids)


def refuse_revision(fields: Fields, revision: int, reason: str | None) -> None:
    """Refuse a correction without a reason, and a reason without a correction."""
    if fields.sound("revision", "correction_reason"):
        if revision > 1 and reason is None:
            fields.refuse("correction_reason", f"missing; say why revision {revision} corrects the one before")
        if revision == 1 and reason is not None:
            fields.refuse("correction_reason", "given for a first revision; send revision 2 or above, or leave it out")


def read_side(value: object) -> Literal["long", "short"]:
    """Return the side of a position. Raises Refused."""
    if value == "long" or value == "short":
        return "long" if value == "long" else "short"
    raise Refused.because("is unknown; send long or short, or leave it out")


_name = text(200)
_reason = text(2000)
_symbol = text(60)
_timeframe = text(40)
_revision = integer(1, LAST_REVISION)
