"""The world of the forgeries: committed once for all of them, with trades, mandates and people of every kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command

from telemetry.recording.record_trades import record_trades
from tests.builders import NOW, draft, make_trades, publish, set_mode
from tests.bypass.ways.forgery import DIP, size
from tests.people import make_person


def furnish() -> None:
    """Publish one line twice and another once, under mandates; draft a request; let two people review."""
    record_trades(make_trades([1.0] * 100), now=NOW)
    publish(size(1.2), source="lesson")
    publish(size(1.25), source="lesson")
    publish(size(1.2, DIP), source="lesson")
    set_mode("shadow", rollout_percent=20, allow={"bucket": ["mid", "nano"]})
    make_person("second", "overrides.review_changerequest", is_staff=True)
    make_person("operator", "overrides.lower_modulemode", is_staff=True)
    draft(size(1.1), author=make_person("writer", "overrides.review_changerequest"))


@pytest.fixture(scope="package")
def market(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        furnish()
        try:
            yield
        finally:
            call_command("flush", interactive=False, verbosity=0)
