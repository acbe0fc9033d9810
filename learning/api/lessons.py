"""`GET /api/v1/lessons/`: the builder's latest word on every line."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_view
from rest_framework import serializers

from learning.models import Lesson
from overrides.models import CHANNELS, POLICIES
from telemetry.api.pattern_fields import PATTERN, ScopeField
from telemetry.foundation.api.list_view import ListView, list_schema
from telemetry.foundation.api.query_parameters import Filters, one_of

FILTERS: Filters = {
    **PATTERN,
    "type": one_of("type", [name for name, _ in CHANNELS], "the channel its levers belong to"),
    "policy": one_of("policy", [name for name, _ in POLICIES], "how it was built"),
    "status": one_of("status", Lesson.Status.values, "too_light: kept, and too light to act"),
}


class LessonDocument(serializers.ModelSerializer[Lesson]):
    """A scope that stands out, with its evidence and a target per lever; an opinion until a request brings it."""

    scope = ScopeField()
    stats = serializers.DictField(help_text="edge_raw, n, variance, half_life_days, updated_at, baseline and more")
    targets = serializers.DictField(child=serializers.FloatField(), help_text="lever → target")
    first_as_of = serializers.DateTimeField(source="first_run.as_of", help_text="when the builder first saw it")
    as_of = serializers.DateTimeField(source="run.as_of", help_text="when the builder last spoke of it")

    class Meta:
        model = Lesson
        fields = (
            "id", "line_id", "type", "policy", "module", "pattern_key", "action_category", "scope", "n_dims", "status",
            "stats", "edge_raw", "weight", "targets", "first_as_of", "as_of",
        )  # fmt: skip


@extend_schema_view(get=list_schema("list_lessons", "Lessons", LessonDocument, FILTERS))
class LessonsView(ListView):
    required_permission = "learning.view_lesson"
    filters = FILTERS
    rows = Lesson.objects.select_related("run", "first_run")
    document = LessonDocument
