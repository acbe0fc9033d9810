"""`GET /api/v1/cells/`: the statistics of every scope, as computed by `aggregate`."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_view
from rest_framework import serializers

from learning.models import Cell
from telemetry.api.pattern_fields import PATTERN, ScopeField
from telemetry.core.vocabulary import ActionCategory, Module
from telemetry.foundation.api.list_view import ListView, list_schema
from telemetry.foundation.api.query_parameters import Filter, Filters, digits, number_from, whole

FILTERS: Filters = {
    **{
        name: Filter(each.read, f"group__{each.lookup}", each.description, each.words) for name, each in PATTERN.items()
    },
    "min_n": number_from("n__gte", "smallest number of distinct trades"),
    "n_dims": Filter(digits(0, 40), "n_dims", "exact number of dimensions of the scope", type=whole(0, 40)),
}


class CellDocument(serializers.ModelSerializer[Cell]):
    """Statistics of one scope: distinct trades n (a cluster counts once), mean and variance of their outcomes."""

    module = serializers.ChoiceField([each.value for each in Module], source="group.module")
    pattern_key = serializers.CharField(source="group.pattern_key")
    action_category = serializers.ChoiceField([each.value for each in ActionCategory], source="group.action_category")
    aggregated_at = serializers.DateTimeField(source="group.aggregated_at")
    scope = ScopeField()

    class Meta:
        model = Cell
        fields = (
            "module", "pattern_key", "action_category", "scope", "n_dims", "n", "mean", "variance", "first_closed_at",
            "last_closed_at", "aggregated_at",
        )  # fmt: skip


@extend_schema_view(get=list_schema("list_cells", "Statistics by scope", CellDocument, FILTERS))
class CellsView(ListView):
    """Lists cells."""

    required_permission = "learning.view_cell"
    filters = FILTERS
    rows = Cell.objects.select_related("group")
    document = CellDocument
