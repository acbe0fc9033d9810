"""Notices for the person logged in, of changes to who may approve; each is shown until acknowledged."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from overrides.requests.machine_acts import DISABLED, DROPPED, MONITOR
from overrides.requests.transitions import MANDATES
from telemetry.audit.notices import acknowledge, unread
from telemetry.foundation.admin.read_only import person
from telemetry.models import Notice

MOST_SHOWN = 12
MOST_NAMED = 4
NOTICE = "notice"
DONE = {  # by the monitor, by the action of its entry
    DISABLED: "disabled a line of {module}, in {request}",
    DROPPED: "took {module} to shadow, in {request}",
    MANDATES: "ended a mandate of {module} that {request} had signed",
}
MOST_DIGITS = 18  # of an id that PostgreSQL accepts


@dataclass(frozen=True)
class Line:
    """One notice in words, from its audit entry."""

    pk: int
    actor: str
    deed: str
    reason: str
    at: datetime
    url: str


@dataclass(frozen=True)
class Inbox:
    """The newest notices that a person has not acknowledged, and the number of all of them."""

    lines: tuple[Line, ...]
    n_unread: int


def inbox(reader: User) -> Inbox:
    """Return the notices for a person."""
    rows = unread(reader)
    newest = list(rows[: MOST_SHOWN + 1])
    n_unread = len(newest) if len(newest) <= MOST_SHOWN else rows.count()
    return Inbox(tuple(_line(row) for row in newest[:MOST_SHOWN]), n_unread)


@require_POST
def acknowledge_page(request: HttpRequest) -> HttpResponse:
    """Acknowledge the notices in the form for the person logged in."""
    sent = request.POST.getlist(NOTICE)
    chosen = [int(each) for each in sent if each.isascii() and each.isdecimal() and len(each) <= MOST_DIGITS]
    n_acknowledged = acknowledge(chosen, by=person(request), at=datetime.now(UTC))
    messages.success(request, f"{n_acknowledged} notice{'' if n_acknowledged == 1 else 's'} acknowledged")
    return HttpResponseRedirect(reverse("admin:index"))


def deeds(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield in words what an audit entry about a person or a group changed, as far as it concerns approvals.

    >>> entry = {"object": "person ada", "before": {"groups": ["viewer"]}, "after": {"groups": ["reviewer", "viewer"]}}
    >>> list(deeds(entry))
    ['put ada into reviewer']
    """
    what, _, name = content["object"].partition(" ")
    before, after = content["before"] or {}, content["after"] or {}
    called = f"the group {name}" if what == "group" else name
    if content["before"] is None:
        yield f"added {called}"
    elif "name" in after:
        yield f"renamed {before['name']} to {name}"
    if after.get("is_superuser"):
        yield f"made {called} a superuser"
    if after.get("is_active") and before:
        yield f"activated {called}"
    for field, sentence in (("groups", "put {} into {}"), ("permissions", "gave {} the permission {}")):
        gained = [each for each in after.get(field, ()) if each not in before.get(field, ())]
        if gained:
            yield sentence.format(called, _enumerated(gained))
    if "password" in after and before:
        yield f"set a new password for {called}"


def _enumerated(names: list[str]) -> str:
    """Return a list of names as text, shortened if it is long.

    >>> _enumerated(["a", "b", "c", "d", "e", "f"])
    'a, b, c, d and 2 more'
    """
    named = ", ".join(names[:MOST_NAMED])
    return named if len(names) <= MOST_NAMED else f"{named} and {len(names) - MOST_NAMED} more"


def _of_monitor(content: Mapping[str, Any]) -> str:
    """Return in words what the monitor did by itself; empty for entries of others.

    >>> _of_monitor({"actor": "the monitor", "action": "disable", "object": "request 7", "after": {"module": "pm"}})
    'disabled a line of pm, in request 7'
    """
    if content["actor"] != MONITOR or content["action"] not in DONE:
        return ""
    return DONE[content["action"]].format(module=content["after"]["module"], request=content["object"])


def _line(row: Notice) -> Line:
    """Return one notice in words."""
    content = json.loads(row.entry.content)
    url = reverse("admin:telemetry_auditentry_change", args=[row.entry_id])
    deed = _of_monitor(content) or ", ".join(deeds(content)) or f"{content['action']}: {content['object']}"
    return Line(row.pk, content["actor"], deed, content["reason"], row.entry.written_at, url)
