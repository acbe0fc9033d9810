"""`GET /api/v1/overrides/`: the overrides in force, and one override with its current weight."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from overrides.api.serializers import MembershipSerializer, OverrideInForceSerializer, WholeOverrideSerializer
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.impact.weight_breakdown import weigh
from overrides.models import CHANNELS, Membership, Override, Version
from overrides.versions.load_version import current_parameters, in_version
from telemetry.api.pattern_fields import PATTERN
from telemetry.foundation.api.list_view import ListView, list_schema
from telemetry.foundation.api.query_parameters import Filter, Filters, digits, narrowed, one_of, query, whole
from telemetry.foundation.api.schema_parts import named_id, problems
from telemetry.foundation.api.time_limits import bounded_reading
from telemetry.foundation.core.refusal import Refusal, Refused

LAST = 2**31 - 1
OF_LINES: Filters = {
    **{name: Filter(each.read, f"line__{each.lookup}", each.description, each.words) for name, each in PATTERN.items()},
    "type": one_of("line__channel", [name for name, _ in CHANNELS], "the channel its levers belong to"),
}
FILTERS: Filters = {
    **OF_LINES,
    "version": Filter(
        digits(1, LAST), "", "of this version of `module`, instead of the active ones", type=whole(1, LAST)
    ),
}


@extend_schema_view(
    get=list_schema("list_overrides", "Overrides in force, or of one version", OverrideInForceSerializer, FILTERS)
)
class OverridesView(ListView):
    """List the overrides in force, or those of one version."""

    required_permission = "overrides.view_override"
    filters = FILTERS
    rows = Membership.objects.select_related("override__line")
    document = OverrideInForceSerializer

    def selected(self, chosen: Mapping[str, Any], **path: Any) -> QuerySet[Membership]:
        numbers = _versions(chosen.get("module"), chosen.get("version"))
        held = Q(pk__in=())
        for module, number in numbers.items():
            held |= Q(in_version(number), module=module)
        of_lines = {name: value for name, value in chosen.items() if name in OF_LINES}
        return narrowed(self.rows.filter(held), OF_LINES, of_lines)


def _versions(module: str | None, number: int | None) -> dict[str, int]:
    """Return the version numbers to list overrides of, by module; raise Refused for an unknown version."""
    if number is None:
        return dict(Version.objects.filter(is_active=True).values_list("module", "number"))
    if module is None:
        raise Refused(Refusal("version", "is of a module; send `module` with it"))
    if not Version.objects.filter(module=module, number=number).exists():
        advice = f"{module} has no version {number}; GET /api/v1/versions/?module={module} lists what it has"
        raise Refused(Refusal("version", advice))
    return {module: number}


class OverrideView(APIView):
    """Return one override with its current weight and the versions that contain it."""

    required_permission = "overrides.view_override"

    @extend_schema(
        operation_id="get_override",
        summary="One override: content, weight now, versions that held it",
        parameters=[
            named_id("override_id", {"type": "string", "pattern": "^[0-9a-f]{64}$"}, "the hash of its content")
        ],
        responses={200: WholeOverrideSerializer, **problems(400, 404, 503)},
    )
    def get(self, request: Request, override_id: str) -> Response:
        query(request).close()
        with bounded_reading():
            override = Override.objects.select_related("line").filter(pk=override_id).first()
            if override is None:
                raise NotFound(
                    f"no override {override_id[:12]}… is stored; GET /api/v1/overrides/ lists those in force"
                )
            memberships = list(override.memberships.order_by("-from_version"))
            spec = override.spec
            return Response(
                {
                    "line": override.line_id,
                    "source": override.source,
                    "created_at": override.created_at,
                    "is_in_force": any(each.to_version is None for each in memberships),
                    "override": spec.to_document(),
                    "weighing": _weighing(spec, datetime.now(UTC)),
                    "memberships": MembershipSerializer(memberships, many=True).data,
                }
            )


def _weighing(spec: OverrideSpec, at: datetime) -> dict[str, Any]:
    channels = current_parameters(spec.module).channels
    channel = next(each for name, each in channels.items() if name is spec.channel)
    weighing = weigh(spec, channel.weights, at)
    return {
        "evaluated_at": at,
        "combiner": channel.combiner,
        "factors": [vars(factor) for factor in weighing.factors],
        "total": weighing.total,
        "fresh": weighing.fresh,
        "floor": weighing.floor,
        "acts": weighing.acts,
        "age_days": weighing.age_days,
        "meets_floor_at_days": weighing.meets_floor_at,
    }
