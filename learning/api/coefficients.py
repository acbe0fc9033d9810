"""`GET /api/v1/coefficients/`: the decayed memory of each value of each coefficient dimension of dm."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_view
from rest_framework import serializers

from learning.models import Coefficient
from overrides.core.engine.definitions.coefficients import LEVER_DIMENSIONS
from telemetry.foundation.api.list_view import ListView, list_schema
from telemetry.foundation.api.query_parameters import Filters, number_from, one_of, words

FILTERS: Filters = {
    "lever": one_of("name", ["all", *LEVER_DIMENSIONS], "the coefficient dimension; all: the memory of all trades"),
    "value": words("key", "the value of the dimension, as in a scope", longest=64),
    "min_n": number_from("n__gte", "smallest number of trades"),
}


class CoefficientDocument(serializers.ModelSerializer[Coefficient]):
    """The fresh weight of a value and its two shrunk means; not served until a version contains it."""

    lever = serializers.CharField(source="name", help_text="the coefficient dimension; all: the memory of all trades")
    value = serializers.CharField(source="key", help_text="the value of the dimension; empty for all trades")
    weight = serializers.FloatField(help_text="0.5 to 2")
    short_mean = serializers.FloatField(source="rr_short", help_text="in R, decayed over about 14 days")
    long_mean = serializers.FloatField(source="rr_long", help_text="in R, decayed over about 90 days")
    n = serializers.IntegerField(help_text="number of trades; a cluster counts once")
    effective_days = serializers.FloatField(allow_null=True, help_text="days behind the short mean; null: not measured")
    low = serializers.FloatField(allow_null=True, help_text="lower end of the weight's 95 % interval; null: not known")
    high = serializers.FloatField(allow_null=True, help_text="upper end of the weight's 95 % interval; null: not known")
    walk_gain = serializers.FloatField(
        allow_null=True, help_text="R gained in the newest walk-forward; null: in force in no fold"
    )

    class Meta:
        model = Coefficient
        fields = (
            "id", "module", "lever", "value", "weight", "short_mean", "long_mean", "n", "effective_days", "low", "high",
            "walk_gain", "as_of", "measured_at",
        )  # fmt: skip


@extend_schema_view(get=list_schema("list_coefficients", "Fresh weights of dm", CoefficientDocument, FILTERS))
class CoefficientsView(ListView):
    """Lists coefficients."""

    required_permission = "learning.view_coefficient"
    filters = FILTERS
    rows = Coefficient.objects.all()
    document = CoefficientDocument
