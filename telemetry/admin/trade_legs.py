"""The actions of a trade on its page: what the levers of each scale, the decisions it names, and what these earned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.utils.html import format_html
from django.utils.safestring import SafeString

from telemetry.core.decision_fit import scope_differences
from telemetry.core.vocabulary import SALES, ActionCategory
from telemetry.decisions.attributed_trades import LATER
from telemetry.foundation.admin.formatting import number
from telemetry.models import Action, AttributionShare, Decision, DecisionOutcome, Trade
from telemetry.models.traced import TRACE

DECISION_FIELDS = ("at", "module", "version", "pattern_key", "action_category", "reason", "scope", "levers", *TRACE)
SHARED = "Its share is the sum of what moved its levers."
NO_DECISION = "The action names no decision."
NOT_YET = "It has not been attributed yet."
NOT_AT_ALL = "It is not attributed: a correction replaced this revision, or the trade has no outcome in R."


@dataclass(frozen=True)
class NamedRow:
    """An action and a decision that it names, if any: what the decision's levers earned in R, or why they did not."""

    action: Action
    decision_id: UUID | None
    decision: Decision | None
    outcome: DecisionOutcome | None
    earned: float | None
    reason: str

    @property
    def is_used(self) -> bool:
        """Whether the decision was made for the action, and no later one of the same action was used."""
        return self.outcome is not None and not self.outcome.misfit and self.outcome.unattributed != LATER

    @property
    def scaled(self) -> SafeString | str:
        """What is proportional to the levers of the action."""
        if self.action.action_category in SALES:
            return "nothing, because it sells"
        if self.action.action_category != ActionCategory.ADD:
            return "the whole trade"
        leg = number(self.action.leg_rr, 3, signed=True, unit="R")
        return format_html("its leg: {} of the position, which made {}", number(self.action.fraction, 2), leg)

    @property
    def applied(self) -> list[tuple[str, float | None, SafeString]]:
        """The levers of which another value was used than the one served: name, value served, value applied."""
        if self.decision is None or not self.is_used:
            return []
        levers = self.decision.levers
        return [(name, levers.get(name, {}).get("served"), shown) for name, shown in applied_of(self.action)]

    @property
    def differences(self) -> list[tuple[str, str | None, str | None]]:
        """The dimensions in which the scope that was sent differs from the one asked: name, value sent, value asked."""
        if self.decision is None or not self.is_used:
            return []
        found = scope_differences(self.action.scope, self.decision.scope)
        return [(name, sent, asked) for name, (sent, asked) in found.items()]


def applied_of(action: Action) -> list[tuple[str, SafeString]]:
    """Return the lever values that an action reports as applied, formatted."""
    return [(name, number(value, 4)) for name, value in sorted((action.applied or {}).items())]


def decisions_of(actions: Iterable[Action]) -> dict[UUID, Decision]:
    """Return the stored ones of the decisions that the actions name."""
    named = {key for action in actions for key in action.decision_ids}
    return Decision.objects.only(*DECISION_FIELDS).in_bulk(named) if named else {}


def legs_of(
    trade: Trade,
    actions: Sequence[Action],
    decisions: Mapping[UUID, Decision],
    shares: Iterable[AttributionShare],
    *,
    is_pending: bool,
) -> list[NamedRow]:
    """Return the actions of a trade in order, one row for each decision named; none if the trade names no decision."""
    if not any(action.decision_ids for action in actions):
        return []
    outcomes = {(each.action_index, each.decision_id): each for each in trade.decision_outcomes.all()}
    earned: dict[UUID, float] = {}
    for share in shares:
        earned[share.decision_id] = earned.get(share.decision_id, 0.0) + share.share

    def rows(action: Action) -> Iterator[NamedRow]:
        for key in action.decision_ids:
            outcome = outcomes.get((action.index, key))
            reason = (NOT_YET if is_pending else NOT_AT_ALL) if outcome is None else _sentence(outcome.unattributed)
            yield NamedRow(action, key, decisions.get(key), outcome, earned.get(key), reason)
        if not action.decision_ids:
            yield NamedRow(action, None, None, None, None, NO_DECISION)

    return [row for action in actions for row in rows(action)]


def _sentence(reason: str) -> str:
    return f"{reason[0].upper()}{reason[1:]}." if reason else SHARED
