"""`GET /api/v1/outcomes/`: what every action of the current, included trades is judged by."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_view

from telemetry.api.pattern_fields import PATTERN
from telemetry.api.serializers import OutcomeFact
from telemetry.foundation.api.list_view import ListView, list_schema
from telemetry.foundation.api.query_parameters import Filters, period, words
from telemetry.models import Outcome

FILTERS: Filters = {
    **PATTERN,
    "book": words("book", "such as paper or live", longest=40),
    **period("closed_at", "trades closed at"),
}


@extend_schema_view(get=list_schema("list_outcomes", "Judged outcomes, newest first", OutcomeFact, FILTERS))
class OutcomesView(ListView):
    required_permission = "telemetry.view_outcome"
    filters = FILTERS
    rows = Outcome.objects.select_related("trade")
    document = OutcomeFact
