"""The admin as a person uses it: a logged-in browser, and pages that keep the product's rules."""

from __future__ import annotations

import re

from django.contrib.auth.models import Permission, User
from django.db.models import QuerySet
from django.test import Client

from overrides.models import ChangeRequest

INLINE = re.compile(rb"<[^>]* style=|<style|<script(?![^>]* src=)|<[^>]* on[a-z]+=")
MOST_QUERIES = 12  # per page, including session and permissions


def browser_of(person: User) -> Client:
    for permission in Permission.objects.filter(codename__startswith="view_"):
        person.user_permissions.add(permission)
    client = Client()
    client.force_login(person)
    return client


def page(client: Client, url: str) -> str:
    """Return the text of the page at `url`, which must exist and have the strict Content-Security-Policy."""
    response = client.get(url)
    assert response.status_code == 200, url
    assert INLINE.findall(response.content) == []
    assert "style-src" not in response["Content-Security-Policy"]  # so default-src 'self' binds styles too
    return str(response.content.decode())


def drafted_by_people() -> QuerySet[ChangeRequest]:
    """Return the requests that persons drafted; what is in force already came from requests of machines."""
    return ChangeRequest.objects.exclude(author=None)
