"""Admin of mandates: what approvals let the builder do without a person, how much of each is left, and who signs it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from overrides.admin.governance.mandate_acts import ACTS, act_view, lead_to
from overrides.admin.governance.mandate_page import mandate_page
from overrides.admin.mandate_display import (
    headroom_shown,
    signers_of,
    signers_shown,
    state_badge,
    term_shown,
)
from overrides.core.governance.mandates import DUE_BEFORE
from overrides.core.governance.permissions import REVIEW
from overrides.models import Mandate, Membership, Override
from overrides.requests.renewal import OF_LINES_IN_FORCE, suspended_at
from telemetry.foundation.admin.formatting import MISSING, chips, number, pattern
from telemetry.foundation.admin.pagination import FactList
from telemetry.foundation.admin.read_only import FactAdmin, person


def due_by(at: datetime) -> Q:
    """Return the condition for mandates on lines in force whose review is overdue or due within two weeks."""
    return Q(OF_LINES_IN_FORCE, revoked_at=None, review_by__lte=at + DUE_BEFORE)


def overdue_at(at: datetime) -> Q:
    """Return the condition for mandates on lines in force whose review is overdue."""
    return Q(OF_LINES_IN_FORCE, revoked_at=None, review_by__lte=at)


class DueFilter(admin.SimpleListFilter):
    """Filters by review date. Without a choice it lists mandates that apply, or would if they had been reviewed."""

    title = "review"
    parameter_name = "due"

    def lookups(self, request: HttpRequest, model_admin: Any) -> tuple[tuple[str, str], ...]:
        soon = f"due within {DUE_BEFORE.days} days"
        others = (("suspended", "suspended"), ("ended", "ended or lapsed"), ("any", "any"))
        return (("soon", soon), ("over", "overdue"), *others)

    def choices(self, changelist: Any) -> Iterator[Any]:
        unchosen, *others = super().choices(changelist)
        yield {**unchosen, "display": "current"}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Mandate]) -> QuerySet[Mandate]:
        now = datetime.now(UTC)
        current = Q(revoked_at=None) & (Q(review_by__gt=now) | Q(OF_LINES_IN_FORCE))
        conditions = {
            "soon": due_by(now),
            "over": overdue_at(now),
            "suspended": suspended_at(now),
            "ended": ~current,
            "any": Q(),
        }
        return queryset.filter(conditions.get(self.value() or "", current))


class MandateList(FactList):
    """Adds to each row `in_force`, the override in force on its line, and `signers`, the people who sign it.

    `may_sign`: the reader may sign it again.
    """

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows: list[Any] = list(self.result_list)
        found = Override.objects.select_related("line").in_bulk([row.in_force_id for row in rows if row.in_force_id])
        signers = signers_of(rows)
        for row in rows:
            row.in_force, row.signers = found.get(row.in_force_id), signers[row.pk]
            row.may_sign = request.user.has_perm(REVIEW)
        self.result_list = rows


@admin.register(Mandate)
class MandateAdmin(FactAdmin):
    """The list of mandates with what each still allows, and the pages to renew and to revoke them."""

    nothing_yet = "Approving a line and applying it signs one."
    change_form_template = "overrides/governance/mandate.html"
    list_display = ("what", "scope_shown", "state", "signed_by", "still_allows", "evidence", "request_shown")
    list_filter = (DueFilter, "line__module", "line__channel")
    search_fields = ("line__pattern_key__startswith",)
    list_select_related = ("line", "request")
    ordering = ("review_by", "id")
    sortable_by = ()
    fields = ("what",)
    readonly_fields = ("what",)
    actions = ()  # see `get_actions`

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[FactList]:
        return MandateList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Mandate]:
        in_force = Membership.objects.filter(line=OuterRef("line"), to_version=None).values("override")[:1]
        queryset: QuerySet[Mandate] = super().get_queryset(request).select_related("line", "request", "renewed_by")
        return queryset.annotate(in_force_id=Subquery(in_force))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Return the acts that this user may take on several mandates at once."""
        return {
            act.name: (lead_to(act), act.name, f"{act.label} the selected mandates…")
            for act in ACTS
            if request.user.has_perm(act.permission)
        }

    def get_urls(self) -> list[URLPattern]:
        acts = [
            path(
                f"{act.name}/",
                self.admin_site.admin_view(partial(act_view, self, act=act)),
                name=f"overrides_mandate_{act.name}",
            )
            for act in ACTS
        ]
        return [*acts, *super().get_urls()]

    def page(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return mandate_page(obj, person(request), datetime.now(UTC))

    @admin.display(description="pattern and action")
    def what(self, mandate: Mandate) -> SafeString:
        return pattern(mandate.line.pattern_key, mandate.line.action_category)

    @admin.display(description="scope")
    def scope_shown(self, mandate: Mandate) -> SafeString:
        return chips(mandate.line.scope)

    @admin.display(description="request")
    def request_shown(self, mandate: Mandate) -> SafeString:
        where = reverse("admin:overrides_changerequest_change", args=[mandate.request_id])
        line = reverse("admin:overrides_line_change", args=[mandate.line_id])
        return format_html('<a href="{}">request {}</a> · <a href="{}">line</a>', where, mandate.request_id, line)

    @admin.display(description="signed by")
    def signed_by(self, mandate: Any) -> SafeString:
        return signers_shown(mandate.signers)

    @admin.display(description="in force, and the farthest allowed")
    def still_allows(self, mandate: Any) -> SafeString:
        return headroom_shown(mandate, mandate.in_force, datetime.now(UTC))

    @admin.display(description="evidence, and the least")
    def evidence(self, mandate: Any) -> SafeString:
        """Format the evidence in force beside the least for which the mandate applies."""
        if mandate.in_force is None:
            return MISSING
        terms, in_force = mandate.terms, mandate.in_force
        return format_html(
            '<div class="cw-lever">{} trades <span class="cw-quiet">of</span> {}</div>'
            '<div class="cw-lever">edge {} <span class="cw-quiet">of</span> {}</div>',
            *(number(in_force.n, 0), number(terms.least_n, 0)),
            *(number(abs(in_force.edge_raw), 2), number(terms.least_edge, 2, unit="R")),
        )

    @admin.display(description="review")
    def state(self, mandate: Any) -> SafeString:
        now = datetime.now(UTC)
        suspended = mandate.signers.suspended
        shown = state_badge(mandate, in_force=mandate.in_force is not None, suspended=suspended, at=now)
        if mandate.revoked_at is None:
            shown = format_html('{} <div class="cw-small">{}</div>', shown, term_shown(mandate.review_by, now))
        if not suspended or mandate.revoked_at is not None or mandate.review_by <= now:
            return shown
        where = reverse("admin:overrides_changerequest_renew", args=[mandate.request_id])
        is_shown = mandate.may_sign and mandate.renews_id is None
        link = format_html('<a href="{}">sign again…</a>', where) if is_shown else ""
        return format_html('{} <div class="cw-quiet cw-small">{}</div>{}', shown, suspended, link)
