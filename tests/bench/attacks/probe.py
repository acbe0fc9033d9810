"""Whether the brake and the pages still work after an attempt that was accepted: a poisoned row would stop them."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client

from overrides.models import Membership
from overrides.requests.emergency import retire_lines, switch_everything_off, veto_line
from tests.bench.attacks.world import now

PAGES = (
    "/admin/",
    "/admin/overrides/changerequest/",
    "/admin/overrides/override/",
    "/admin/overrides/line/",
    "/admin/overrides/version/",
    "/admin/overrides/modulemode/",
    "/admin/overrides/modulepolicy/",
    "/admin/overrides/linehold/",
)


def _retire(lines: list[str], chief: User) -> object:
    return retire_lines(module="pm", lines=lines[:1], by=chief, reason="bad", at=now())


def _veto(lines: list[str], chief: User) -> object:
    return veto_line(line_id=lines[-1], by=chief, reason="bad", at=now())


def _off(_: list[str], chief: User) -> object:
    return switch_everything_off(by=chief, reason="bad", at=now())


def brakes() -> list[str]:
    """Return what no longer works: retiring, vetoing, everything off, and pages that answer 500."""
    chief = User.objects.get(username="somebody")
    lines = sorted(Membership.objects.filter(module="pm", to_version=None).values_list("line_id", flat=True))
    broken = []
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    for name, work in (("retire", _retire), ("veto", _veto), ("everything off", _off)):
        try:
            with transaction.atomic():
                work(lines, chief)
                transaction.set_rollback(True)
        except Exception as error:  # whatever a verb fails with is the outage that is looked for
            broken.append(f"{name} {type(error).__name__} {error}".splitlines()[0][:200])
    client = Client(raise_request_exception=False)
    client.force_login(chief)
    for page in PAGES:
        try:
            with transaction.atomic():
                status = client.get(page).status_code
        except Exception as error:  # likewise of a page
            broken.append(f"{page} {type(error).__name__} {error}".splitlines()[0][:200])
            continue
        if status != 200:
            broken.append(f"{page} {status}")
    return broken
