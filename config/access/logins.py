"""Login limits: failed logins are counted in PostgreSQL (django-axes), and too many lock the login for some time.

The strict limit is on a name from one address, the wide one on all names from one address: an address may try at most
20 passwords of a name and 80 in all within an hour. No limit is on a name alone. Any stranger could reach that one and
so keep operators from switching everything off; the right password from another address always works. A wrong password
where a page asks for it again counts like a failed login.
"""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime
from typing import Any

import structlog
from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from config.access.people_audit import people_audited
from telemetry.foundation.admin.permissions import PermissionsAtOnce
from telemetry.foundation.admin.reauthentication import note_proof

IPV6_PREFIX = 64  # bits that name a subscriber's network

logger = structlog.get_logger(__name__)


class Attempts(AxesDatabaseHandler):  # type: ignore[misc]  # the package has no types
    """Counts failures by name and address, and by address; the settings list the two in this order."""

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """Return the failures on the scale of the strict limit, which is reached when either limit is."""
        counted: list[int] = [
            sum(attempts.values_list("failures_since_start", flat=True))
            for attempts in self.get_user_attempts(request, credentials)
        ]
        of_name, of_address = counted
        return max(of_name, of_address * settings.AXES_FAILURE_LIMIT // settings.LOGIN_FAILURES_OF_ADDRESS)

    def reset_user_attempts(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """Forget the failures of the name that logged in, from its address; those of other names still count."""
        of_name, _ = self.filter_user_attempts(request, credentials)
        count: int = of_name.delete()[0]
        return count


class Passwords(PermissionsAtOnce):
    """Checks names and passwords; if Django upgrades a stored hash at the login, the person gets an audit entry."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        at, reason = datetime.now(UTC), "the stored hash was weaker than new ones"
        with people_audited(actor=username or "", at=at, reason=reason, action="upgrade hash"):
            return super().authenticate(request, username, password, **kwargs)


def address_of(request: HttpRequest) -> str | None:
    """Return the caller's address as seen by our outermost proxy; entries before it may be forged.

    None if there is no address, as on a Unix socket.
    """
    seen = [each.strip() for each in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if each.strip()]
    chain = [*seen, request.META.get("REMOTE_ADDR", "")]
    address = chain[max(-1 - settings.TRUSTED_PROXIES, -len(chain))]
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return None


def network_of(request: HttpRequest) -> str | None:
    """Return the address that failed logins are counted by: of IPv6 the first of its /64, all of which one caller has.

    An IPv4 address written as IPv6 is that IPv4 address.
    """
    address = address_of(request)
    found = None if address is None else ipaddress.ip_address(address)
    if not isinstance(found, ipaddress.IPv6Address):
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found.packed, IPV6_PREFIX), strict=False).network_address)


def locked(request: HttpRequest, response: HttpResponse, credentials: dict[str, Any] | None) -> HttpResponse:
    """Return the page for a locked login, with the time to wait."""
    logger.warning("login locked", name=(credentials or {}).get("username"), address=address_of(request))
    seconds = int(settings.AXES_COOLOFF_TIME.total_seconds())
    page = render(request, "access/locked.html", {"minutes": seconds // 60}, status=429)
    page["Retry-After"] = str(seconds)
    page["Cache-Control"] = "no-store"
    return page


def note_login(*, request: HttpRequest, **_: object) -> None:
    """Record that a login has just proved the person's identity, for re-authentication."""
    note_proof(request, datetime.now(UTC))


def tidy(*, now: datetime) -> int:
    """Delete failures that no longer lock anything and expired sessions; return their number."""
    failures: int
    failures, _ = AccessAttempt.objects.filter(attempt_time__lt=now - settings.AXES_COOLOFF_TIME).delete()
    sessions, _ = Session.objects.filter(expire_date__lt=now).delete()
    return failures + sessions
