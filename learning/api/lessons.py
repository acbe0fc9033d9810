"""`GET /api/v1/lessons/`: the current lesson of every line, as of the builder's latest run."""

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
    "type": one_of("type", [name for name, _ in CHANNELS], "the channel of its levers"),
    "policy": one_of("policy", [name for name, _ in POLICIES], "the learning method that built it"),
    "status": one_of("status", Lesson.Status.values, "too_light: stored, but too light to take effect"),
}


class LessonDocument(serializers.ModelSerializer[Lesson]):
    """A scope with an edge, its evidence and a target for each lever; not in force until a request publishes it."""

    scope = ScopeField()
    stats = serializers.DictField(help_text="edge_raw, n, variance, half_life_days, updated_at, baseline and more")
    targets = serializers.DictField(child=serializers.FloatField(), help_text="lever → target")
    first_as_of = serializers.DateTimeField(
        source="first_run.as_of", help_text="time of the builder run that first found it"
    )
    as_of = serializers.DateTimeField(source="run.as_of", help_text="time of the latest builder run that reported it")

    class Meta:
        model = Lesson
        fields = (
            "id", "line_id", "type", "policy", "module", "pattern_key", "action_category", "scope", "n_dims", "status",
            "stats", "edge_raw", "weight", "targets", "first_as_of", "as_of",
        )  # fmt: skip


@extend_schema_view(get=list_schema("list_lessons", "Lessons", LessonDocument, FILTERS))
class LessonsView(ListView):
    """Lists lessons."""

    required_permission = "learning.view_lesson"
    filters = FILTERS
    rows = Lesson.objects.select_related("run", "first_run")
    document = LessonDocument
