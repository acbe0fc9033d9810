"""Publish a new version every few seconds, and print what each version answers to a fixed list of questions.

It runs beside the web processes of `endurance`, as `python -m tests.bench.endurance_publisher SECONDS EVERY`, and uses
the same verbs as people do. One line of JSON describes the questions, and one each version.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from typing import Any

import django
from django.db import Error, close_old_connections, connection

KEY = "endurance.long.breakout"
PHASES, BUCKETS = ("Good", "Dip", "Euphoria"), ("nano", "micro", "mid")
SCOPES = [
    *({"macro_phase": phase} for phase in PHASES),
    *({"bucket": bucket} for bucket in BUCKETS),
    *({"macro_phase": phase, "bucket": bucket} for phase, bucket in product(PHASES, BUCKETS)),
]
TARGETS = (1.05, 0.9, 1.2, 1.1, 0.8, 1.15)
PAUSE_AFTER_FAILURE = 0.5


def main(seconds: float, every: float) -> None:
    """Publish until the time is over; the database may go away meanwhile."""
    from overrides.core.engine.definitions.serving_mode import Mode, ServingMode
    from overrides.models import Version
    from overrides.serving.engine import build_engine
    from tests.builders import make_spec, publish

    begun = time.monotonic()
    at = _text(_now())
    questions = [_question(phase, bucket, at) for phase, bucket in product(PHASES, BUCKETS)]
    _print(questions=questions)
    known = 0
    number = 0
    while time.monotonic() < begun + seconds:
        started = time.monotonic()
        places = range(len(SCOPES)) if number == 0 else [(number - 1) % len(SCOPES)]
        cycle = 0 if number == 0 else 1 + (number - 1) // len(SCOPES)  # in each, every line gets another target
        try:
            close_old_connections()
            changed = [_spec(make_spec, SCOPES[place], TARGETS[(place + cycle) % len(TARGETS)], at) for place in places]
            publish(*changed, at=_now())
            number += 1
            for version in Version.objects.filter(module="pm", number__gt=known).order_by("number"):
                engine = build_engine("pm", version, replace(ServingMode(), mode=Mode.ON))
                _print(version=version.number, levers=[_levers(engine, question) for question in questions])
                known = version.number
        except Error:  # PostgreSQL is away; what was committed all the same is printed after the next one
            connection.close()
            time.sleep(PAUSE_AFTER_FAILURE)
            continue
        time.sleep(max(0.0, started + every - time.monotonic()))


def _question(phase: str, bucket: str, at: str) -> dict[str, Any]:
    scope = {"macro_phase": phase, "bucket": bucket}
    return {"module": "pm", "pattern_key": KEY, "action_category": "entry", "scope": scope, "at": at}


def _spec(make_spec: Any, scope: Mapping[str, str], target: float, at: str) -> Any:
    stats = {"updated_at": at}
    return make_spec({"size_mult": target}, pattern_key=KEY, scope=dict(scope), stats=stats)


def _levers(engine: Any, question: Mapping[str, Any]) -> dict[str, float]:
    from overrides.core.engine.serve import answer
    from overrides.serving.resolve_request import read_question

    request = read_question(dict(question), now=_now()).request
    return dict(answer(engine.compiled, engine.mode, request, scaling=engine.scaling).levers)


def _now() -> datetime:
    return datetime.now(UTC)


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _print(**line: object) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    django.setup()
    main(float(sys.argv[1]), float(sys.argv[2]))
