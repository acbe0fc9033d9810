"""Responses as gzip for callers that accept it, where they are large enough to gain from it."""

from __future__ import annotations

import gzip
from functools import lru_cache

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from telemetry.foundation.api.short_view import ShortAnswer

LEAST_BYTES = 1024  # a shorter answer fits one packet as it is
REFUSED = frozenset({"q=0", "q=0.0", "q=0.00", "q=0.000"})
LEVEL = 1  # most of the gain for a fraction of the time; ids are hashes, which no level shortens


def compress(request: HttpRequest, response: HttpResponse | ShortAnswer) -> None:
    """Compress the content of a response in place, if its caller accepts gzip and nobody has encoded it already.

    The length is for the caller to state.

    Compression may leak a secret that stands in a response beside text of an attacker's choice, if the attacker can
    make the victim's browser send requests (BREACH). The answers of the API hold no secrets, and a browser cannot send
    the key, because no cookie carries it.
    """
    if len(response.content) < LEAST_BYTES or "Content-Encoding" in response.headers:
        return
    response.headers["Vary"] = _varied(response.headers.get("Vary", ""))
    if not accepts_gzip(request.META.get("HTTP_ACCEPT_ENCODING", "")):
        return
    response.content = gzip.compress(response.content, LEVEL, mtime=0)
    response.headers["Content-Encoding"] = "gzip"
    etag = response.headers.get("ETag", "")
    if etag.startswith('"'):
        response.headers["ETag"] = f"W/{etag}"  # a strong one names the bytes of the uncompressed response


@lru_cache(100)
def _varied(known: str) -> str:
    """Return a Vary header with Accept-Encoding in it; there are few, and Django takes long to add to one."""
    response = HttpResponse(headers={"Vary": known} if known else {})
    patch_vary_headers(response, ("Accept-Encoding",))
    return response.headers["Vary"]


def accepts_gzip(header: str) -> bool:
    """Return whether an Accept-Encoding header asks for gzip.

    >>> accepts_gzip("gzip, deflate"), accepts_gzip("br;q=1.0, gzip;q=0.8"), accepts_gzip("gzip;q=0"), accepts_gzip("")
    (True, True, False, False)
    """
    for part in header.lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() in ("gzip", "x-gzip"):
            return weight.strip() not in REFUSED
    return False
