"""Find out what is recorded already of the trades in a file: under which id, as which revision, and what differs.

Files carry no revisions. A trade whose body is recorded as any revision is unchanged; so is one that was recorded under
an earlier coding. A newer export of a bot's own trades becomes the next revision, with a reason that names what
changed. A backtest's trade is never revised by another run; only its book and source can be corrected, and context from
price bars can be added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from telemetry.core.file_formats.exclusions import WITHOUT_UNIT
from telemetry.core.file_formats.file_rows import Row
from telemetry.core.trades import Trade, parse_trade
from telemetry.core.unit_of_risk import Unit
from telemetry.foundation.core.refusal import Refusal, Refused, shown
from telemetry.models import Action
from telemetry.models import Trade as Recorded
from telemetry.recording.share_clusters import share_clusters

CONTEXT_ADDED = "context from price bars added"
DECISIONS_ADDED = "decisions from the bot's journal added"
CONTEXT_FIELDS = frozenset(
    {"scope", "rr_after", "leg_rr", "known_at", "counterfactuals", "buckets", "replays", "taken_arms"}
)
_FIELDS = (
    "book", "source", "symbol", "side", "timeframe", "cluster_id", "entry_id", "opened_at", "closed_at", "rr",
    "excluded_reason",
)  # fmt: skip
_MENDABLE = frozenset({"book", "source"})
_OF_JOURNAL = frozenset({"decision_ids", "applied"})
_MOST_NAMED = 6


@dataclass(frozen=True, slots=True)
class Read:
    """A trade as it was read from a row; `has_context` says whether price bars or a bot's journal added to it."""

    row: Row
    trade: Trade
    has_context: bool = False


@dataclass(frozen=True, slots=True)
class Matched:
    """The trade to record, or none: because it is unchanged, or because of refusals."""

    trade: Trade | None
    external_id: str
    refusals: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True)
class _Standing:
    """The revisions of one recorded trade by digest, and its current row."""

    revisions: dict[bytes, int]
    current: Recorded

    @property
    def next_revision(self) -> int:
        return max(self.revisions.values()) + 1


def match_recorded(read: Sequence[Read], *, now: datetime, correction: str | None = None) -> list[Matched]:
    """Return for each trade what is to be recorded of it; `correction` is the reason to change its book or source.

    Trades that state revisions of their own (`row.family` is None) are returned as they are.
    """
    ids = {each.trade.external_id for each in read if each.row.family is not None}
    ids |= {str(earlier["external_id"]) for each in read for earlier in _earlier(each.row)}
    standing = _standing(ids)
    shared = share_clusters([None if each.row.family is None else each.trade for each in read])
    return [
        _match(each if trade is None else replace(each, trade=trade), standing, now, correction)
        for each, trade in zip(read, shared, strict=True)
    ]


def _earlier(row: Row) -> list[dict[str, Any]]:
    return [each for each in row.earlier if isinstance(each, dict)]


def _standing(ids: set[str]) -> dict[str, _Standing]:
    revisions: dict[str, dict[bytes, int]] = {}
    current: dict[str, Recorded] = {}
    for trade in Recorded.objects.filter(external_id__in=ids):
        revisions.setdefault(trade.external_id, {})[bytes(trade.digest)] = trade.revision
        if trade.is_current:
            current[trade.external_id] = trade
    return {name: _Standing(revisions[name], trade) for name, trade in current.items()}


WITHOUT_BARS = "was recorded with context from price bars: give the same --bars to move it to another book or source"


def _match(read: Read, standing: dict[str, _Standing], now: datetime, correction: str | None) -> Matched:
    row, trade = read.row, read.trade
    names = [trade.external_id, *(str(each["external_id"]) for each in _earlier(row))]
    name = next((each for each in names if each in standing), None)
    if row.family is None or name is None:
        return Matched(trade, trade.external_id)
    stands = standing[name]
    trade = replace(trade, external_id=name)
    if trade.digest in stands.revisions:
        return Matched(None, name)
    bodies = [trade, *_parsed(row, name, now)]
    if any(body.digest in stands.revisions for body in bodies):
        return _next(trade, stands, _added(trade, stands.current)) if read.has_context else Matched(None, name)
    return _changed(read, trade, bodies, stands, correction)


def _added(trade: Trade, current: Recorded) -> str:
    """Return what was added to a trade that is recorded without it."""
    fields = {path.rpartition(".")[2] for path in _differing(current, trade)}
    bars = fields & (CONTEXT_FIELDS | {"rr"}) or not fields & _OF_JOURNAL
    reasons = [CONTEXT_ADDED] if bars else []
    return "; ".join([*reasons, DECISIONS_ADDED] if fields & _OF_JOURNAL else reasons)


def _parsed(row: Row, name: str, now: datetime) -> list[Trade]:
    """Return the earlier bodies of a trade under the id that stands."""
    bodies = []
    for payload in _earlier(row):
        try:
            bodies.append(replace(parse_trade(payload, now=now), external_id=name))
        except Refused:
            continue  # a body that could not be recorded is not recorded
    return bodies


def _changed(read: Read, trade: Trade, bodies: Sequence[Trade], stands: _Standing, correction: str | None) -> Matched:
    """Return what to do with a trade that differs from every recorded revision."""
    row, current = read.row, stands.current
    moved = [field for field in _MENDABLE if (getattr(trade, field) or "") != getattr(current, field)]
    before = [replace(body, book=current.book, source=current.source or None) for body in bodies]
    if moved and correction is None:
        return Matched(None, trade.external_id, tuple(_moved(trade, current, field) for field in sorted(moved)))
    if moved and any(body.digest in stands.revisions for body in before):
        return _next(trade, stands, str(correction))
    differing = _differing(current, trade)
    results = [field for field in differing if not _is_context(field, read, trade, current)]
    if not results and not read.has_context and not moved:
        return Matched(None, trade.external_id)  # an import without price bars takes no context away
    if moved and not set(results) - set(moved) and not row.may_revise and not read.has_context:
        return Matched(None, trade.external_id, (Refusal(moved[0], WITHOUT_BARS),))
    if row.may_revise or (not results and read.has_context):
        named = ", ".join(refusal.field for refusal in _in_words(row, differing[:_MOST_NAMED]))
        more = f" and {len(differing) - _MOST_NAMED} more" if len(differing) > _MOST_NAMED else ""
        fields = {path.rpartition(".")[2] for path in differing}
        context = "what is noted of decisions" if fields <= _OF_JOURNAL else "newer context from price bars"
        what = "a newer export" if results else context
        return _next(trade, stands, correction or f"{what} differs in {named}{more}")
    return Matched(None, trade.external_id, _in_words(row, results or differing, current, trade))


def _next(trade: Trade, stands: _Standing, reason: str) -> Matched:
    revised = replace(trade, revision=stands.next_revision, correction_reason=reason)
    return Matched(revised, revised.external_id)


def _moved(trade: Trade, current: Recorded, field: str) -> Refusal:
    message = (
        f"is recorded as {shown(getattr(current, field))}, and this import says {shown(getattr(trade, field) or '')}; "
        f"give the {field} that is recorded, or correct it with --correction REASON"
    )
    return Refusal(field, message)


def _differing(current: Recorded, trade: Trade) -> list[str]:
    """Return the paths in which a trade differs from the recorded one."""
    paths = [name for name in _FIELDS if (getattr(trade, name) or None) != (getattr(current, name) or None)]
    actions = list(Action.objects.filter(trade=current).order_by("index"))
    if len(actions) != len(trade.actions):
        return [*paths, "actions"]
    for index, (stored, action) in enumerate(zip(actions, trade.actions, strict=True)):
        document = action.document()
        paths += [f"actions[{index}].{name}" for name, value in document.items() if not _equal(stored, name, value)]
    return paths


def _equal(stored: Action, name: str, value: object) -> bool:
    recorded = getattr(stored, name)
    if name == "decision_ids":
        return [str(each) for each in recorded] == list(value if isinstance(value, tuple) else ())
    return bool((value or None) == (recorded or None))


def _is_context(path: str, read: Read, trade: Trade, current: Recorded) -> bool:
    """Return whether a difference is one that price bars or a journal make, and not one in the result."""
    if path in ("rr", "excluded_reason"):
        without = {trade.excluded_reason, current.excluded_reason} & WITHOUT_UNIT
        return read.row.unit is Unit.ATR and (bool(without) or path == "rr")
    if path.rpartition(".")[2] in _OF_JOURNAL:
        return read.has_context or not trade.actions[_index(path)].decision_ids
    return path.rpartition(".")[2] in CONTEXT_FIELDS and not _is_other_universe(path, trade, current)


def _is_other_universe(path: str, trade: Trade, current: Recorded) -> bool:
    """Return whether the scopes rest on different sets of pairs, which are never mixed."""
    if not path.endswith(".scope"):
        return False
    index = _index(path)
    before = Action.objects.values_list("scope", flat=True).get(trade=current, index=index).get("universe")
    after = trade.actions[index].scope.get("universe")
    return before is not None and after is not None and before != after


def _index(path: str) -> int:
    """Return the index of the action that a path such as `actions[2].scope` leads to."""
    return int(path[len("actions[") : path.index("]")])


def _in_words(
    row: Row, paths: Sequence[str], current: Recorded | None = None, trade: Trade | None = None
) -> tuple[Refusal, ...]:
    """Return a refusal for each path, under the file's own names."""
    message = (
        "differs from what is recorded, and a trade of a backtest or of a table without the bot's own ids is never "
        "revised by a file; send it as JSON lines with the next revision and a correction_reason"
    )
    found = []
    for path in paths:
        values = ""
        if current is not None and trade is not None and path in _FIELDS:
            values = f" (recorded {shown(_plain(getattr(current, path)))}, now {shown(_plain(getattr(trade, path)))})"
        found.append(Refusal(path, message.replace("recorded,", f"recorded{values},", 1)))
    return row.in_its_words(Refused(*found)) if found else ()


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
