"""`GET /api/v1/versions/`: the published versions, and the content of each as one cacheable document."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase
from django.utils.cache import get_conditional_response
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework.exceptions import APIException, NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from overrides.api.resolve_schema import VersionSerializer
from overrides.api.serializers import VersionSummary
from overrides.core.governance.config_data import render_all
from overrides.core.governance.errors import VersionAltered
from overrides.models import Version
from overrides.versions.load_version import load_specs, refuse_altered
from telemetry.api.pattern_fields import MODULE, MODULES
from telemetry.foundation.api.etags import CACHE_CONTROL
from telemetry.foundation.api.list_view import ListView, list_schema
from telemetry.foundation.api.query_parameters import Filter, Filters, query, truth
from telemetry.foundation.api.schema_parts import named_id, problems
from telemetry.foundation.api.time_limits import bounded_reading

METADATA = tuple(name for name in VersionSummary.Meta.fields if name != "is_active")
IMMUTABLE = "private, max-age=31536000, immutable"
OF_MODULE = OpenApiParameter("module", str, OpenApiParameter.PATH, enum=MODULES, description="whose version")
NUMBER = named_id("number", {"type": "integer", "minimum": 0}, "counts the versions of the module from 1")
FILTERS: Filters = {
    "module": MODULE,
    "is_active": Filter(truth, "is_active", "in force, or not", type=OpenApiTypes.BOOL),
}


@extend_schema_view(get=list_schema("list_versions", "Published versions, newest first", VersionSummary, FILTERS))
class VersionsView(ListView):
    """List published versions, newest first."""

    required_permission = "overrides.view_version"
    filters = FILTERS
    rows = Version.objects.only(*VersionSummary.Meta.fields)
    document = VersionSummary


class VersionView(APIView):
    """Return one version by number. It never changes, so caches may keep it."""

    required_permission = "overrides.view_version"

    @extend_schema(
        operation_id="get_version",
        summary="A version's content",
        parameters=[OF_MODULE, NUMBER],
        description="Immutable. Send its ETag as If-None-Match to be answered 304 without a body.",
        responses={200: VersionSerializer, 304: OpenApiResponse(description="Unchanged."), **problems(400, 404, 503)},
    )
    def get(self, request: Request, module: str, number: int) -> HttpResponseBase:
        query(request).close()
        with bounded_reading():
            version = Version.objects.select_related("parameters").filter(module=module, number=number).first()
            if version is None:
                advice = f"GET /api/v1/versions/?module={module} lists what it has"
                raise NotFound(f"{module} has no version {number}; {advice}")
            return document_response(request, version, IMMUTABLE)


class ActiveVersionView(APIView):
    """Return the version in force. Poll it with its ETag."""

    required_permission = "overrides.view_version"

    @extend_schema(
        operation_id="get_active_version",
        summary="The content of the version in force",
        parameters=[OF_MODULE],
        description="Send the ETag as If-None-Match: while the same version is in force the answer is 304.",
        responses={200: VersionSerializer, 304: OpenApiResponse(description="Unchanged."), **problems(400, 404, 503)},
    )
    def get(self, request: Request, module: str) -> HttpResponseBase:
        query(request).close()
        with bounded_reading():
            version = Version.objects.select_related("parameters").filter(module=module, is_active=True).first()
            if version is None:
                raise NotFound(f"nothing has been published for {module} yet; its levers are neutral")
            return document_response(request, version, CACHE_CONTROL)


class Altered(APIException):
    """The stored rows of the version do not belong to its hash."""

    status_code = 503
    default_code = "version_altered"


def document_response(request: Request, version: Version, cache_control: str) -> HttpResponseBase:
    """Return the version's document, or 304 if the caller has it. The ETag holds number and content hash.

    The document is rendered from the rows that are served, never from the stored copy; a version whose rows do not
    belong to its hash is answered by 503.
    """
    etag = f'"{version.module}-{version.number}-{version.content_hash}"'
    response = get_conditional_response(request, etag=etag)
    if response is None:
        response = Response(_document(version))
    response["ETag"], response["Cache-Control"] = etag, cache_control
    return response


def _document(version: Version) -> dict[str, Any]:
    """Return the document without `is_active`, so that the body of a version never changes."""
    metadata = {name: getattr(version, name) for name in METADATA}
    try:
        refuse_altered(version)
        specs = list(load_specs(version.module, version.number))
    except VersionAltered as error:
        raise Altered(str(error)) from error
    content = render_all(version.module, specs, version.coefficients)
    return metadata | {"parameters": version.parameters.document, "document": content}
