"""`GET /api/v1/snapshot/`: the state of a module for clients that evaluate locally, by strong tag and compressed."""

from __future__ import annotations

from datetime import UTC, datetime

from django.http import HttpResponse, HttpResponseBase, HttpResponseNotModified
from django.utils.cache import patch_vary_headers
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import APIException
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from overrides.serving.clients.client_confirmations import CLIENTS
from overrides.serving.clients.snapshot import SNAPSHOTS
from overrides.serving.clients.snapshot_tag import NO_STATE, state_of
from overrides.serving.engine import ENGINE_ROOM
from telemetry.api.pattern_fields import MODULES
from telemetry.core.vocabulary import Module
from telemetry.foundation.api.compression import accepts_gzip
from telemetry.foundation.api.etags import held_tags, with_tag
from telemetry.foundation.api.query_parameters import query
from telemetry.foundation.api.schema_parts import problems
from telemetry.foundation.core.fields import matching, member, text

CONTENT_TYPE = "application/octet-stream"
PACKED = ".gz"  # ends the tag of the compressed form, which consists of other bytes
DIGEST = "Snapshot-Digest"  # says of a 304 too what the state is, so that equal tags of two servers are told apart
LONGEST_NAME = 100


class NoEngine(APIException):
    """This process has no state of the module that it could vouch for."""

    status_code = 503
    default_detail = "this process has not read the module's state lately; wait and ask again, serve your last good one"


class SnapshotRenderer(JSONRenderer):
    """Lets a caller accept bytes alone; problems remain JSON."""

    media_type = CONTENT_TYPE


class SnapshotView(APIView):
    """Return the snapshot of a module, or 304 to a client that has it."""

    required_permission = "overrides.resolve"
    renderer_classes = (JSONRenderer, SnapshotRenderer)

    @extend_schema(
        operation_id="get_snapshot",
        summary="A module's state, for local evaluation",
        description=(
            "Bytes that the Python client reads (counterweight.client.LocalClient): version, mode, parameters, "
            "coefficients, overrides as columns, and questions with their answers, by which a client proves its own "
            "arithmetic. Send the ETag as If-None-Match: while nothing changed the answer is 304. `Age` says for how "
            "many seconds this process has not confirmed the state with the database, `Snapshot-Digest` what the state "
            "is: where a 304 names another digest than the client holds, the tag is that of another server, or of this "
            "one before its database was restored. Ask with Accept-Encoding: gzip."
        ),
        parameters=[
            OpenApiParameter("module", str, enum=MODULES, required=True, description="the module that is evaluated"),
            OpenApiParameter(
                "client",
                {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME},
                description="a name for the client; the mode page lists it until it serves the newest state",
            ),
            OpenApiParameter(
                "body",
                {"type": "string", "pattern": "^[0-9a-f]{64}$"},
                description="sha256 of the body that the client holds; if it is still current it is left out",
            ),
        ],
        responses={
            (200, CONTENT_TYPE): OpenApiTypes.BINARY,
            304: OpenApiResponse(description="Unchanged."),
            **problems(400, 503),
        },
    )
    def get(self, request: Request) -> HttpResponseBase:
        fields = query(request, ("module", "client", "body"))
        module = fields.need("module", member(Module), Module.PM).value
        client = fields.take("client", text(LONGEST_NAME), None)
        body = fields.take("body", matching("[0-9a-f]{64}", "64 lower-case hexadecimal digits"), None)
        fields.close()
        held = [each.replace(f'{PACKED}"', '"') for each in held_tags(request)]
        if client is not None:
            served = next((known for each in held if (known := state_of(each, module)) != NO_STATE), NO_STATE)
            CLIENTS.note(client, getattr(request.auth, "prefix", ""), module, served, datetime.now(UTC))
        ENGINE_ROOM.start()
        age, state = ENGINE_ROOM.stale_seconds(module), ENGINE_ROOM.state(module)  # so that the state is no older
        if state is None or age > ENGINE_ROOM.max_stale_seconds:
            raise NoEngine
        packed, snapshot = accepts_gzip(request.headers.get("Accept-Encoding", "")), SNAPSHOTS.of(*state)
        response: HttpResponse
        if snapshot.tag in held:
            response = HttpResponseNotModified()
        else:
            response = HttpResponse(snapshot.content(packed=packed, known_body=body), CONTENT_TYPE)
            if packed:
                response["Content-Encoding"] = "gzip"
        response["Age"], response[DIGEST] = str(int(age)), snapshot.digest
        patch_vary_headers(response, ["Accept-Encoding"])
        return with_tag(response, f'{snapshot.tag[:-1]}{PACKED}"' if packed else snapshot.tag)
