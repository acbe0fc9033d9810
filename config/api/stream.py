"""`GET /api/v1/stream/` at the web process: says where the stream is, as each listener here would hold a thread."""

from __future__ import annotations

from django.conf import settings
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from telemetry.foundation.api.problem_details import CONTENT_TYPE, problem

RETRY_AFTER_SECONDS = "60"


class EventStreamRenderer(JSONRenderer):
    """Lets a listener accept an event stream alone; it is refused by a problem in JSON."""

    media_type = "text/event-stream"


class StreamElsewhere(APIView):
    """Answers 503, so that clients go on asking for the state; a front server sends this path to the stream itself."""

    required_permission = "overrides.view_version"
    renderer_classes = (JSONRenderer, EventStreamRenderer)
    schema = None

    def get(self, request: Request) -> Response:
        where = f"connect to {settings.STREAM_URL}" if settings.STREAM_URL else "none is configured here"
        detail = f"a process of its own serves the stream: {where}, or ask for the state from time to time"
        headers = {"Retry-After": RETRY_AFTER_SECONDS}
        return Response(problem(503, detail), status=503, content_type=CONTENT_TYPE, headers=headers)
