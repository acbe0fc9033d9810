"""Login limits: failed logins are counted in PostgreSQL (django-axes), and too many lock the login for some time.

The strict limit applies to a name from one address and stops guessing; the wide limit applies to a name from any
address and stops distributed guessing. A wrong password in a re-authentication counts like a failed login.
"""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime
from typing import Any

import structlog
from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from config.access.people_audit import people_audited
from telemetry.foundation.admin.reauthentication import note_proof

logger = structlog.get_logger(__name__)


class Attempts(AxesDatabaseHandler):  # type: ignore[misc]  # the package has no types
    """Counts failures by name and address, and by name; the settings list the two in this order."""

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """Return the failures on the scale of the strict limit, which is reached when either limit is."""
        counted: list[int] = [
            sum(attempts.values_list("failures_since_start", flat=True))
            for attempts in self.get_user_attempts(request, credentials)
        ]
        here, anywhere = counted
        return max(here, anywhere * settings.AXES_FAILURE_LIMIT // settings.LOGIN_FAILURES_ANYWHERE)

    def reset_user_attempts(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """Forget the failures from the address of a successful login; those from other addresses still count."""
        here, _ = self.filter_user_attempts(request, credentials)
        count: int = here.delete()[0]
        return count


class Passwords(ModelBackend):
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
