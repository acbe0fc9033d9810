"""The admin as a person finds it: somebody logged in, and pages that keep to the house's rules."""

from __future__ import annotations

import re

from django.contrib.auth.models import Permission, User
from django.db.models import QuerySet
from django.test import Client

from overrides.models import ChangeRequest

INLINE = re.compile(rb"<[^>]* style=|<style|<script(?![^>]* src=)|<[^>]* on[a-z]+=")
MOST_QUERIES = 12  # of a page, session and permissions among them


def browser_of(person: User) -> Client:
    for permission in Permission.objects.filter(codename__startswith="view_"):
        person.user_permissions.add(permission)
    client = Client()
    client.force_login(person)
    return client


def page(client: Client, url: str) -> str:
    """The page at `url`, which must be there and keep to the strict Content-Security-Policy."""
    response = client.get(url)
    assert response.status_code == 200, url
    assert INLINE.findall(response.content) == []
    assert "style-src" not in response["Content-Security-Policy"]  # so default-src 'self' binds styles too
    return str(response.content.decode())


def drafted_by_people() -> QuerySet[ChangeRequest]:
    """The requests that somebody asked for; what stands already came of those of machines."""
    return ChangeRequest.objects.exclude(author=None)
