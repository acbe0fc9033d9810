"""What the demos' people do: draft requests, wait for their effects, approve them and put them into force."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User

from config.demo.queue import wait_until
from overrides.models import ChangeRequest, WhatIf
from overrides.requests.apply import apply_request
from overrides.requests.authoring import draft_request
from overrides.requests.impact.effects import request_effects
from overrides.requests.review import approve
from telemetry.foundation.models import BackgroundResult


def draft(
    author: User, at: datetime, *, module: str, kind: str, title: str, reason: str, content: dict[str, Any]
) -> None:
    """Draft a request of a person, and submit it for review."""
    draft_request(
        module=module,
        kind=kind,
        title=title,
        reason=reason,
        author=author,
        author_name=author.get_username(),
        at=at,
        content=content,
    )


def approve_all(reviewer: User, at: datetime) -> None:
    """Approve and apply all waiting requests, once their effects are known."""
    compute_effects(at)
    for request in ChangeRequest.objects.filter(state=ChangeRequest.State.IN_REVIEW).order_by("id"):
        approve(request_id=request.pk, by=reviewer, at=at, reason="demo: agreed")
    for request in ChangeRequest.objects.filter(state=ChangeRequest.State.APPROVED).order_by("id"):
        apply_request(request_id=request.pk, by=reviewer, at=at)


def compute_effects(at: datetime) -> None:
    """Compute the effects of the requests submitted or published at this time, from the decisions known then."""
    while request_effects(now=at):
        wait_until(lambda: not is_counting(WhatIf), "the effects of requests")


def is_counting(model: type[BackgroundResult]) -> bool:
    """Return whether some result of this kind is still to be computed."""
    return model._default_manager.filter(status__in=model.UNDER_WAY).exists()
