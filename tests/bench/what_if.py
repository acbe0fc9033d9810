"""The cost of a what-if over logged decisions, from rows in the database to the document, on one core.

Two changes of a version of a thousand lines: one line in a hundred, which leaves most decisions as they are, and the
parameters, which affect all. They are compared with two `resolve_one` per decision, estimated from a sample. For dm,
every weight of a version with lines and a cap changes, over as many allocations.
"""

from __future__ import annotations

import random
import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from overrides.core.engine.definitions.coefficients import LEVER_DIMENSIONS
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.serving_mode import Mode, ServingMode
from overrides.monitoring.replaying.replay import question_of
from overrides.requests.impact.what_if import compare, logged_requests
from overrides.requests.kinds.kind import Proposed
from overrides.serving.engine import Engine, load_engine
from overrides.serving.engine_cache import past_engines
from overrides.serving.resolve import resolve_one
from overrides.serving.resolve_request import read_question
from telemetry.decisions.decision_log import DecisionRecord, record_decisions
from telemetry.decisions.decision_stream import Span, stream
from tests.bench.report import figure, scratch_database, timed
from tests.builders import NOW, make_parameters, make_spec, publish, set_mode

DECISIONS = 100_000
LINES = 1_000
SAMPLE = 5_000
PATTERNS = 40
CARDINALITIES = {"macro_phase": 4, "meso_phase": 4, "bucket": 5, "timeframe": 3, "bucket_leader": 4, "micro_phase": 5}
DM_DIMENSIONS = tuple(name for name in LEVER_DIMENSIONS.values() if name != "timeframe")
CATEGORIES = ("entry", "add", "trim", "exit")
MOVED = {
    "entry": ("size_mult", "entry_aggression_mult"),
    "add": ("size_mult",),
    "trim": ("size_mult", "exit_aggression_mult"),
    "exit": ("exit_aggression_mult",),
}


def spec(chance: random.Random) -> OverrideSpec:
    names = chance.sample(tuple(CARDINALITIES), chance.randint(1, 3))
    category, sign = chance.choice(CATEGORIES), chance.choice((-1, 1))
    return make_spec(
        {name: 1 + sign * chance.uniform(0.001, 0.1) for name in MOVED[category]},
        scope={name: f"v{chance.randrange(CARDINALITIES[name])}" for name in names},
        pattern_key=f"bench.long.p{chance.randrange(PATTERNS)}",
        action_category=category,
        stats={
            "edge_raw": sign * chance.uniform(0.5, 2),
            "n": chance.randint(15, 80),
            "variance": chance.uniform(0, 1),
        },
    )


def decided(count: int, engine: Engine, chance: random.Random) -> Iterator[DecisionRecord]:
    for number in range(count):
        now = NOW + timedelta(seconds=number)
        payload: dict[str, Any] = {
            "module": "pm",
            "pattern_key": f"bench.long.p{chance.randrange(PATTERNS)}",
            "action_category": chance.choice(CATEGORIES),
            "scope": {name: f"v{chance.randrange(values)}" for name, values in CARDINALITIES.items()},
        }
        yield resolve_one(read_question(payload, now=now), engine, now=now).record


def run(decisions: int = DECISIONS, lines: int = LINES, sample: int = SAMPLE) -> None:
    chance = random.Random(3)
    in_force = list({each.line: each for each in (spec(chance) for _ in range(lines))}.values())
    publish(*in_force)
    set_mode("on")
    engine = load_engine("pm")
    for start in range(0, decisions, 10_000):
        record_decisions(list(decided(min(10_000, decisions - start), engine, chance)))

    changed = [make_spec({"size_mult": 1.05}, **_place(each)) for each in in_force if "size_mult" in each.levers]
    weights = {"weights": engine.parameters.to_document()["channels"]["pm_strength"]["weights"] | {"n_target": 40}}
    changes = {
        "lines": Proposed("pm", bring=changed[:: max(len(changed) // max(lines // 100, 1), 1)]),
        "parameters": Proposed("pm", parameters=make_parameters(weights)),
    }
    of = {"decisions": decisions, "lines": len(in_force)}
    loading = timed(lambda: deque(logged_requests("pm", decisions, None).iterator(chunk_size=5000), maxlen=0))
    figure("what_if", "rows_loaded", decisions / loading.wall, "rows/s", **of)
    twice = timed(lambda: _resolved_twice(sample)).cpu / sample * decisions
    for name, change in changes.items():
        found: dict[str, Any] = {}
        taken = timed(partial(_compared, change, decisions, found))
        reached = {"touched": found["touched"], "changed": found["changed"]}
        figure("what_if", f"{name}_wall", taken.wall, "s", bar=10, cpu_s=round(taken.cpu, 3), **reached, **of)
        figure("what_if", f"{name}_speedup_cpu", twice / taken.cpu, "x", against="resolve_one twice each", **of)

    _weigh_again(decisions, lines, chance)


def _weigh_again(decisions: int, lines: int, chance: random.Random) -> None:
    """Change every weight under a cap; about a quarter of the allocations also match lines."""
    place = {"module": "dm", "action_category": "allocation", "type": "dm_alloc", "policy": "plan"}
    in_force = {}
    for number in range(lines // 10):
        scope = {name: chance.choice("abcd") for name in chance.sample(DM_DIMENSIONS, 2)}
        each = make_spec(
            {"alloc_mult": 1.1}, pattern_key=f"bench.allocation.p{number % PATTERNS}", scope=scope, **place
        )
        in_force[each.line] = each
    publish(module="dm", parameters=make_parameters(module="dm", product_cap=1.5))
    publish(*in_force.values(), module="dm")
    set_mode("on", module="dm")
    engine = load_engine("dm")
    for start in range(0, decisions, 10_000):
        record_decisions(list(_allocated(min(10_000, decisions - start), engine, chance)))
    weights = {f"{lever}={value}": chance.uniform(0.7, 1.5) for lever in LEVER_DIMENSIONS for value in "abcd"}
    found: dict[str, Any] = {}
    taken = timed(partial(_compared, Proposed("dm", coefficients=weights), decisions, found))
    of = {"decisions": decisions, "lines": len(in_force), "touched": found["touched"], "changed": found["changed"]}
    figure("what_if", "coefficients_wall", taken.wall, "s", bar=10, cpu_s=round(taken.cpu, 3), **of)


def _allocated(count: int, engine: Engine, chance: random.Random) -> Iterator[DecisionRecord]:
    for number in range(count):
        now = NOW + timedelta(seconds=number)
        payload: dict[str, Any] = {
            "module": "dm",
            "pattern_key": f"bench.allocation.p{chance.randrange(PATTERNS)}",
            "action_category": "allocation",
            "scope": {name: chance.choice("abcd") for name in DM_DIMENSIONS},
        }
        yield resolve_one(read_question(payload, now=now), engine, now=now).record


def _compared(change: Proposed, decisions: int, found: dict[str, Any]) -> None:
    found.update(compare(change, n=decisions))


def _place(each: OverrideSpec) -> dict[str, Any]:
    return {"scope": each.scope, "pattern_key": each.pattern_key, "action_category": each.action_category}


def _resolved_twice(sample: int) -> None:
    """Compute the same from rows to answers with whole decisions, without comparing them."""
    engine = replace(past_engines()("pm", 1), mode=ServingMode(Mode.ON))
    for number, row in enumerate(stream(Span("pm").rows())):
        if number == sample:
            break
        for _ in range(2):
            resolve_one(question_of(row), engine, now=row.at)


if __name__ == "__main__":
    with scratch_database():
        run(*map(int, sys.argv[1:]))
