"""Admin pages of trades with their actions, and of what the levers of closed trades earned."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from telemetry.admin.replays import replays
from telemetry.admin.revisions import revision_filter
from telemetry.admin.trade_legs import applied_of, decisions_of, legs_of
from telemetry.admin.trade_words import better, unattributed
from telemetry.core.outcomes import known_at
from telemetry.core.vocabulary import SALES
from telemetry.decisions.earnings import ROUNDING, earned_in, sums
from telemetry.foundation.admin.formatting import MISSING, badge, chips, format_moment, number, pattern, short
from telemetry.foundation.admin.read_only import FactAdmin, FactInline, one_of
from telemetry.foundation.admin.text_filters import key_filter, window
from telemetry.models import Action, Attribution, AttributionShare, DecisionOutcome, PendingAttribution, Trade


class ActionInline(FactInline):
    """The actions of a trade, listed on the trade's page."""

    model = Action
    fields = (
        "acted_at", "what", "frozen_scope", "fraction_shown", "leg_shown", "after_shown", "known",
        "n_decisions", "replayed",
    )  # fmt: skip
    readonly_fields = fields
    note = (
        "Known: the time at which the outcome of the action was complete. Nothing that was learned before then rests "
        "on it. It may be later than the close, because the price is followed for some time after a sale, or after an "
        "entry that could have been made later. With other settings: the outcome of the trade had one lever been set "
        "otherwise, beside the setting that was taken. Nothing is learned from it."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Action]:
        return super().get_queryset(request).select_related("trade")

    @admin.display(description="at")
    def acted_at(self, action: Action) -> SafeString:
        return format_moment(action.at)

    @admin.display(description="pattern and action")
    def what(self, action: Action) -> SafeString:
        """Show the pattern, and the lever values that were used where they were not those served."""
        used = format_html_join("", '<div class="cw-quiet cw-small">applied: {} {}</div>', applied_of(action))
        return format_html("{}{}", pattern(action.pattern_key, action.action_category), used)

    @admin.display(description="scope")
    def frozen_scope(self, action: Action) -> SafeString:
        return chips(action.scope)

    @admin.display(description="share of the position")
    def fraction_shown(self, action: Action) -> SafeString:
        return number(action.fraction, 2)

    @admin.display(description="leg")
    def leg_shown(self, action: Action) -> SafeString:
        return number(action.leg_rr, 3, signed=True, unit="R")

    @admin.display(description="after the sale")
    def after_shown(self, action: Action) -> SafeString:
        return number(action.rr_after, 3, signed=True, unit="R")

    @admin.display(description="with other settings")
    def replayed(self, action: Action) -> SafeString:
        """Show each lever's arms in the order of their numbers, with the outcome in R; the arm taken is marked."""
        return replays(action.replays, action.taken_arms)

    @admin.display(description="known")
    def known(self, action: Action) -> SafeString:
        """Show when the outcome of the action was known, which is at the close unless the action says later."""
        has_none = action.action_category in SALES and action.rr_after is None and action.known_at is None
        return format_moment(None if has_none else known_at(action.trade.closed_at, action.known_at))

    @admin.display(description="decisions")
    def n_decisions(self, action: Action) -> int:
        return len(action.decision_ids)


class NamesWronglyFilter(admin.SimpleListFilter):
    """Limits the list to trades that name a decision which is unknown or was not made for their action."""

    title = "decisions"
    parameter_name = "decisions"

    def lookups(self, request: HttpRequest, model_admin: Any) -> tuple[tuple[str, str], ...]:
        return (("wrong", "names one wrongly"),)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Trade]) -> QuerySet[Trade]:
        misnamed = DecisionOutcome.objects.exclude(misfit="").values("trade_id")
        return queryset.filter(pk__in=misnamed) if self.value() == "wrong" else queryset


@admin.register(Trade)
class TradeAdmin(FactAdmin):
    """Closed trades, with their revisions, decisions and attribution."""

    nothing_yet = "Bots report them over the API as they close; ./dev manage import_trades reads them from files."
    change_form_template = "telemetry/trade.html"
    list_display = ("external_id", "symbol", "side", "closed", "outcome", "book", "state")
    list_filter = (
        one_of("side", ("long", "short")),
        revision_filter("is_current", is_current=True),
        NamesWronglyFilter,
        *window("closed_at", "time closed"),
        key_filter("recorded_by"),
    )
    sortable_by = ("external_id", "closed", "outcome")
    search_fields = ("external_id__icontains", "symbol__icontains")
    search_help_text = "any part of an external id or symbol"
    fields = (
        ("external_id", "revision", "correction_reason"),
        ("symbol", "side", "timeframe", "book"),
        ("opened", "closed", "outcome"),
        ("source", "recorder", "cluster_id", "entry_id"),
        ("not_learned", "better", "state"),
    )
    readonly_fields = ("opened", "closed", "outcome", "recorder", "not_learned", "better", "state")
    inlines = (ActionInline,)

    def page(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        actions = list(obj.actions.order_by("index"))
        decisions = decisions_of(actions)
        shares = list(AttributionShare.objects.filter(attribution_id=obj.pk).order_by("decision_id", "pk"))
        attribution = Attribution.objects.filter(pk=obj.pk).first()
        is_pending = attribution is None and PendingAttribution.objects.filter(trade=obj.pk).exists()
        n_named = sum(len(action.decision_ids) for action in actions)
        return {
            "trade": obj,
            "attribution": attribution,
            "unattributed": unattributed(obj, n_named, is_pending=is_pending) if attribution is None else "",
            "shares": shares,
            "decisions": decisions,
            "earned": None if attribution is None else earned_in(attribution, shares),
            "named": legs_of(obj, actions, decisions, shares, is_pending=is_pending),
            "revisions": Trade.objects.filter(external_id=obj.external_id).order_by("revision"),
        }

    @admin.display(ordering="opened_at")
    def opened(self, trade: Trade) -> SafeString:
        return format_moment(trade.opened_at)

    @admin.display(ordering="closed_at")
    def closed(self, trade: Trade) -> SafeString:
        return format_moment(trade.closed_at)

    @admin.display(ordering="rr", description="outcome")
    def outcome(self, trade: Trade) -> SafeString | str:
        if trade.rr is None:
            return "no unit of risk"
        return number(trade.rr, 3, signed=True, unit="R")

    @admin.display(description="recorded with")
    def recorder(self, trade: Trade) -> SafeString:
        """Show how the key begins that recorded it; a dash for an import, or where it is not known."""
        return short(f"key cw_{trade.recorded_by}…", 20) if trade.recorded_by else MISSING

    @admin.display(description="not learned from because")
    def not_learned(self, trade: Trade) -> str | SafeString:
        return trade.excluded_reason or MISSING

    @admin.display(description="counted in its place")
    def better(self, trade: Trade) -> SafeString:
        return better(trade)

    @admin.display(description="state")
    def state(self, trade: Trade) -> SafeString:
        if not trade.is_current:
            return badge("superseded", f"r{trade.revision}, superseded")
        if trade.excluded_reason:
            return badge("stale", "not learned from")
        if trade.superseded_by:
            return badge("stale", "counted in a better book")
        return badge("live", "current") if trade.revision == 1 else badge("change", f"corrected, r{trade.revision}")


class ShareInline(FactInline):
    """The attribution shares of a trade, one row per decision, lever and override."""

    model = AttributionShare
    fields = ("decision", "lever", "override", "part_shown", "share_shown")
    readonly_fields = fields
    ordering = ("decision_id", "pk")

    @admin.display(description="decision")
    def decision(self, share: AttributionShare) -> SafeString:
        where = reverse("admin:telemetry_decision_change", args=[share.decision_id])
        return format_html('<a href="{}">{}</a>', where, str(share.decision_id)[:13])

    @admin.display(description="earned by")
    def override(self, share: AttributionShare) -> SafeString | str:
        """Link to the override; what no override earned has a name in words."""
        if not share.line_id:
            return share.override_id
        where = reverse("admin:overrides_override_change", args=[share.override_id])
        return format_html('override <a href="{}">{}</a>', where, short(share.override_id))

    @admin.display(description="part")
    def part_shown(self, share: AttributionShare) -> SafeString:
        return number(share.part, 6, signed=True)

    @admin.display(description="share")
    def share_shown(self, share: AttributionShare) -> SafeString:
        return number(share.share, 6, signed=True, unit="R")


@admin.register(Attribution)
class AttributionAdmin(FactAdmin):
    """What the levers of one trade earned, in R: total = shares + carried + residual."""

    nothing_yet = "One appears within minutes of a closed trade that names its decisions."
    list_display = (
        "trade_name", "closed", "trade_rr", "total_shown", "overrides_shown", "coefficients_shown", "rest_shown",
    )  # fmt: skip
    list_select_related = ("trade",)
    list_filter = window("attributed_at", "time attributed")
    sortable_by = ("total_shown",)
    search_fields = ("trade__external_id__icontains", "trade__symbol__icontains")
    search_help_text = "any part of the trade's external id or symbol"
    csv_fields = (
        "trade__external_id", "trade__symbol", "trade__closed_at", "rr", "total", "carried", "residual",
        "attributed_at",
    )  # fmt: skip
    ordering = ("-attributed_at", "-trade_id")
    fields = (
        ("trade_link", "closed", "trade_rr"),
        ("total_shown", "overrides_shown", "coefficients_shown", "rest_shown", "carried_shown", "residual_shown"),
        "attributed",
    )
    readonly_fields = (
        "trade_link", "attributed", "closed", "trade_rr", "total_shown", "overrides_shown", "coefficients_shown",
        "rest_shown", "carried_shown", "residual_shown",
    )  # fmt: skip
    inlines = (ShareInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Attribution]:
        """Add what overrides and what coefficients earned in each trade."""
        queryset: QuerySet[Attribution] = super().get_queryset(request)
        shares = AttributionShare.objects.filter(attribution=OuterRef("pk")).order_by().values("attribution")
        parts = {name: each for name, each in sums().items() if name in ("overrides", "coefficients")}
        return queryset.select_related("trade").annotate(
            **{f"by_{name}": Subquery(shares.annotate(found=each).values("found")) for name, each in parts.items()}
        )

    @admin.display(description="trade", ordering="trade__external_id")
    def trade_name(self, row: Attribution) -> SafeString:
        return format_html("{} <span class='cw-quiet'>{}</span>", row.trade.external_id, row.trade.symbol or MISSING)

    @admin.display(description="trade")
    def trade_link(self, row: Attribution) -> SafeString:
        where = reverse("admin:telemetry_trade_change", args=[row.trade_id])
        return format_html('<a href="{}">{}</a>', where, row.trade.external_id)

    @admin.display(description="by overrides")
    def overrides_shown(self, row: Any) -> SafeString:
        return number(row.by_overrides, 5, signed=True, unit="R")

    @admin.display(description="by coefficients")
    def coefficients_shown(self, row: Any) -> SafeString:
        return number(row.by_coefficients, 5, signed=True, unit="R")

    @admin.display(description="cap and rest")
    def rest_shown(self, row: Any) -> SafeString:
        rest = row.total - (row.by_overrides or 0.0) - (row.by_coefficients or 0.0)
        return number(rest if abs(rest) > ROUNDING else 0.0, 5, signed=True, unit="R")

    @admin.display(description="closed", ordering="trade__closed_at")
    def closed(self, row: Attribution) -> SafeString:
        return format_moment(row.trade.closed_at)

    @admin.display(description="outcome of the trade", ordering="rr")
    def trade_rr(self, row: Attribution) -> SafeString:
        return number(row.rr, 3, signed=True, unit="R")

    @admin.display(description="earned by levers", ordering="total")
    def total_shown(self, row: Attribution) -> SafeString:
        return number(row.total, 5, signed=True, unit="R")

    @admin.display(description="attributed", ordering="attributed_at")
    def attributed(self, row: Attribution) -> SafeString:
        return format_moment(row.attributed_at)

    @admin.display(description="from the bot's own levers", ordering="carried")
    def carried_shown(self, row: Attribution) -> SafeString:
        return number(row.carried, 5, signed=True, unit="R")

    @admin.display(description="not assigned", ordering="residual")
    def residual_shown(self, row: Attribution) -> SafeString:
        return number(row.residual, 5, signed=True, unit="R")
