"""A DRF view whose usual request goes without DRF's request object, which costs as much as the work itself."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from rest_framework.request import Request
from rest_framework.views import APIView

from telemetry.foundation.api.json_parser import is_too_long, read_body
from telemetry.foundation.api.negotiation import ANYTHING, JSON

Read = TypeVar("Read")


class ShortView(APIView, Generic[Read]):
    """Answers a POST in two steps: `read` may refuse it and changes nothing, `answer` does the work.

    DRF's authenticators, permissions and throttles decide on either way; they need of a request what Django's has too.
    Whatever is unusual or refused is handed to DRF, which starts again and words the refusal.
    """

    def read(self, request: HttpRequest, body: object) -> Read:
        """Return what the request asks for; raise whatever DRF's handler of exceptions knows, above all Refused."""
        raise NotImplementedError

    def answer(self, asked: Read) -> HttpResponse:
        """Do what was asked and return the response."""
        raise NotImplementedError

    def usual(self, request: HttpRequest) -> HttpResponse | None:
        """Return the response to a usual request; None for one that DRF is to answer, to which nothing was done yet.

        What goes wrong while it is answered is raised, for it must not be answered twice.
        """
        if request.method != "POST" or not _is_usual(request.META):
            return None
        try:
            if is_too_long(request) or not self._may(request):  # DRF reads such a body, which is possible once
                return None
            asked = self.read(request, read_body(request))
        except Exception:  # DRF's way meets it again, and answers it or lets it through
            return None
        response = self.answer(asked)
        response.headers["Vary"] = "Accept"
        return response

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = self.usual(request)
        return super().dispatch(request, *args, **kwargs) if response is None else response

    def _may(self, request: HttpRequest) -> bool:
        """Identify the caller and return whether it may do this, now; raise what its authenticator raises."""
        for authenticator in self.get_authenticators():
            found = authenticator.authenticate(request)  # type: ignore[arg-type]  # it reads headers alone
            if found is not None:
                request.user, request.auth = found  # type: ignore[attr-defined]
                may = all(each.has_permission(request, self) for each in self.get_permissions())  # type: ignore[arg-type]  # it reads `auth` alone
                return may and all(each.allow_request(request, self) for each in self.get_throttles())  # type: ignore[arg-type]  # as above
        return False

    def post(self, request: Request) -> HttpResponseBase:
        return self.answer(self.read(request._request, request.data))


def _is_usual(headers: dict[str, Any]) -> bool:
    return headers.get("CONTENT_TYPE") == JSON and headers.get("HTTP_ACCEPT") in ANYTHING
