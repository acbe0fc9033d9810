"""`GET /api/v1/modes/`: the serving mode of each module."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from overrides.api.serializers import ModesSerializer
from overrides.models import ModuleMode, Version
from overrides.serving.mode import full_document
from telemetry.api.pattern_fields import MODULES
from telemetry.foundation.api.etags import tagged
from telemetry.foundation.api.query_parameters import query
from telemetry.foundation.api.schema_parts import problems
from telemetry.foundation.api.time_limits import bounded_reading


class ModesView(APIView):
    """Return the serving mode of every module."""

    required_permission = "overrides.view_modulemode"

    @extend_schema(
        operation_id="list_modes",
        summary="How each module is served",
        description="Send the ETag as If-None-Match: while nothing changed the answer is 304.",
        responses={200: ModesSerializer, 304: OpenApiResponse(description="Unchanged."), **problems(400, 503)},
    )
    def get(self, request: Request) -> HttpResponseBase:
        query(request).close()
        with bounded_reading():
            rows = {row.module: row for row in ModuleMode.objects.select_related("challenger")}
            active = dict(Version.objects.filter(is_active=True).values_list("module", "number"))
        return tagged(request, {"results": [_document(name, rows.get(name), active.get(name)) for name in MODULES]})


def _document(module: str, row: ModuleMode | None, active: int | None) -> dict[str, Any]:
    return {
        "module": module,
        **full_document(row),
        "active_version": active,
        "revision": row.revision if row else 0,
        "changed_at": row.changed_at if row else None,
        "changed_by": row.changed_by if row else "",
        "reason": row.reason if row else "",
    }
