"""The panels of the start page, `{% load today %}{% today as now %}`; each only for people with its permission."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django import template
from django.contrib.auth.models import User
from django.template import Context

from config.desk.alarms import SEES, shown_alarms
from config.desk.inbox import inbox
from config.desk.today import MOST_WAITING, Counts, Trouble, counts, key_troubles, served, troubles, waiting
from overrides.admin.request_form import ReasonForm
from overrides.core.governance.permissions import LOWER, REVIEW, VIEW_REQUESTS
from telemetry.foundation.admin.read_only import person

register = template.Library()


@register.simple_tag(takes_context=True)
def today(context: Context) -> dict[str, Any]:
    """Return the panels that the person may see."""
    user, now = person(context["request"]), datetime.now(UTC)
    sees_policy, sees_runs = user.has_perm(VIEW_REQUESTS), user.has_perm("telemetry.view_jobrun")
    counted = counts(user, now)
    return {
        "served": served(now) if user.has_perm("overrides.view_modulemode") else None,
        "waiting": waiting(user, now) if sees_policy else None,
        "most_waiting": MOST_WAITING,
        "afterwards": counted.afterwards if sees_policy else 0,
        "mandates_due": counted.mandates_due if user.has_perm("overrides.view_mandate") else 0,
        "mandates_suspended": counted.mandates_suspended if user.has_perm("overrides.view_mandate") else 0,
        "may_lower": user.has_perm(LOWER) and user.has_perm("overrides.view_modulemode"),
        "off_form": ReasonForm(auto_id="off_%s"),
        "simulated": counted.simulated,
        "alarms": shown_alarms() if user.has_perm(SEES) else None,
        "may_acknowledge": user.has_perm(REVIEW),
        "inbox": inbox(user),
        "troubles": [*troubles(counted, now), *_keys(user, counted, now)] if sees_runs else None,
    }


def _keys(user: User, counted: Counts, now: datetime) -> list[Trouble]:
    """Return the keys without an active owner; without any there is no query for them."""
    return key_troubles(now, sees_keys=user.has_perm("access.view_apikey")) if counted.unowned_keys else []
