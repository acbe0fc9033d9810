"""Helpers for admin tests: a logged-in browser, and requests that check the rules every page must keep."""

from __future__ import annotations

import re

from django.contrib.auth.models import Permission, User
from django.db.models import QuerySet
from django.test import Client

from overrides.models import ChangeRequest
from tests.people import settled

INLINE = re.compile(rb"<[^>]* style=|<style|<script(?![^>]* src=)|<[^>]* on[a-z]+=")
MOST_QUERIES = 12  # of one page, including those for session and permissions


def browser_of(person: User) -> Client:
    """Return a client that is logged in as this person."""
    with settled():
        person.user_permissions.add(*Permission.objects.filter(codename__startswith="view_"))
    client = Client()
    client.force_login(person)
    return client


def page(client: Client, url: str) -> str:
    """Return the page at `url`, which must exist and comply with the strict Content-Security-Policy."""
    response = client.get(url)
    assert response.status_code == 200, url
    assert INLINE.findall(response.content) == []
    assert "style-src" not in response["Content-Security-Policy"]  # so default-src 'self' binds styles too
    return str(response.content.decode())


def requests_by_people() -> QuerySet[ChangeRequest]:
    """Return the requests drafted by people, not those drafted by machines."""
    return ChangeRequest.objects.exclude(author=None)
