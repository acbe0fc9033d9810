"""A recent proof of who is asking: pages that let more risk through want the password again where the last is old.

An unattended screen, or a stolen session, is then not enough. Whatever goes towards neutral never asks.
"""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.contrib.auth import authenticate
from django.http import HttpRequest

from telemetry.foundation.admin.read_only import person

PROVEN_AT = "identity_proven_at"  # in the session, in seconds since 1970
PASSWORD = "password"  # the field's name; what is typed into it is kept out of the log of failures


def note_proof(request: HttpRequest, at: datetime) -> None:
    """Remember in the session that its person has just logged in or typed the password."""
    request.session[PROVEN_AT] = at.timestamp()


def is_proof_due(request: HttpRequest, at: datetime) -> bool:
    """Whether the last proof is too old, or was never noted."""
    proven_at = request.session.get(PROVEN_AT)
    return proven_at is None or at.timestamp() - proven_at > settings.REAUTHENTICATE_SECONDS


def missing_proof(request: HttpRequest, at: datetime) -> str:
    """What is wrong with the proof that a form brings, empty where none is due or it is right.

    A wrong password counts as a failed login; none at all does not, as nothing was guessed.
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
