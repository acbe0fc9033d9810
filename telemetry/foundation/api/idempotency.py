"""`Idempotency-Key`: a repeated POST is answered from the stored first response for a day; nothing is done twice.

The response is stored in the transaction of the work. A process that dies in between therefore leaves neither, and the
key can be used again once the first attempt counts as abandoned.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any, TypeVar

from django.db import Error, transaction
from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import APIException
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from telemetry.foundation.api.time_limits import write_time_limit
from telemetry.foundation.core.fields import matching, named
from telemetry.foundation.models import StoredAnswer

HEADER = "Idempotency-Key"
RETENTION = timedelta(days=1)
ABANDONED_AFTER = timedelta(minutes=2)  # longer than any request may take
View = TypeVar("View")
Handler = Callable[[View, Request], Response]

IDEMPOTENCY_KEY = OpenApiParameter(
    HEADER,
    {"type": "string", "pattern": "^[!-~]{1,200}$"},
    OpenApiParameter.HEADER,
    description=(
        "A name of your own for this request. Sent again within a day with the same body it is answered as it was the "
        "first time (`Idempotent-Replayed: true`) and nothing is done; with another body it is refused."
    ),
)
_read_key = matching("[!-~]{1,200}", "1 to 200 printable ASCII characters without spaces, such as a UUID")


class KeyOfAnotherBody(APIException):
    """The key was used before with another body or address."""

    status_code = 422
    default_detail = f"this {HEADER} was sent with another body or address; send a new key for a new request"


class InFlight(APIException):
    """The first request with this key is still being processed."""

    status_code = 409
    default_detail = f"the request with this {HEADER} is still being worked on; send it again in a moment"


def idempotent(handler: Handler[View]) -> Callable[[View, Request], HttpResponseBase]:
    """Decorate a POST handler to replay the stored response to a repeated key; refusals are not stored."""

    @wraps(handler)
    def once(view: View, request: Request) -> HttpResponseBase:
        if HEADER not in request.headers:
            return handler(view, request)
        with write_time_limit():
            row, is_mine = _claimed(request, datetime.now(UTC))
        if not is_mine:
            return _replayed(row)
        try:
            return _answered(row, lambda: handler(view, request))
        except BaseException:
            with suppress(Error):  # if the database is unreachable, the key expires by its age
                row.delete()
            raise

    return once


def _claimed(request: Request, now: datetime) -> tuple[StoredAnswer, bool]:
    """Return the row of the key, and whether this request is the one that does the work.

    Raises KeyOfAnotherBody and InFlight.
    """
    key = named(_read_key, request.headers[HEADER], HEADER)
    _ = request.data  # parses the body first: an invalid one is refused before the key is used
    digest = hashlib.sha256(request.path.encode() + b"\n" + request.body).digest()
    StoredAnswer.objects.filter(created_at__lt=now - RETENTION).delete()
    row, is_new = StoredAnswer.objects.get_or_create(
        caller=str(request.user.pk), key=key, defaults={"digest": digest, "created_at": now}
    )
    if bytes(row.digest) != digest:
        raise KeyOfAnotherBody
    if is_new or row.status is not None:
        return row, is_new
    abandoned = StoredAnswer.objects.filter(pk=row.pk, status=None, created_at__lt=now - ABANDONED_AFTER)
    if not abandoned.update(created_at=now):
        raise InFlight
    return row, True


@transaction.atomic
def _answered(row: StoredAnswer, work: Callable[[], Response]) -> Response:
    response = work()
    row.status, row.body = response.status_code, JSONRenderer().render(response.data).decode()
    row.save(update_fields=["status", "body"])
    return response


def _replayed(row: StoredAnswer) -> HttpResponseBase:
    headers: dict[str, Any] = {"Idempotent-Replayed": "true"}
    return HttpResponse(row.body, status=row.status, content_type="application/json", headers=headers)
