"""Pages of the error over the life of the learner: for each module what was spent, what is left, and its lines."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib import admin
from django.db.models import Count, Q
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from learning.core.lifetime.publication import LEAST_E
from learning.core.lifetime.spending import share_spent
from learning.models import LifetimeLedger, LifetimeLine
from telemetry.foundation.admin.formatting import MISSING, chips, number, pattern
from telemetry.foundation.admin.read_only import FactAdmin

MOST_LINES = 100


@admin.register(LifetimeLedger)
class LifetimeLedgerAdmin(FactAdmin):
    """Read-only list of the ledgers of modules; the page of one explains it and lists its lines."""

    nothing_yet = "The builder starts a ledger once 60 decision days are closed and a line has 20 trades."
    change_form_template = "learning/lifetime/ledger.html"
    csv_fields = (
        "module", "installed_on", "taken_until", "alpha", "initial", "arrivals", "ever", "correlation", "persistence",
    )  # fmt: skip
    list_display = ("what", "alpha_shown", "spent_shown", "ever_shown", "until_shown")
    fields = (
        ("alpha_shown", "spent_shown", "left_shown", "ever_shown"),
        ("initial_shown", "arrivals_shown", "installed_shown", "until_shown"),
        ("correlation_shown", "persistence_shown"),
    )
    readonly_fields = (
        "alpha_shown", "spent_shown", "left_shown", "ever_shown", "initial_shown", "arrivals_shown", "installed_shown",
        "until_shown", "correlation_shown", "persistence_shown",
    )  # fmt: skip

    def page(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        published = Count("id", filter=~Q(sign=0))
        tally = obj.lines.aggregate(
            lines=Count("id"),
            arrived=Count("id", filter=Q(number__gt=0)),
            published=published,
            ever=Count("id", filter=Q(times__gt=0)),
            withdrawn=Count("id", filter=~Q(withdrawn_on=None)),
            again=Count("id", filter=Q(times__gt=1)),
        )
        lines = obj.lines.filter(number__gt=0).order_by("-times", "-e_value", "position")[:MOST_LINES]
        return {
            "lines": [(line, _words(line), bar_of(line, obj)) for line in lines],
            "tally": tally,
            "most": MOST_LINES,
        }

    @admin.display(description="module", ordering="module")
    def what(self, row: LifetimeLedger) -> str:
        return row.module

    @admin.display(description="alpha: largest mean share of false lines")
    def alpha_shown(self, row: LifetimeLedger) -> SafeString:
        return number(row.alpha, 2)

    @admin.display(description="share of the budget given out")
    def spent_shown(self, row: LifetimeLedger) -> SafeString:
        return number(share_spent(row.arrivals, row.initial), 3)

    @admin.display(description="share of the budget left")
    def left_shown(self, row: LifetimeLedger) -> SafeString:
        return number(1 - share_spent(row.arrivals, row.initial), 3)

    @admin.display(description="publications ever")
    def ever_shown(self, row: LifetimeLedger) -> SafeString:
        return number(row.ever, 0)

    @admin.display(description="first lines, with equal shares")
    def initial_shown(self, row: LifetimeLedger) -> SafeString:
        return number(row.initial, 0)

    @admin.display(description="shares given out, restarts included")
    def arrivals_shown(self, row: LifetimeLedger) -> SafeString:
        return number(row.arrivals, 0)

    @admin.display(description="lines could be published from")
    def installed_shown(self, row: LifetimeLedger) -> SafeString:
        return _day(row.installed_on)

    @admin.display(description="newest decision day taken in")
    def until_shown(self, row: LifetimeLedger) -> SafeString:
        return _day(row.taken_until)

    @admin.display(description="assumed correlation within a pattern and day")
    def correlation_shown(self, row: LifetimeLedger) -> SafeString:
        return number(row.correlation, 3)

    @admin.display(description="share of the correlation left a day later")
    def persistence_shown(self, row: LifetimeLedger) -> SafeString:
        return number(row.persistence, 3)


def bar_of(line: LifetimeLine, ledger: LifetimeLedger) -> float | None:
    """Return the e-value at which an unpublished line would be published if no other were; None if it has no bar."""
    if line.sign or not line.share:
        return None
    return max(LEAST_E, 1 / (ledger.alpha * line.share * line.boost * (ledger.ever + 1)))


def _words(line: LifetimeLine) -> SafeString:
    """Return the pattern, action and scope of a line."""
    return format_html("{}<div>{}</div>", pattern(line.pattern_key, line.action_category), chips(line.scope))


def _day(on: date | None) -> SafeString:
    return MISSING if on is None else format_html('<time class="cw-num" datetime="{0}">{0}</time>', on.isoformat())
