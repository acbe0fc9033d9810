"""The world of the forgeries: committed once for all of them, with trades, mandates and people of every kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from telemetry.recording.record_trades import record_trades
from tests.builders import NOW, draft, make_spec, make_trades, publish, set_mode
from tests.bypass.conftest import committed
from tests.bypass.ways.forgery import DIP, size
from tests.people import make_person


def furnish() -> None:
    """Publish one line twice and another once, under mandates; draft a request; let two people review.

    The other module has versions, lines and mandates of the same numbers, so that a rule that forgets the module fails.
    """
    record_trades(make_trades([1.0] * 100), now=NOW)
    allocation: dict[str, Any] = {"type": "dm_alloc", "module": "dm", "action_category": "allocation"}
    for target in (1.1, 1.15, 1.2, 1.25):
        publish(make_spec({"alloc_mult": target}, **allocation), module="dm", source="lesson")
    publish(make_spec({"alloc_mult": 1.3}, scope={"chain": "sol"}, **allocation), module="dm", source="lesson")
    publish(size(1.2), source="lesson")
    publish(size(1.25), source="lesson")
    publish(size(1.2, DIP), source="lesson")
    set_mode("shadow", rollout_percent=20, allow={"bucket": ["mid", "nano"]})
    make_person("second", "overrides.review_changerequest", is_staff=True)
    make_person("operator", "overrides.lower_modulemode", is_staff=True)
    draft(size(1.1), author=make_person("writer", "overrides.review_changerequest"))


@pytest.fixture(scope="package")
def market(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with committed(django_db_blocker, furnish):
        yield
