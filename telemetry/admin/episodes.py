"""Admin of episodes: the list with what became of each, and the page with its windows."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from telemetry.admin.episode_windows import window_rows
from telemetry.admin.revisions import revision_filter
from telemetry.core.episodes import EpisodeType
from telemetry.core.gate_windows import WindowOutcome
from telemetry.foundation.admin.formatting import MISSING, badge, format_moment, in_words, short
from telemetry.foundation.admin.read_only import FactAdmin, one_of
from telemetry.foundation.admin.text_filters import key_filter, window
from telemetry.models import Episode, EpisodeWindow, Trade
from telemetry.models.episodes import corrected


@admin.register(Episode)
class EpisodeAdmin(FactAdmin):
    """Chances to enter, to add and to trim, those that were not taken too."""

    nothing_yet = "Bots report them over the API as they end: POST /api/v1/telemetry/episodes/."
    change_form_template = "telemetry/episode.html"
    list_display = ("named", "kind", "traded", "ended", "n_windows", "became", "state")
    list_filter = (
        one_of("episode_type", [each.value for each in EpisodeType], "what it is a chance of"),
        one_of("outcome", [each.value for each in WindowOutcome]),
        revision_filter("standing", is_corrected=False),
        *window("ended_at", "time ended"),
        key_filter("recorded_by"),
    )
    sortable_by = ("ended",)
    search_fields = ("episode_id__icontains", "symbol__icontains")
    search_help_text = "any part of an episode's id or symbol"
    csv_fields = (
        "episode_id", "revision", "correction_reason", "episode_type", "book", "source", "symbol", "side", "timeframe",
        "cluster_id", "trade_id", "started_at", "ended_at", "ended_in", "entered", "outcome", "windows_in_it",
        "excluded_reason", "recorded_at",
    )  # fmt: skip
    fields = (
        ("kind", "traded", "timeframe", "book", "became"),
        ("started", "ended", "ended_as", "trade_named"),
        ("source", "recorder", "cluster_id", "not_learned", "state"),
    )
    readonly_fields = (
        "kind", "traded", "became", "started", "ended", "ended_as", "trade_named", "recorder", "not_learned", "state",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Episode]:
        queryset: QuerySet[Episode] = super().get_queryset(request)
        windows = EpisodeWindow.objects.filter(episode=OuterRef("pk")).order_by().values("episode")
        count = Subquery(windows.annotate(n=Count("pk")).values("n"))  # only of the rows of the page
        return queryset.annotate(windows_in_it=count, is_corrected=corrected())

    def page(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        revisions = list(Episode.objects.filter(episode_id=obj.episode_id).order_by("revision"))
        return {
            "title": obj.episode_id,
            "episode": obj,
            "rows": window_rows(list(obj.windows.order_by("index"))),
            "revisions": revisions,
        }

    @admin.display(description="episode")
    def named(self, episode: Episode) -> SafeString:
        return short(episode.episode_id, 60)

    @admin.display(description="a chance of")
    def kind(self, episode: Episode) -> str:
        return in_words(episode.episode_type)

    @admin.display(description="symbol")
    def traded(self, episode: Episode) -> SafeString:
        return format_html('{} <span class="cw-quiet">{}</span>', episode.symbol, episode.side)

    @admin.display(description="started")
    def started(self, episode: Episode) -> SafeString:
        return format_moment(episode.started_at)

    @admin.display(description="ended", ordering="ended_at")
    def ended(self, episode: Episode) -> SafeString:
        return format_moment(episode.ended_at)

    @admin.display(description="ended in")
    def ended_as(self, episode: Episode) -> str:
        return episode.ended_in.upper() or "cut off"

    @admin.display(description="windows")
    def n_windows(self, episode: Any) -> int:
        return int(episode.windows_in_it)

    @admin.display(description="became")
    def became(self, episode: Episode) -> SafeString:
        return badge(episode.outcome) if episode.outcome else badge("", "not known yet")

    @admin.display(description="trade made in it")
    def trade_named(self, episode: Episode) -> SafeString | str:
        """Show the trade by its external id, with a link where it is recorded."""
        if not episode.trade_id:
            return MISSING
        trade = Trade.objects.filter(external_id=episode.trade_id, is_current=True).only("pk").first()
        if trade is None:
            return episode.trade_id
        where = reverse("admin:telemetry_trade_change", args=[trade.pk])
        return format_html('<a href="{}">{}</a>', where, episode.trade_id)

    @admin.display(description="recorded with")
    def recorder(self, episode: Episode) -> SafeString:
        return short(f"key cw_{episode.recorded_by}…", 20) if episode.recorded_by else MISSING

    @admin.display(description="not learned from because")
    def not_learned(self, episode: Episode) -> str | SafeString:
        return episode.excluded_reason or MISSING

    @admin.display(description="state")
    def state(self, episode: Any) -> SafeString:
        if episode.is_corrected:
            return badge("superseded", f"r{episode.revision}, superseded")
        if episode.excluded_reason:
            return badge("stale", "not learned from")
        return badge("live", "stands") if episode.revision == 1 else badge("change", f"corrected, r{episode.revision}")
