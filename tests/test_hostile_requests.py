"""Whatever is sent to the API, it is never answered 5xx, every refusal names what to mend, and nothing is stored."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from rest_framework.test import APIClient

from config.pages.schema import schema_document
from telemetry.core.canonical import utc_text
from tests.builders import KEY, NOW, SCOPE, action_payload, make_spec, trade_payload
from tests.clients import Kept, client_of, faults, fields_of

pytestmark = pytest.mark.django_db

MEGABYTE = 1024 * 1024
DEEP = 5000
CORES = ("telemetry", "overrides", "learning")


@dataclass(frozen=True)
class Door:
    """An endpoint that takes a body, and one that it takes."""

    address: str
    role: str
    body: Mapping[str, Any]


def trade() -> dict[str, Any]:
    optional = {
        "revision": 1, "book": "paper", "source": "bot", "side": "long", "timeframe": "4h", "cluster_id": "c1",
        "excluded_reason": "a test",
    }  # fmt: skip
    sale = action_payload(action_category="trim", rr_after=0.4, fraction=0.5, decision_ids=[])
    return trade_payload(**optional, actions=[sale])


def question() -> dict[str, Any]:
    return {
        "module": "pm", "pattern_key": KEY, "action_category": "entry", "scope": SCOPE, "at": utc_text(NOW),
        "current": {"size_mult": 1.0}, "rollout_key": "BTC/USDT", "base_allocation": 100.0,
    }  # fmt: skip


def proposal() -> dict[str, Any]:
    lines = [{"override": make_spec().to_document() | {"id": None}}]
    del lines[0]["override"]["id"]
    return {"module": "pm", "kind": "lines", "title": "less of it", "reason": "it loses", "lines": lines}


DOORS = {
    "trades": Door("/api/v1/trades/", "record", trade()),
    "resolve": Door("/api/v1/levers/resolve/", "evaluate", question()),
    "requests": Door("/api/v1/requests/", "propose", proposal()),
}
RAW = {"@1e999": "1e999", "@-1e999": "-1e999", "@digits": "9" * 4000}
WORDS = [
    "", " ", "x", "\0", "a\0b", "\ud800", "\udfff\ud800", "x" * 100_000, "null", "Unknown", "1e999", "٣",
    "2026-03-02T12:00:00", "2126-03-02T12:00:00Z", "1926-03-02T12:00:00Z", "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59", "2026-W10-1T00:00Z", "2026-02-30T00:00:00Z", "2026-03-02T12:00:00+99:99",
]  # fmt: skip
NUMBERS = [-1, 0, 3, 2**31, 2**63, 2**64, 10**400, -0.0, 1e-320, 1e308, 0.1, *RAW]
SHAPES: list[Any] = [True, [], {}, [[]], [{}], {"a": {"b": []}}, {"": 1}, {"\ud800": 1}, {"\0": 1}, {"x" * 1000: 1}]
VALUES: list[Any] = [*WORDS, *NUMBERS, *SHAPES, ["x"] * 10_000, {str(n): n for n in range(1000)}]


def of_one_object(named: str, path: str) -> bool:
    """Whether a refusal names the field that was changed, what is in it, or one beside it that no longer fits."""
    return named.startswith(path.rpartition(".")[0]) or path.startswith(named)


def dumped(body: object) -> bytes:
    """JSON with what json.dumps would not write."""
    text = json.dumps(body)
    for mark, number in RAW.items():
        text = text.replace(f'"{mark}"', number)
    return text.encode()


def places(value: object, path: str = "") -> Iterator[str]:
    """Every path below a JSON value, as refusals name them."""
    if isinstance(value, dict):
        for key, each in value.items():
            inner = f"{path}.{key}" if path else key
            yield inner
            yield from places(each, inner)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield f"{path}[{index}]"
            yield from places(each, f"{path}[{index}]")


def changed(body: object, path: str, value: object) -> Any:
    """The body with another value at the path."""
    result = deepcopy(body)
    steps = [int(each) if each.isdigit() else each for each in path.replace("[", ".").replace("]", "").split(".")]
    holder: Any = result
    for step in steps[:-1]:
        holder = holder[step]
    holder[steps[-1]] = value
    return result


def stored() -> int:
    """The rows of all tables of facts, opinions and policy together."""
    models = [model for label in CORES for model in apps.get_app_config(label).get_models()]
    counts = " + ".join(f"(SELECT count(*) FROM {model._meta.db_table})" for model in models)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {counts}")
        rows: int = cursor.fetchone()[0]
    return rows


def post(api: APIClient, door: Door, raw: bytes, content_type: str = "application/json", **extra: Any) -> Any:
    return api.generic("POST", door.address, raw, content_type=content_type, **extra)


def complaints(response: Any) -> list[str]:
    """Which fields were refused: in the problem, or in the receipts of a list."""
    if response.status_code != 200 or "results" not in response.json():
        return fields_of(response)
    return [error["field"] for result in response.json()["results"] for error in result["errors"]]


@pytest.fixture(autouse=True)
def queue(monkeypatch: pytest.MonkeyPatch) -> Kept:
    kept = Kept()
    monkeypatch.setattr("overrides.api.levers.QUEUE", kept)
    return kept


CASES = [(name, path) for name, door in DOORS.items() for path in places(door.body)]


class TestFields:
    @pytest.mark.parametrize(("name", "path"), CASES, ids=[f"{name}-{path}" for name, path in CASES])
    def test_of_a_body_are_named_where_they_hold_what_they_must_not(self, name: str, path: str) -> None:
        door = DOORS[name]
        api, before = client_of(door.role), stored()

        for number, value in enumerate(VALUES):
            body = dict(door.body)
            if "external_id" in body:
                body["external_id"] = f"t{number}"
            response = post(api, door, dumped(changed(body, path, value)))

            shown, named = repr(value)[:60], complaints(response)
            if response.status_code not in (200, 201):
                assert faults(response) == [], shown
                assert named, shown
            if named:
                assert all(of_one_object(each, path) for each in named), (shown, named)
                assert stored() == before, shown
            before = stored()
