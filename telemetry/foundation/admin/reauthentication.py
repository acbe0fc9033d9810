"""Re-authentication ("sudo mode"): pages that let risk increase ask for the password if the last proof is old.

An unattended screen or a stolen session is then not enough to raise risk. Actions that only reduce it never ask.
"""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.contrib.auth import authenticate
from django.http import HttpRequest

from telemetry.foundation.admin.read_only import person

PROVEN_AT = "identity_proven_at"  # in the session, in seconds since 1970
PASSWORD = "password"  # the form field's name; its value is kept out of the log of failures


def note_proof(request: HttpRequest, at: datetime) -> None:
    """Store in the session that the user has just logged in or entered the password."""
    request.session[PROVEN_AT] = at.timestamp()


def is_proof_due(request: HttpRequest, at: datetime) -> bool:
    """Return whether the last proof is too old or was never stored."""
    proven_at = request.session.get(PROVEN_AT)
    return proven_at is None or at.timestamp() - proven_at > settings.REAUTHENTICATE_SECONDS


def missing_proof(request: HttpRequest, at: datetime) -> str:
    """Return what is wrong with the submitted password; empty if no proof is due or the password is right.

    A wrong password counts as a failed login. A missing one does not, because nothing was guessed.
    """
    if not is_proof_due(request, at):
        return ""
    password = request.POST.get(PASSWORD, "")
    if not password:
        return "type your password as well: it is a while since you last did. Nothing was done."
    found = authenticate(request, username=person(request).get_username(), password=password)
    if found is None or found.pk != request.user.pk:
        return "this is not your password. Nothing was done."
    note_proof(request, at)
    return ""
