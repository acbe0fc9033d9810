"""A question that what is in force answers with a movement, so that a newcomer's first call shows something."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from overrides.core.engine.definitions.levers import LEVERS
from overrides.serving.engine import load_engine
from overrides.serving.resolve import Resolved, resolve_one
from overrides.serving.resolve_request import read_question
from overrides.versions.load_version import active_version, load_specs

MODULE, CATEGORY = "pm", "entry"
SHOWN = ("size_mult", "entry_aggression_mult")


def question_lines(now: datetime) -> Iterator[str]:
    """Yield a question as a curl command, and the answer that it would get at `now`."""
    yield "A question to begin with"
    found = first_question(now)
    if found is None:
        yield "  none: no override in force moves the levers of an entry now"
        return
    question, resolved = found
    levers = ", ".join(f"{name} {resolved.answer.levers[name]:g}" for name in SHOWN)
    yield "  curl -X POST $URL/api/v1/levers/resolve/ -H 'Content-Type: application/json' \\"
    yield f"    -H \"Authorization: Bearer $KEY\" -d '{json.dumps(question)}'"
    yield f"  answers {levers}, reason {resolved.answer.reason.value}; $URL and the bot key $KEY stand below"


def first_question(now: datetime) -> tuple[dict[str, Any], Resolved] | None:
    """Return the question of an entry that moves its levers furthest, with its answer; None if none moves."""
    version = active_version(MODULE)
    if version is None:
        return None
    engine = load_engine(MODULE)
    found: list[tuple[float, dict[str, Any], Resolved]] = []
    for spec in load_specs(MODULE, version.number):
        if spec.action_category == CATEGORY:
            question = {
                "module": MODULE,
                "pattern_key": spec.pattern_key,
                "action_category": CATEGORY,
                "scope": dict(spec.scope),
            }
            resolved = resolve_one(read_question(question, now=now), engine, now=now)
            moved = sum(abs(LEVERS[name].unit(resolved.answer.levers[name])) for name in SHOWN)
            if moved > 0.0:
                found.append((moved, question, resolved))
    return max(found, key=lambda each: each[0])[1:] if found else None
