"""An override moves levers of the registry within its bounds; a version whose rows were altered is not served."""

from __future__ import annotations

import json
from typing import Any

import pytest

from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.governance.errors import VersionAltered
from overrides.models import Version
from overrides.versions.load_version import load_specs, refuse_altered
from tests.bypass.ways.forgery import HONEST, LINE, Forgery, as_before, refused, size, sql

pytestmark = [pytest.mark.usefixtures("market"), pytest.mark.django_db]

WRONG = "is no lever within its bounds"
LEVER_SETS: dict[str, tuple[Any, str]] = {
    "a lever": ({"size_mult": 1.1}, HONEST),
    "two levers": ({"size_mult": 1.1, "alloc_mult": 0.9}, HONEST),
    "a lever of fifty times": ({"size_mult": 50}, f"size_mult {WRONG}"),
    "a lever below nothing": ({"size_mult": -1}, f"size_mult {WRONG}"),
    "a lever as a text": ({"size_mult": "1.1"}, f"size_mult {WRONG}"),
    "a lever without a value": ({"size_mult": None}, f"size_mult {WRONG}"),
    "a lever that is none": ({"moon_mult": 1.0}, f"moon_mult {WRONG}"),
    "one of two": ({"size_mult": 1.1, "moon_mult": 1.0}, f"moon_mult {WRONG}"),
    **{f"{name} at its least": ({name: lever.low}, HONEST) for name, lever in LEVERS.items()},
    **{f"{name} at its greatest": ({name: lever.high}, HONEST) for name, lever in LEVERS.items()},
    **{f"{name} below its least": ({name: lever.low - 0.001}, f"{name} {WRONG}") for name, lever in LEVERS.items()},
    **{f"{name} above its greatest": ({name: lever.high + 0.001}, f"{name} {WRONG}") for name, lever in LEVERS.items()},
}


@pytest.mark.parametrize("name", LEVER_SETS)
def test_overrides_move_levers_within_bounds(name: str) -> None:
    levers, why = LEVER_SETS[name]
    copy = (
        "INSERT INTO overrides_override (id, line_id, levers, edge_raw, n, variance, half_life_days, updated_at, "
        "source, created_at) SELECT repeat('e', 64), line_id, %s, edge_raw, n, variance, half_life_days, updated_at, "
        "source, created_at FROM overrides_override WHERE line_id = %s LIMIT 1"
    )

    refused(lambda: sql(copy, json.dumps(levers), LINE), why)


UNREAD = "its promise cannot be read"
PROMISES: dict[str, tuple[Any, str]] = {
    "none": (None, HONEST),
    "all four numbers": ({"predicted": 0.1, "sd": 0.2, "mu0": 0, "s_p": 1}, HONEST),
    "one of them": ({"predicted": 0.1}, HONEST),
    "a text": ({"predicted": "much"}, UNREAD),
    "no number": ({"predicted": 0.1, "sd": None}, UNREAD),
    "another word": ({"predicted": 0.1, "moon": 1}, UNREAD),
    "a list": ([0.1], UNREAD),
    "a number alone": (0.1, UNREAD),
}


@pytest.mark.parametrize("name", PROMISES)
def test_promises_can_be_read(name: str) -> None:
    promise, why = PROMISES[name]
    copy = (
        "INSERT INTO overrides_override (id, line_id, levers, edge_raw, n, variance, half_life_days, updated_at, "
        "source, created_at, promise) SELECT repeat('e', 64), line_id, levers, edge_raw, n, variance, half_life_days, "
        "updated_at, source, created_at, %s FROM overrides_override WHERE line_id = %s LIMIT 1"
    )

    refused(lambda: sql(copy, json.dumps(promise), LINE), why)


def test_a_version_that_says_other_than_its_rows_is_not_served() -> None:
    """Memberships are served and `config_data` proves nothing: whoever loads a version recomputes its hash."""

    def forged() -> None:
        Forgery(brings=(size(1.1),), version={"content_hash": "f" * 64, "config_data": {"levers": "all at 1.29"}})()
        with pytest.raises(VersionAltered, match="its content has the hash"):
            refuse_altered(Version.objects.select_related("parameters").get(module="pm", number=4))

    refused(forged, HONEST)


def test_a_membership_that_begins_ended_is_refused() -> None:
    refused(Forgery(brings=(size(1.1),), membership={"to_version": 9}), "only to_version is set, once and later")


def test_an_override_that_is_other_than_its_hash_is_not_served() -> None:
    def forged() -> None:
        as_before("UPDATE overrides_override SET levers = '{\"size_mult\": 1.29}' WHERE id = %s", size(1.25).content_id)
        with pytest.raises(VersionAltered):
            list(load_specs("pm", 3))

    refused(forged, HONEST)
