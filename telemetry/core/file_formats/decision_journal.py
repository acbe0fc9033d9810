"""Find the decisions of a trade in a bot's journal: same pair, side, strategy and entry bar, then action by action.

A backtest keeps no data of the strategy's own with its trades, so the decisions that were asked during one stand only
in the journal of the bot's client (`overrides.client.journal`). An action is given a decision only where exactly one
fits; where none does, several do, or the decision was made for another pattern, it is named and stays as it was. A line
with `applied` names a decision and the values of levers that were used; they go to the action of that decision.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from telemetry.core.actions import read_applied
from telemetry.core.file_formats.file_rows import Row
from telemetry.core.file_formats.strict_json import parse_json
from telemetry.foundation.core.fields import identifier, named, parse_moment, text
from telemetry.foundation.core.objects import mapping
from telemetry.foundation.core.refusal import Refusal, Refused, join

FORMAT = 1
NONE, SEVERAL, OTHER_PATTERN = "no decision in the journal", "several decisions fit", "asked as another pattern"
MOST_NAMED = 20

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_TIMEFRAME = re.compile("([1-9][0-9]{0,4})([mhdw])", re.ASCII)
_short = text(200)

Position = tuple[str, str]  # pair and side


@dataclass(frozen=True, slots=True)
class JournalLine:
    """One decision of a journal and the action it was made for, at `at`; `applied` are the levers as they were used."""

    decision_id: str
    pair: str
    side: str
    strategy: str
    timeframe: str
    entry_bar: datetime
    module: str
    pattern_key: str
    action_category: str
    at: datetime
    applied: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unjoined:
    """An action that was given no decision, and why: `NONE`, `SEVERAL` or `OTHER_PATTERN`."""

    place: str
    action_category: str
    reason: str
    decision_ids: tuple[str, ...] = ()


def read_journal(lines: Iterable[str]) -> tuple[list[JournalLine], list[Refusal]]:
    """Return the decisions of a journal, and a refusal for each line that cannot be read (`field`: "line 7")."""
    found: list[JournalLine] = []
    refusals: list[Refusal] = []
    applied: dict[str, Mapping[str, float]] = {}
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                fields = _fields(parse_json(line))
                if "applied" in fields:
                    decision = named(identifier, fields.get("decision_id"), "decision_id")
                    applied[decision] = named(read_applied, fields["applied"], "applied")
                else:
                    found.append(_line(fields))
            except Refused as refused:
                refusals += [Refusal(join(f"line {number}", each.field), each.message) for each in refused.refusals]
    return [replace(each, applied=applied.get(each.decision_id, {})) for each in found], refusals


@dataclass
class JournalJoin:
    """Names the decisions of a journal in rows of trades; call it with rows, and it returns them in order.

    `joined` counts the actions that were given a decision, `unjoined` the others by reason, the first of which are
    named in `named`. Actions that name decisions already are neither changed nor counted. `unread` are the refusals of
    lines that could not be read.
    """

    journal: Sequence[JournalLine]
    unread: Sequence[Refusal] = ()
    joined: int = 0
    unjoined: Counter[str] = field(default_factory=Counter)
    named: list[Unjoined] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lines: dict[Position, list[JournalLine]] = {}
        for line in self.journal:
            self._lines.setdefault((line.pair, line.side), []).append(line)

    def __call__(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Return the rows with the decisions of their actions."""
        return [self._row(row) for row in rows]

    def _row(self, row: Row) -> Row:
        if row.refusals or not isinstance(row.payload, Mapping):
            return row
        strategy = None if row.market is None else row.market.strategy
        payload, unjoined = with_decisions(row.payload, self._of(row.payload), strategy, row.place)
        before = sum(not action.get("decision_ids") for action in _actions(row.payload))
        self.joined += before - len(unjoined)
        self.unjoined.update(each.reason for each in unjoined)
        self.named += unjoined[: MOST_NAMED - len(self.named)]
        return row if len(unjoined) == before else replace(row, payload=payload)

    def _of(self, payload: Mapping[str, Any]) -> Sequence[JournalLine]:
        return self._lines.get((str(payload.get("symbol")), str(payload.get("side"))), ())


def with_decisions(
    payload: Mapping[str, Any], journal: Iterable[JournalLine], strategy: str | None = None, place: str = ""
) -> tuple[dict[str, Any], list[Unjoined]]:
    """Return a trade's payload with the decisions of its actions, and the actions for which there is not exactly one.

    A decision fits an action of its module and category if it was made in the action's bar or the bar before, for a
    position of the trade's pair, side, entry bar and, if given, `strategy`. Decisions of the action's own bar come
    first. A payload that cannot be read is returned as it is, to be refused by `parse_trade`.
    """
    try:
        opened_at = parse_moment(payload.get("opened_at"))
        moments = [parse_moment(action.get("at")) for action in _actions(payload)]
    except Refused:
        return dict(payload), []
    lines = [
        line
        for line in journal
        if (line.pair, line.side) == (payload.get("symbol"), payload.get("side"))
        and strategy in (None, line.strategy)
        and _bar(line.entry_bar, line.timeframe) == _bar(opened_at, line.timeframe)
    ]
    actions, unjoined, used = [], [], set[str]()
    for index, (action, at) in enumerate(zip(_actions(payload), moments, strict=True)):
        if action.get("decision_ids"):
            actions.append(action)
            continue
        found, reason = _decision([line for line in lines if line.decision_id not in used], action, at)
        if reason is None:
            used.update(found)
            actions.append({**action, "decision_ids": list(found), **_applied(lines, found, action)})
        else:
            actions.append(action)
            category = str(action.get("action_category"))
            unjoined.append(Unjoined(join(place, f"actions[{index}]"), category, reason, found))
    return {**payload, "actions": actions}, unjoined


def _applied(
    lines: Sequence[JournalLine], found: Sequence[str], action: Mapping[str, Any]
) -> Mapping[str, Mapping[str, float]]:
    """Return the levers of a decision as they were used, if the journal says them and the action does not."""
    used = next((line.applied for line in lines if line.decision_id in found), {})
    return {"applied": dict(used)} if used and not action.get("applied") else {}


def _decision(
    lines: Sequence[JournalLine], action: Mapping[str, Any], at: datetime
) -> tuple[tuple[str, ...], str | None]:
    """Return the one decision made for an action, or what was found in its place and the reason why it is not that."""
    kind = (action.get("module"), action.get("action_category"))
    near = [line for line in lines if (line.module, line.action_category) == kind and _bars_before(line, at) in (0, 1)]
    fitting = [line for line in near if line.pattern_key == action.get("pattern_key")]
    if not fitting:
        return tuple(line.decision_id for line in near), OTHER_PATTERN if near else NONE
    nearest = min(_bars_before(line, at) for line in fitting)
    found = tuple(dict.fromkeys(line.decision_id for line in fitting if _bars_before(line, at) == nearest))
    return found, None if len(found) == 1 else SEVERAL


def _bars_before(line: JournalLine, at: datetime) -> int:
    """Return by how many bars the decision's bar lies before that of the action; negative if it lies after."""
    return (_bar(at, line.timeframe) - _bar(line.at, line.timeframe)) // _length(line.timeframe)


def _bar(at: datetime, timeframe: str) -> datetime:
    """Return the start of the bar that holds `at`.

    >>> _bar(datetime(2026, 11, 1, 10, 7, tzinfo=UTC), "5m").isoformat()
    '2026-11-01T10:05:00+00:00'
    """
    length = _length(timeframe)
    return _EPOCH + (at - _EPOCH) // length * length


def _length(timeframe: str) -> timedelta:
    found = _TIMEFRAME.fullmatch(timeframe)
    if found is None:
        raise Refused.because(f"{timeframe!r} is no timeframe; write one such as 5m, 1h or 1d")
    return int(found[1]) * _UNITS[found[2]]


def _actions(payload: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the actions of a payload that has them in the form of the API; otherwise none."""
    actions = payload.get("actions")
    if not isinstance(actions, list) or not all(isinstance(action, dict) for action in actions):
        return []
    return cast(list[dict[str, Any]], actions)


def _fields(value: object) -> Mapping[str, Any]:
    """Return the fields of a line of a known format. Raises Refused."""
    fields = mapping(value)
    if fields.get("format") != FORMAT:
        raise Refused(Refusal("format", f"is not {FORMAT}; this is no journal of decisions that this version knows"))
    return fields


def _line(fields: Mapping[str, Any]) -> JournalLine:
    """Parse the line of a decision, leaving fields that are not needed aside. Raises Refused."""
    names = ("pair", "side", "strategy", "timeframe", "module", "pattern_key", "action_category")
    words: dict[str, Any] = {name: named(_short, fields.get(name), name) for name in names}
    try:
        _length(words["timeframe"])
    except Refused as refused:
        raise refused.under("timeframe") from None
    return JournalLine(
        decision_id=named(identifier, fields.get("decision_id"), "decision_id"),
        entry_bar=named(parse_moment, fields.get("entry_bar"), "entry_bar"),
        at=named(parse_moment, fields.get("at"), "at"),
        pair=words["pair"],
        side=words["side"],
        strategy=words["strategy"],
        timeframe=words["timeframe"],
        module=words["module"],
        pattern_key=words["pattern_key"],
        action_category=words["action_category"],
    )
