"""Errors outside the views: problem details below /api/ and /ofrep/, Django's own pages elsewhere."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views import defaults
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.views import APIView

from telemetry.foundation.api.problem_details import CONTENT_TYPE, problem


class ApiNotFound(APIView):
    """Answers 404 to any path below /api/ or /ofrep/ that is not an endpoint."""

    permission_classes = (AllowAny,)
    authentication_classes = ()
    schema = None

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        raise Http404


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Answer an unreadable request."""
    if _is_api(request):
        return _problem(400, "this request cannot be read; check its host, headers and address")
    return defaults.bad_request(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer an unhandled exception."""
    if _is_api(request):
        return _problem(500, "something failed on our side and was logged; nothing was half written, so send it again")
    return defaults.server_error(request)


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith(("/api/", "/ofrep/"))


def _problem(status: int, detail: str) -> JsonResponse:
    return JsonResponse(problem(status, detail), status=status, content_type=CONTENT_TYPE)
