"""`GET /api/v1/coefficients/`: what dm remembers of each value of each lever."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_view
from rest_framework import serializers

from learning.models import Coefficient
from overrides.core.engine.definitions.coefficients import LEVER_DIMENSIONS
from telemetry.foundation.api.list_view import ListView, list_schema
from telemetry.foundation.api.query_parameters import Filters, number_from, one_of, words

FILTERS: Filters = {
    "lever": one_of("name", ["all", *LEVER_DIMENSIONS], "the lever; all: of the memory of all trades"),
    "value": words("key", "the lever's value, as scopes have it", longest=64),
    "min_n": number_from("n__gte", "at least so many trades"),
}


class CoefficientDocument(serializers.ModelSerializer[Coefficient]):
    """The fresh weight of a value with the two shrunk means behind it; an opinion until a version carries it."""

    lever = serializers.CharField(source="name", help_text="all: every trade together")
    value = serializers.CharField(source="key", help_text="empty for all")
    weight = serializers.FloatField(help_text="0.5 to 2")
    short_mean = serializers.FloatField(source="rr_short", help_text="in R, of about 14 days")
    long_mean = serializers.FloatField(source="rr_long", help_text="in R, of about 90 days")
    n = serializers.IntegerField(help_text="trades; those of a cluster count once")

    class Meta:
        model = Coefficient
        fields = ("id", "module", "lever", "value", "weight", "short_mean", "long_mean", "n", "as_of")


@extend_schema_view(get=list_schema("list_coefficients", "Fresh weights of dm", CoefficientDocument, FILTERS))
class CoefficientsView(ListView):
    required_permission = "learning.view_coefficient"
    filters = FILTERS
    rows = Coefficient.objects.all()
    document = CoefficientDocument
