"""Below /api/v1/. A trailing slash is optional: a redirect would lose the body of a POST."""

from django.urls import re_path

from telemetry.api.trades import TradesView

urlpatterns = [re_path(r"^trades/?$", TradesView.as_view(), name="trades")]
