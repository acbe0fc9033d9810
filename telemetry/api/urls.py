"""Routes of telemetry below /api/v1/. A trailing slash is optional: a redirect would lose the body of a POST."""

from django.urls import re_path

from telemetry.api.decisions import DecisionView
from telemetry.api.episodes import EpisodesView, EpisodeView
from telemetry.api.outcomes import OutcomesView
from telemetry.api.trade_detail import TradeView
from telemetry.api.trades import TradesView

UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"

urlpatterns = [
    re_path(r"^trades/?$", TradesView.as_view(), name="trades"),
    re_path(r"^trades/(?P<external_id>.{1,200}?)/?$", TradeView.as_view(), name="trade"),  # a name may hold slashes
    re_path(r"^telemetry/episodes/?$", EpisodesView.as_view(), name="episodes"),
    re_path(r"^telemetry/episodes/(?P<episode_id>.{1,200}?)/?$", EpisodeView.as_view(), name="episode"),
    re_path(r"^outcomes/?$", OutcomesView.as_view(), name="outcomes"),
    re_path(rf"^decisions/(?P<decision_id>{UUID})/?$", DecisionView.as_view(), name="decision"),
]
