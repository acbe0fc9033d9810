"""`GET /api/v1/versions/`: what was published, and each version's content as one cacheable document."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpResponseBase
from django.utils.cache import get_conditional_response
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import generics, pagination, serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from overrides.api.documentation import VersionSerializer
from overrides.document import render_all
from overrides.load import load_specs
from overrides.models import Version
from telemetry.api.documentation import MODULES, problems
from telemetry.core.fields import member
from telemetry.core.objects import Fields
from telemetry.core.vocabulary import Module

METADATA = (
    "id", "module", "number", "is_active", "kind", "n_overrides", "content_hash", "published_at", "published_by",
)  # fmt: skip
IMMUTABLE = "private, max-age=31536000, immutable"
ASK_AGAIN = "private, no-cache"


class VersionSummary(serializers.ModelSerializer[Version]):
    class Meta:
        model = Version
        fields = METADATA


class NewestFirst(pagination.CursorPagination):
    ordering = "-id"


class VersionsView(generics.ListAPIView[Version]):
    required_permission = "overrides.view_version"
    serializer_class = VersionSummary
    pagination_class = NewestFirst

    def get_queryset(self) -> QuerySet[Version]:
        versions = Version.objects.only(*METADATA)
        fields = Fields(self.request.query_params.dict(), ("module", "cursor"))
        module = fields.take("module", member(Module), None)
        fields.close()
        return versions if module is None else versions.filter(module=module)

    @extend_schema(
        operation_id="list_versions",
        summary="Published versions, newest first",
        parameters=[OpenApiParameter("module", str, enum=MODULES)],
        responses={200: VersionSummary(many=True), **problems(400, 503)},
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.list(request, *args, **kwargs)


class VersionView(APIView):
    """One version by number. It never changes, so a cache may keep it."""

    required_permission = "overrides.view_version"

    @extend_schema(
        operation_id="get_version",
        summary="A version's content",
        description="Immutable. Send its ETag as If-None-Match to be answered 304 without a body.",
        responses={200: VersionSerializer, 304: OpenApiResponse(description="Unchanged."), **problems(404, 503)},
    )
    def get(self, request: Request, module: str, number: int) -> HttpResponseBase:
        version = Version.objects.select_related("parameters").filter(module=_known(module), number=number).first()
        if version is None:
            raise NotFound(f"{module} has no version {number}; GET /api/v1/versions/?module={module} lists what it has")
        return document_response(request, version, IMMUTABLE)


class ActiveVersionView(APIView):
    """The version in force. Poll it with its ETag."""

    required_permission = "overrides.view_version"

    @extend_schema(
        operation_id="get_active_version",
        summary="The content of the version in force",
        description="Send the ETag as If-None-Match: while the same version is in force the answer is 304.",
        responses={200: VersionSerializer, 304: OpenApiResponse(description="Unchanged."), **problems(404, 503)},
    )
    def get(self, request: Request, module: str) -> HttpResponseBase:
        version = Version.objects.select_related("parameters").filter(module=_known(module), is_active=True).first()
        if version is None:
            raise NotFound(f"nothing has been published for {module} yet; its levers are neutral")
        return document_response(request, version, ASK_AGAIN)


def document_response(request: Request, version: Version, cache_control: str) -> HttpResponseBase:
    """The version's document, or 304 when the caller has it. Number and content make the tag: both are in the body."""
    etag = f'"{version.module}-{version.number}-{version.content_hash}"'
    response = get_conditional_response(request, etag=etag)
    if response is None:
        response = Response(_document(version))
    response["ETag"], response["Cache-Control"] = etag, cache_control
    return response


def _document(version: Version) -> dict[str, Any]:
    """Without `is_active`: the body of an immutable version must not change when another takes its place."""
    metadata = {name: getattr(version, name) for name in METADATA if name != "is_active"}
    content = version.config_data
    if content is None:
        content = render_all(version.module, list(load_specs(version.module, version.number)), version.coefficients)
    return metadata | {"parameters": version.parameters.document, "document": content}


def _known(module: str) -> str:
    if module not in MODULES:
        raise Http404
    return module
