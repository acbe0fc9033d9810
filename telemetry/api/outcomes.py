"""`GET /api/v1/outcomes/`: the judged outcome of every action of the current, included trades."""

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
    """List judged outcomes, newest first."""

    required_permission = "telemetry.view_outcome"
    filters = FILTERS
    rows = Outcome.objects.select_related("trade")
    document = OutcomeFact
