"""What a step on a request did, in the words of the message that follows it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from overrides.models import ChangeRequest

DONE: Mapping[str, str] = MappingProxyType(
    {
        "approve": "You approved request {number}",
        "apply": "Request {number} is applied and in force",
        "schedule": "Request {number} is scheduled",
        "unschedule": "Request {number} is no longer scheduled; it stays approved",
        "acknowledge": "You acknowledged request {number}",
        "renew": "You signed the mandates of request {number} again",
        "submit": "Request {number} is submitted and waits for a reviewer",
        "request_changes": "Request {number} is returned to its author with your comments",
        "reject": "Request {number} is rejected",
        "cancel": "Request {number} is withdrawn",
        "comment": "Your comment on request {number} is stored",
    }
)


def done(step: str, request: ChangeRequest) -> str:
    """Return what a step did to a request: a sentence that names the request and its title.

    >>> done("request_changes", ChangeRequest(pk=7, title="Smaller sizes"))
    'Request 7 is returned to its author with your comments: Smaller sizes'
    """
    return f"{DONE[step].format(number=request.pk)}: {request.title}"
