"""What a resolve is compared with: an empty DRF view behind an API key, without any middleware."""

from __future__ import annotations

import django
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponseBase
from django.test import override_settings
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.access.api.authentication import KeyAuthentication

PATH = "/empty/"


class EmptyView(APIView):
    """Authenticates the key, looks at nothing and returns an empty object."""

    authentication_classes = (KeyAuthentication,)
    permission_classes = ()
    throttle_classes = ()

    def post(self, request: Request) -> Response:
        return Response({})


urlpatterns = [path(PATH.lstrip("/"), EmptyView.as_view())]


class Reference(WSGIHandler):
    """Serves the view alone, in the process of the product or in one of its own."""

    def get_response(self, request: HttpRequest) -> HttpResponseBase:
        request.urlconf = __name__  # Django reads it
        return super().get_response(request)


def reference() -> WSGIHandler:
    """Return the application of the view, without middleware."""
    django.setup(set_prefix=False)
    with override_settings(MIDDLEWARE=[]):
        return Reference()
