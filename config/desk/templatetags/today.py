"""The panels of the start page, `{% load today %}{% today as now %}`; each only for people with its permission."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django import template
from django.contrib.auth.models import User
from django.template import Context

from config.desk.alarms import SEES, shown_alarms
from config.desk.earned import PERMISSION as SEES_EARNED
from config.desk.earned_words import verdict_words
from config.desk.inbox import inbox
from config.desk.queue import queue
from config.desk.today import EARNED_TRADES, Counts, counts, due_mandates, served
from config.desk.troubles import Trouble, key_troubles, troubles
from overrides.admin.request_form import ReasonForm
from overrides.core.governance.permissions import LOWER, REVIEW, VIEW_REQUESTS
from overrides.monitoring.earning.earned import earned
from telemetry.foundation.admin.read_only import person

register = template.Library()


@register.simple_tag(takes_context=True)
def today(context: Context) -> dict[str, Any]:
    """Return the panels that the person may see."""
    user, now = person(context["request"]), datetime.now(UTC)
    counted = counts(user, now)
    return {
        "counted": counted,
        "simulated": counted.simulated,
        "alarms": shown_alarms() if user.has_perm(SEES) else None,
        "may_acknowledge": user.has_perm(REVIEW),
        "inbox": inbox(user),
        "queue": queue(user, now) if user.has_perm(VIEW_REQUESTS) else None,
        **_mandates(user, counted, now),
        **_served(user, counted, now),
        "machine": counted.machine if user.has_perm("overrides.view_monitor") else None,
        "earned": counted.earned if user.has_perm(SEES_EARNED) else None,
        "whole": verdict_words(earned()) if user.has_perm(SEES_EARNED) else "",
        "earned_trades": EARNED_TRADES,
        "report": counted.report if user.has_perm("overrides.view_weeklyreport") else None,
        "troubles": _troubles(user, counted, now),
    }


def _mandates(user: User, counted: Counts, now: datetime) -> dict[str, Any]:
    """Return the mandates that are due, and what the person may do about them."""
    sees = user.has_perm("overrides.view_mandate")
    return {
        "sees_mandates": sees,
        "due": due_mandates(now) if sees and counted.mandates_due else [],
        "may_renew": sees and user.has_perm(REVIEW),
        "may_revoke": sees and user.has_perm(LOWER),
    }


def _served(user: User, counted: Counts, now: datetime) -> dict[str, Any]:
    """Return what the modules serve, and the form that switches everything off where something is not off."""
    if not user.has_perm("overrides.view_modulemode"):
        return {"served": None}
    modules = served(counted, now)
    is_all_off = all(each.is_off for each in modules)
    return {
        "served": modules,
        "is_all_off": is_all_off,
        "may_switch_off": user.has_perm(LOWER) and not is_all_off,
        "off_form": ReasonForm(auto_id="off_%s"),
    }


def _troubles(user: User, counted: Counts, now: datetime) -> list[Trouble] | None:
    """Return what went wrong, if the person may see it; without keys that lack an owner there is no query for them."""
    if not user.has_perm("telemetry.view_jobrun"):
        return None
    found = troubles(counted.failed, counted.stuck, now)
    if not counted.unowned_keys:
        return found
    return [*found, *key_troubles(now, sees_keys=user.has_perm("access.view_apikey"))]
