"""What answering costs: compiling a module, combining what matches, and one question resolved, without a database.

    ./dev bench combine

All overrides stand at one pattern and action, and a question matches ten of them, which is many. Figures
are the least of several rounds: what the machine does besides only ever adds to them.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from datetime import timedelta

from overrides.core.engine.combine import combine
from overrides.core.engine.compile_module import compile_module
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.serving_mode import Mode, ServingMode
from overrides.serving.engine import Engine
from overrides.serving.resolve import resolve_one
from overrides.serving.resolve_request import Question, read_question
from tests.bench.report import figure
from tests.builders import KEY, NOW, make_spec

OVERRIDES, QUESTIONS, ROUNDS = 60, 50, 200
VALUES = {"macro_phase": 3, "bucket": 3, "timeframe": 3, "meso_phase": 3}


def spec(chance: random.Random) -> OverrideSpec:
    """An override heavy enough to act, old enough that decay is computed."""
    sign = chance.choice((-1, 1))
    scope = {name: f"v{chance.randrange(VALUES[name])}" for name in chance.sample(tuple(VALUES), chance.randint(1, 2))}
    return make_spec(
        {"size_mult": 1 + sign * chance.uniform(0.01, 0.1)},
        scope=scope,
        stats={
            "edge_raw": sign * chance.uniform(1, 3),
            "n": chance.randint(30, 90),
            "variance": chance.uniform(0, 0.5),
            "updated_at": NOW - timedelta(days=chance.uniform(0, 20)),
        },
    )


def specs_of(count: int, chance: random.Random) -> list[OverrideSpec]:
    """Overrides of lines of their own; there are 66 scopes to choose from."""
    found: dict[str, OverrideSpec] = {}
    while len(found) < count:
        made = spec(chance)
        found[made.line] = made
    return list(found.values())


def question(chance: random.Random) -> Question:
    scope = {name: f"v{chance.randrange(count)}" for name, count in VALUES.items()}
    return read_question(
        {
            "module": "pm",
            "pattern_key": KEY,
            "action_category": "entry",
            "scope": scope,
            "current": {"size_mult": 1.01},
        },
        now=NOW,
    )


def least(work: Callable[[], object], rounds: int) -> float:
    """Seconds of the quickest round."""
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return min(taken)


def run(overrides: int = OVERRIDES, questions: int = QUESTIONS, rounds: int = ROUNDS) -> None:
    chance = random.Random(5)
    specs, parameters = specs_of(overrides, chance), ModuleParameters.default("pm")
    compiled = compile_module(parameters, specs)
    asked = [question(chance) for _ in range(questions)]
    matched = sum(
        len(answer.contributions) + len(answer.excluded)
        for answer in (combine(compiled, each.request) for each in asked)
    )
    engine = Engine("pm", 1, compiled, parameters, ServingMode(Mode.ON))

    of = {"overrides": len(specs), "matched": round(matched / questions, 1)}
    seconds = least(lambda: compile_module(parameters, specs), rounds)
    figure("combine", "compile", seconds / len(specs) * 1e6, "µs per override", **of)
    seconds = least(lambda: [combine(compiled, each.request) for each in asked], rounds)
    figure("combine", "combine", seconds / questions * 1e6, "µs", **of)
    seconds = least(lambda: [resolve_one(each, engine, now=NOW) for each in asked], rounds)
    figure("combine", "resolve", seconds / questions * 1e6, "µs", **of)


if __name__ == "__main__":
    run(*map(int, sys.argv[1:]))
