"""Rows of the list of decisions: what moved each one and what its trade made, with two queries per page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from overrides.core.monitoring.replaying.lever_path import movements
from overrides.models import Line
from telemetry.foundation.admin.formatting import number, short
from telemetry.foundation.admin.pagination import FactList
from telemetry.models import Decision, DecisionOutcome
from telemetry.models.traced import TRACE, load_constants

LEVERS_OF = {"dm_alloc": "allocation", "pm_strength": "strength", "pm_tuning": "tuning"}  # by channel
COLUMNS = (
    "decision_id", "at", "module", "pattern_key", "action_category", "scope", "version", "mode", "reason", "levers",
    "contributions", "request", *TRACE,
)  # fmt: skip


@dataclass(frozen=True)
class Mover:
    """The override that moved a lever most, and how many others moved it."""

    lever: str
    value: float
    override: str
    line: str
    others: int


class DecisionList(FactList):
    """Adds to each row `movers` and `named_by`, the outcome of the trade that names the decision."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows: list[Any] = list(self.result_list.only(*COLUMNS))
        load_constants(rows)
        tops = {row.pk: list(top_movers(row)) for row in rows}
        scopes = scopes_of({mover.line for movers in tops.values() for mover in movers})
        named = DecisionOutcome.objects.filter(decision_id__in=tops, misfit="").order_by("-trade__closed_at", "-id")
        outcomes = {outcome.decision_id: outcome for outcome in named}
        for row in rows:
            row.movers = [(mover, scopes.get(mover.line)) for mover in tops[row.pk]]
            row.named_by = outcomes.get(row.pk)
        self.result_list = rows


def top_movers(decision: Decision) -> Iterable[Mover]:
    """Yield, per moved lever, the override with the largest part."""
    lines = {each["id"]: each["line"] for each in decision.contributions}
    for movement in movements(decision.levers, decision.contributions).values():
        for override in list(movement.parts)[:1]:
            yield Mover(movement.lever, movement.value, override, lines[override], len(movement.parts) - 1)


def scopes_of(lines: Iterable[str]) -> dict[str, dict[str, str]]:
    return dict(Line.objects.filter(pk__in=set(lines)).values_list("pk", "scope"))


def mover_shown(mover: Mover, scope: Mapping[str, str] | None) -> SafeString:
    """Format a mover with a link to its override: `size_mult 1.0199 by micro · Good and 2 more`."""
    return format_html(
        '<div class="cw-lever">{} {} <span class="cw-quiet">by</span> {}{}</div>',
        mover.lever,
        number(mover.value, 4),
        override_link(mover.override, scope),
        format_html(' <span class="cw-quiet">and {} more</span>', mover.others) if mover.others else "",
    )


def link_to(override: str, line: Line | None) -> SafeString:
    """Link to an override by the values of its scope and its levers, which distinguish two of the same scope."""
    if line is None:
        return override_link(override, None)
    title = ", ".join(f"{name} {value}" for name, value in sorted(line.scope.items())) or "the empty scope"
    where = reverse("admin:overrides_override_change", args=[override])
    return format_html('<a href="{}" title="{}">{}</a>', where, title, name_of(override, line))


def name_of(override: str, line: Line | None) -> str:
    """Return the words of `link_to`, for pictures."""
    if line is None:
        return override[:12]
    scope = " · ".join(value for _, value in sorted(line.scope.items())) or "everything"
    return f"{scope}, {LEVERS_OF.get(line.channel, line.channel)}"


def override_link(override: str, scope: Mapping[str, str] | None) -> SafeString:
    """Link to an override by the values of its scope, which say more than its id."""
    where = reverse("admin:overrides_override_change", args=[override])
    if scope is None:
        return format_html('<a href="{}">{}</a>', where, short(override))
    title = ", ".join(f"{name} {value}" for name, value in sorted(scope.items()))
    words = " · ".join(value for _, value in sorted(scope.items())) or "everything"
    return format_html('<a href="{}" title="{}">{}</a>', where, title or "the empty scope", words)
