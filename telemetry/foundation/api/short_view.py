"""A DRF view whose usual request goes without DRF's request object, which costs as much as the work itself."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Generic, TypeVar

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from rest_framework.request import Request
from rest_framework.views import APIView

from telemetry.foundation.api.json_parser import is_too_long, read_body
from telemetry.foundation.api.negotiation import ANYTHING, JSON

Read = TypeVar("Read")


class ShortAnswer:
    """An answer of JSON and its headers; Django's response would take as long to make as the rest of the request."""

    __slots__ = ("content", "headers")
    status_code, reason_phrase = 200, "OK"

    def __init__(self, content: bytes) -> None:
        self.content, self.headers = content, {"Content-Type": JSON, "Vary": "Accept"}


class ShortView(APIView, Generic[Read]):
    """Answers a POST in two steps: `read` may refuse it and changes nothing, `answer` does the work.

    DRF's authenticators, permissions and throttles decide on either way; they need of a request what Django's has too.
    Whatever is unusual or refused is handed to DRF, which starts again and words the refusal.
    """

    def read(self, request: HttpRequest, body: object) -> Read:
        """Return what the request asks for; raise whatever DRF's handler of exceptions knows, above all Refused."""
        raise NotImplementedError

    def answer(self, asked: Read) -> bytes:
        """Do what was asked and return the response as JSON."""
        raise NotImplementedError

    def usual(self, request: HttpRequest) -> ShortAnswer | None:
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
        return ShortAnswer(self.answer(asked))

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        found = self.usual(request)
        if found is None:
            return super().dispatch(request, *args, **kwargs)
        return HttpResponse(found.content, headers=found.headers)

    def _may(self, request: HttpRequest) -> bool:
        """Identify the caller and return whether it may do this, now; raise what its authenticator raises."""
        authenticators, permissions, throttles = _rules_of(type(self))  # type: ignore[arg-type]  # a class is hashable
        for authenticator in authenticators:
            found = authenticator.authenticate(request)
            if found is not None:
                request.user, request.auth = found  # type: ignore[attr-defined]
                may = all(each.has_permission(request, self) for each in permissions)
                return may and all(each.allow_request(request, self) for each in throttles)
        return False

    def post(self, request: Request) -> HttpResponseBase:
        return HttpResponse(self.answer(self.read(request._request, request.data)), content_type=JSON)


@lru_cache(100)
def _rules_of(view: type[APIView]) -> tuple[Any, Any, Any]:
    """Return the authenticators, permissions and throttles of a view; what they note of a refusal is not read here."""
    made = view()
    return made.get_authenticators(), made.get_permissions(), made.get_throttles()


def _is_usual(headers: dict[str, Any]) -> bool:
    return headers.get("CONTENT_TYPE") == JSON and headers.get("HTTP_ACCEPT") in ANYTHING
