"""Admin of mandates: what approvals let the builder do without a person, and how much of each is left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from overrides.admin.line_lists import (
    BY_CHANNEL,
    BY_METHOD,
    LINE_COLUMNS,
    LINE_SEARCH,
    channel_words,
    found_by_line,
    line_shown,
)
from overrides.core.governance.mandates import remaining
from overrides.core.governance.permissions import REVIEW
from overrides.models import Mandate, Membership, Override
from overrides.requests.renewal import OF_LINES_IN_FORCE, reasons_of, suspended_at
from telemetry.core.vocabulary import Module
from telemetry.foundation.admin.formatting import MISSING, badge, number
from telemetry.foundation.admin.pagination import FactList
from telemetry.foundation.admin.read_only import DefaultFilter, FactAdmin, one_of

SOON = timedelta(days=14)


def due_by(at: datetime) -> Q:
    """Return the condition for mandates on lines in force whose review is overdue or due within two weeks."""
    return Q(OF_LINES_IN_FORCE, revoked_at=None, review_by__lte=at + SOON)


class DueFilter(DefaultFilter):
    """Filters by review date. Without a choice it lists mandates that apply, or would if they had been reviewed."""

    title = "review"
    parameter_name = "due"
    words = "mandates that apply, or would apply once reviewed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> tuple[tuple[str, str], ...]:
        soon = f"due within {SOON.days} days"
        return (("soon", soon), ("over", "overdue"), ("suspended", "suspended"), ("ended", "ended or lapsed"))

    def default(self, queryset: QuerySet[Mandate]) -> QuerySet[Mandate]:
        return queryset.filter(_current(datetime.now(UTC)))

    def chosen(self, queryset: QuerySet[Mandate], value: str) -> QuerySet[Mandate]:
        now = datetime.now(UTC)
        conditions = {
            "soon": due_by(now),
            "over": Q(OF_LINES_IN_FORCE, revoked_at=None, review_by__lte=now),
            "suspended": suspended_at(now),
            "ended": ~_current(now),
        }
        return queryset.filter(conditions.get(value, _current(now)))


def _current(at: datetime) -> Q:
    return Q(revoked_at=None) & (Q(review_by__gt=at) | Q(OF_LINES_IN_FORCE))


class MandateList(FactList):
    """Adds to each row `in_force`, the override in force on its line, and `suspended`, the reason if it is.

    `may_sign`: the reader may sign it again.
    """

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows: list[Any] = list(self.result_list)
        found = Override.objects.select_related("line").in_bulk([row.in_force_id for row in rows if row.in_force_id])
        reasons = reasons_of(Mandate.objects.filter(pk__in=[row.pk for row in rows]))
        for row in rows:
            row.in_force, row.suspended = found.get(row.in_force_id), reasons.get(row.pk, "")
            row.may_sign = request.user.has_perm(REVIEW)
        self.result_list = rows


@admin.register(Mandate)
class MandateAdmin(FactAdmin):
    """The list of mandates with what each still allows."""

    nothing_yet = "Approving a line and applying it signs one."
    list_display = ("what", "levers_of", "state", "days_left", "still_allows", "evidence", "request_shown")
    list_filter = (DueFilter, one_of("line__module", Module, "module"), BY_CHANNEL, BY_METHOD)
    search_fields = ("line__pattern_key",)
    search_help_text = LINE_SEARCH
    csv_fields = (
        "id", "line_id", *(f"line__{name}" for name in LINE_COLUMNS), "request_id", "direction", "granted_at",
        "review_by", "revoked_at", "in_force_id",
    )  # fmt: skip
    list_select_related = ("line", "request")
    ordering = ("review_by", "id")
    sortable_by = ()
    fields = (
        ("what", "levers_of", "line_shown", "request_shown"),
        ("state", "direction", "days_left", "review_by", "granted_at", "revoked_at"),
        ("still_allows", "evidence"),
    )
    readonly_fields = (
        "what",
        "levers_of",
        "line_shown",
        "request_shown",
        "state",
        "days_left",
        "still_allows",
        "evidence",
    )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[FactList]:
        return MandateList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Mandate], search_term: str
    ) -> tuple[QuerySet[Mandate], bool]:
        return found_by_line(queryset, search_term), False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Mandate]:
        in_force = Membership.objects.filter(line=OuterRef("line"), to_version=None).values("override")[:1]
        queryset: QuerySet[Mandate] = super().get_queryset(request).select_related("line", "request")
        return queryset.annotate(in_force_id=Subquery(in_force))

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        row: Any = super().get_object(request, object_id, from_field)
        if row is not None:
            row.in_force = Override.objects.select_related("line").filter(pk=row.in_force_id).first()
            row.may_sign = request.user.has_perm(REVIEW)
            row.suspended = reasons_of(Mandate.objects.filter(pk=row.pk)).get(row.pk, "")
        return row

    @admin.display(description="pattern, action and scope")
    def what(self, mandate: Mandate) -> SafeString:
        return line_shown(mandate.line)

    @admin.display(description="levers, learning method")
    def levers_of(self, mandate: Mandate) -> SafeString:
        return channel_words(mandate.line.channel, mandate.line.policy)

    @admin.display(description="line")
    def line_shown(self, mandate: Mandate) -> SafeString:
        where = reverse("admin:overrides_line_change", args=[mandate.line_id])
        return format_html('<a href="{}">{}</a>', where, mandate.line_id[:12])

    @admin.display(description="signed by")
    def request_shown(self, mandate: Mandate) -> SafeString:
        where = reverse("admin:overrides_changerequest_change", args=[mandate.request_id])
        line = reverse("admin:overrides_line_change", args=[mandate.line_id])
        return format_html('<a href="{}">request {}</a> · <a href="{}">line</a>', where, mandate.request_id, line)

    @admin.display(description="remaining headroom (units from neutral)")
    def still_allows(self, mandate: Any) -> SafeString:
        """Format, per lever, the units left between the value in force and the farthest approved one."""
        if mandate.in_force is None:
            return MISSING
        left = remaining(mandate.terms, mandate.in_force.spec, datetime.now(UTC))
        rows = ((name, number(units, 4)) for name, units in left.items() if name != "days")
        return format_html_join("", '<div class="cw-lever">{} {}</div>', rows)

    @admin.display(description="days left")
    def days_left(self, mandate: Mandate) -> SafeString:
        return number((mandate.review_by - datetime.now(UTC)).total_seconds() / 86_400, 1)

    @admin.display(description="evidence, of the least required")
    def evidence(self, mandate: Any) -> SafeString:
        """Format the evidence in force beside the least for which the mandate applies."""
        if mandate.in_force is None:
            return MISSING
        terms, in_force = mandate.terms, mandate.in_force
        return format_html(
            '<div class="cw-lever">n {} <span class="cw-quiet">of {}</span></div>'
            '<div class="cw-lever">|edge| {} <span class="cw-quiet">of {}</span></div>',
            *(number(in_force.n, 0), number(terms.least_n, 0)),
            *(number(abs(in_force.edge_raw), 3), number(terms.least_edge, 3, unit="R")),
        )

    @admin.display(description="state")
    def state(self, mandate: Any) -> SafeString:
        if mandate.revoked_at is not None:
            return badge("revoked", "ended")
        now = datetime.now(UTC)
        if mandate.review_by <= now:
            return badge("expired", "overdue") if mandate.in_force else badge("revoked", "lapsed")
        if mandate.suspended:
            where = reverse("admin:overrides_changerequest_renew", args=[mandate.request_id])
            link = format_html('<a href="{}">sign again…</a>', where) if mandate.may_sign else ""
            words = '{} <div class="cw-quiet cw-small">{}</div>{}'
            return format_html(words, badge("suspended"), mandate.suspended, link)
        return badge("stale", "due soon") if mandate.review_by <= now + SOON else badge("live")
