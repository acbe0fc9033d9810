"""The limits of requests as text for authors of clients, with the numbers that the code uses."""

from __future__ import annotations

from django.conf import settings

from overrides.api.resolve import MOST_QUESTIONS
from overrides.requests.proposal_schema import MOST_LINES
from telemetry.api.trades import MOST_TRADES
from telemetry.core.trades import MOST_ACTIONS
from telemetry.foundation.api.list_view import MOST, USUAL

MEGABYTE = 1024 * 1024


def limits() -> str:
    """Return paragraphs for the description of the API."""
    rates = ", ".join(f"{role} {rate:,}" for role, rate in settings.API_REQUESTS_PER_MINUTE.items())
    return (
        f"A body has at most {settings.DATA_UPLOAD_MAX_MEMORY_SIZE / MEGABYTE:g} MB, with its length told (413, 411). "
        f"It may be sent as gzip (`Content-Encoding: gzip`); the limit holds for what it decodes to, and other codings "
        f"are refused (415). Answers of a kilobyte and more come as gzip to callers that accept it. A list has at most "
        f"{MOST_TRADES:,} trades of {MOST_ACTIONS} actions each, {MOST_QUESTIONS:,} questions or {MOST_LINES} lines "
        f"(400). A page has {USUAL} rows unless `limit` says otherwise, up to {MOST:,}.\n\n"
        f"A read is stopped after {settings.API_STATEMENT_SECONDS:g} s, a write after {settings.API_WRITE_SECONDS:g} s "
        f"or {settings.API_LOCK_SECONDS:g} s of waiting for what another is writing (503); whatever was begun is "
        f"undone, so the same request may be sent again. Levers wait for no database.\n\n"
        f"An author may have {settings.OPEN_REQUESTS_PER_AUTHOR} open change requests; the next is refused (400).\n\n"
        f"Requests a minute by the role of the key: {rates} (429), with `Retry-After`; a list is one request. Every "
        f"answer to a request that was counted holds `RateLimit-Policy` and `RateLimit` "
        f"(draft-ietf-httpapi-ratelimit-headers-10): `q` requests in `w` seconds, of which `r` are left for `t` "
        f"seconds. Each process reserves a hundredth at a time, so that `r` may be too high by what others have "
        f"reserved."
    )
