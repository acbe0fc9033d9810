"""Honest flows with one value altered in one statement: whatever that brings beyond the honest flow governs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.contrib.auth.models import User
from django.db import connection

from overrides.requests.apply import apply_request
from overrides.requests.emergency import lower_mode_with_request, pin_line, quarantine_builder, retire_lines, veto_line
from overrides.requests.review import approve, reject, schedule
from tests.bench.attacks.judge import snapshot
from tests.bench.attacks.probe import brakes
from tests.bench.attacks.world import Outcome, World, attempt, now, spec
from tests.builders import draft

Flow = Callable[[], object]


def _apply(request: int, by: User) -> None:
    apply_request(request_id=request, by=by, at=now())


def flows(world: World) -> dict[str, Flow]:
    chief = User.objects.get(username="somebody")
    third = User.objects.get(username="third")
    asked = world.requests

    def whole() -> None:
        request = draft(spec(1.08, {"macro_phase": "Recover"}), author=User.objects.get(username="writer"), at=now())
        approve(request_id=request.pk, by=third, at=now())
        apply_request(request_id=request.pk, by=chief, at=now())

    named: dict[str, Flow] = {
        f"apply {kind}": partial(_apply, asked[kind], chief)
        for kind in ("lines", "parameters", "mode", "policy", "trial")
    }
    return named | {
        "draft, vote, apply": whole,
        "vote": lambda: approve(request_id=asked["unsigned"], by=third, at=now()),
        "reject": lambda: reject(request_id=asked["lines"], by=third, reason="no", at=now()),
        "schedule": lambda: schedule(request_id=asked["lines"], by=chief, due=now() + timedelta(hours=1), at=now()),
        "retire": lambda: retire_lines(module="pm", lines=[world.lines["flat"]], by=chief, reason="bad", at=now()),
        "lower": lambda: lower_mode_with_request(module="pm", by=chief, reason="bad", at=now(), to="off"),
        "veto": lambda: veto_line(line_id=world.lines["flat"], by=chief, reason="bad", at=now()),
        "pin": lambda: pin_line(line_id=world.lines["flat"], by=chief, reason="bad", at=now()),
        "quarantine": lambda: quarantine_builder(module="pm", by=chief, reason="bad", at=now()),
    }


def others(value: Any) -> list[Any]:
    """Return values of the same type, and some that are not, to put in a value's place."""
    if isinstance(value, bool):
        return [not value, None]
    if isinstance(value, int):
        return [0, -1, value + 1, value - 1, 1, 2, 2147483647, None]
    if isinstance(value, float):
        return [0.0, -1.0, value * 2, 1e308, float("nan"), None]
    if isinstance(value, datetime):
        return [value - timedelta(days=400), value + timedelta(days=4000), value + timedelta(seconds=4), None]
    if value is None:
        return [0, 1, "", "{}"]
    text = str(value)
    if text[:1] in "{[":
        return ["{}", "[]", "null", "5", text.replace("1.", "1.2"), text.replace("1", "3"), '{"approvals": 0}']
    return ["", "x", "on", "dm", "at_once", "mandate", "applied", "approved", "approve", "lines", "f" * 64, None]


def _obj(value: Any) -> tuple[Any, Callable[[Any], Any]]:
    """Return a parameter as a plain value, and how to wrap another one in its place."""
    if hasattr(value, "obj"):
        kind = type(value)
        return json.dumps(value.obj), lambda text: kind(json.loads(text)) if text is not None else None
    return value, lambda other: other


class Altered:
    """Alters the value at one place among all values that a flow writes to governed tables; counts the places."""

    def __init__(self, place: int = -1, choice: int = 0) -> None:
        self.place, self.choice = place, choice
        self.seen: list[tuple[str, int]] = []

    def __call__(self, execute: Any, statement: Any, params: Any, many: Any, context: Any) -> Any:
        text = statement if isinstance(statement, str) else ""
        if text.startswith(("INSERT", "UPDATE")) and "telemetry_auditentry" not in text and params:
            params = list(params)
            for position, value in enumerate(params):
                plain, wrapped = _obj(value)
                choices = others(plain)
                if len(self.seen) == self.place:
                    params[position] = wrapped(choices[self.choice])
                self.seen.append((f"{text[:40]} value {position}", len(choices)))
        return execute(statement, params, many, context)


def mutated(world: World, before: Any, forge: list[str], thin: int) -> Iterator[tuple[str, Outcome]]:
    counted = 0
    for name, flow in flows(world).items():
        honest: list[Any] = []
        altered = Altered()

        def honestly(_: Any, flow: Flow = flow, altered: Altered = altered, honest: list[Any] = honest) -> None:
            with connection.execute_wrapper(altered):
                flow()
            connection.cursor().execute("SET CONSTRAINTS ALL IMMEDIATE; RESET ROLE")
            honest.append(snapshot())

        first = attempt(honestly, forge=[], before=before)
        if not honest:
            yield f"{name}, honestly", Outcome("outage", first.details)
            continue
        for place, (what, choices) in enumerate(altered.seen):
            for choice in range(choices):
                counted += 1
                if counted % thin:
                    continue

                def work(_: Any, flow: Flow = flow, place: int = place, choice: int = choice) -> None:
                    with connection.execute_wrapper(Altered(place, choice)):
                        flow()

                yield (
                    f"{name}: {what}, choice {choice}",
                    attempt(work, forge=forge, before=before, honest=honest, probe=brakes),
                )
