"""A decision in a row of a list: what was served, who moved it, what step and bounds cut, what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from telemetry.admin.display import MISSING, badge, number
from telemetry.models import AttributionShare, Decision, DecisionOutcome

MOST_PARTS = 3
INVISIBLE = 5e-7  # rounds to zero in what is shown


def moved_levers(decision: Decision) -> dict[str, dict[str, Any]]:
    """The levers that overrides moved, with all that the decision keeps of each; the others are neutral."""
    return {name: lever for name, lever in decision.levers.items() if "target" in lever}


def served_cell(decision: Decision) -> SafeString:
    moved = moved_levers(decision)
    return _by_lever((name, number(lever["served"], 4)) for name, lever in moved.items()) if moved else MISSING


def parts_cell(decision: Decision) -> SafeString:
    """Per lever the overrides that moved it, the largest part first."""
    moved = moved_levers(decision)
    return _by_lever(("", _parts(decision, name)) for name in moved) if moved else MISSING


def cut_cell(decision: Decision) -> SafeString:
    """Per lever what step and bounds cut, in the units of the parts."""
    moved = moved_levers(decision)
    return _by_lever(("", _cut(lever)) for lever in moved.values()) if moved else MISSING


def _by_lever(cells: Iterable[tuple[str, SafeString]]) -> SafeString:
    return format_html_join("", '<div class="cw-lever">{} {}</div>', cells)


def _parts(decision: Decision, lever: str) -> SafeString:
    parts = [(each["id"], each["parts"][lever]) for each in decision.contributions if lever in each["parts"]]
    parts.sort(key=lambda part: (-abs(part[1]), part[0]))
    shown = format_html_join(
        " ", '<span class="cw-part"><a href="{}"><code>{}</code></a>{}</span>', (_part(*part) for part in parts[:MOST_PARTS])
    )
    left = len(parts) - MOST_PARTS
    return shown if left <= 0 else format_html('{} <span class="cw-quiet">+{} more</span>', shown, left)


def _part(override_id: str, part: float) -> tuple[str, str, SafeString]:
    return reverse("admin:overrides_override_change", args=[override_id]), override_id[:6], number(part, 4, signed=True)


def _cut(lever: Mapping[str, Any]) -> SafeString:
    if abs(lever["cut"]) < INVISIBLE and not lever["flags"]:
        return MISSING
    words = format_html_join(" ", "{}", ((badge(flag, flag.replace("_", " ").lower()),) for flag in lever["flags"]))
    return format_html("{} {}", number(lever["cut"], 4, signed=True), words)


class Became:
    """What became of some decisions: outcomes and shares by decision, in two queries."""

    def __init__(self, decision_ids: Iterable[UUID]) -> None:
        self.outcomes: dict[UUID, list[DecisionOutcome]] = {}
        self.shares: dict[UUID, list[AttributionShare]] = {}
        for outcome in DecisionOutcome.objects.filter(decision_id__in=list(decision_ids)).order_by("id"):
            self.outcomes.setdefault(outcome.decision_id, []).append(outcome)
        for share in shares_of(self.outcomes):
            self.shares.setdefault(share.decision_id, []).append(share)

    def outcome_cell(self, decision_id: UUID) -> SafeString:
        rrs = [outcome.rr for outcome in self.outcomes.get(decision_id, ())]
        return format_html_join("", "<div>{}</div>", ((number(rr, 2, signed=True, unit="R"),) for rr in rrs)) or MISSING

    def share_cell(self, decision_id: UUID) -> SafeString:
        shares = self.shares.get(decision_id)
        return number(sum(each.share for each in shares), 5, signed=True, unit="R") if shares else MISSING


def shares_of(outcomes: Mapping[UUID, Iterable[DecisionOutcome]]) -> QuerySet[AttributionShare]:
    """The shares of decisions, found by their trades: shares are stored by trade."""
    trades = {outcome.trade_id for several in outcomes.values() for outcome in several}
    rows = AttributionShare.objects.filter(attribution_id__in=trades, decision_id__in=list(outcomes))
    return rows.order_by("lever", "-share", "id")
