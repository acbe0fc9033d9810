"""The engine against a plain scan of all overrides with the same arithmetic, and what a compiled override costs.

    ./dev bench engine [OVERRIDES] [ROUNDS]

*one key*: all overrides are of one pattern and action. *5 %*: one in twenty is. Ten match, three of which act. Answers
carry the parts of each contribution. The scan holds the overrides as dicts and tests the scope before anything else is
computed; whether its dicts fit the processor's cache decides its speed at 10,000, so both extents are given. Figures
are CPU time and medians of rounds in which both take turns.
"""

from __future__ import annotations

import gc
import math
import random
import resource
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from statistics import median
from time import process_time
from typing import Any

from overrides.core.engine.combination import Combination, Request
from overrides.core.engine.combine import combine
from overrides.core.engine.compile_module import compile_module
from overrides.core.engine.compiled import Compiled
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.serving_mode import Mode, ServingMode
from overrides.core.engine.definitions.vocabulary import Channel
from overrides.core.engine.serve import Answer, answer
from tests.bench.report import figure
from tests.builders import NOW, make_spec

KEY = "bench.long.hot"
DIMENSIONS = ModuleParameters.default("pm").dimensions
ASKED = dict.fromkeys(DIMENSIONS, "asked")
SERVED = ServingMode(Mode.ON)
SIZES = (10_000, 100_000)
MATCHES = (3, 10, 30, 100, 300)
BARS = {("one key", 10_000): 200, ("one key", 100_000): 2_000, ("5 %", 100_000): 1_000}
DAY_SECONDS = 86_400


def world(total: int, matches: int, hot: float, seed: int = 7) -> list[OverrideSpec]:
    """Return overrides of lines of their own; `matches` of them match a request with every dimension as asked."""
    chance = random.Random(seed)
    here = max(round(total * hot), 2 * matches)
    scopes = _distinct(chance, here, matches)
    return [
        *(_placed(chance, KEY, scope) for scope in scopes),
        *(
            _placed(chance, f"bench.long.p{number // 400}", {"bucket": f"b{number % 400}"})
            for number in range(total - here)
        ),
    ]


def _distinct(chance: random.Random, count: int, matches: int) -> list[dict[str, str]]:
    """Return distinct scopes of one to four dimensions; the first `matches` are contained in the request's."""
    found: dict[tuple[tuple[str, str], ...], None] = {}
    while len(found) < count:
        names = sorted(chance.sample(DIMENSIONS, chance.choice((1, 2, 2, 3, 3, 4))))
        values = ["asked" if len(found) < matches or chance.random() < 0.3 else _other(chance) for _ in names]
        if len(found) >= matches and set(values) == {"asked"}:
            values[chance.randrange(len(values))] = _other(chance)
        found[tuple(zip(names, values, strict=True))] = None
    return [dict(scope) for scope in found]


def _other(chance: random.Random) -> str:
    return f"v{chance.randrange(14)}"


def _placed(chance: random.Random, key: str, scope: dict[str, str]) -> OverrideSpec:
    is_heavy = chance.random() < 1 / 3
    targets = {"size_mult": chance.uniform(0.9, 1.1)}
    if chance.random() < 0.3:
        targets["entry_aggression_mult"] = chance.uniform(0.9, 1.1)
    return make_spec(
        targets,
        pattern_key=key,
        scope=scope,
        stats={
            "edge_raw": chance.uniform(2, 4) if is_heavy else chance.uniform(0.1, 0.3),
            "n": chance.randint(60, 200) if is_heavy else chance.randint(5, 12),
            "variance": chance.uniform(0, 0.2),
            "half_life_days": chance.uniform(60, 200),
            "updated_at": NOW - timedelta(days=chance.uniform(0, 3)),
        },
    )


def plain(specs: Sequence[OverrideSpec]) -> list[dict[str, Any]]:
    """Return overrides as the dicts that a plain scan goes through."""
    return [
        {
            "id": spec.id,
            "module": spec.module,
            "pattern_key": spec.pattern_key,
            "action_category": spec.action_category,
            "scope": dict(spec.scope),
            "edge_raw": spec.stats.edge_raw,
            "n": spec.stats.n,
            "variance": spec.stats.variance,
            "half_life_days": spec.stats.half_life_days,
            "updated": spec.stats.updated_at.timestamp(),
            "levers": dict(spec.levers),
        }
        for spec in specs
    ]


def scan(rows: Sequence[dict[str, Any]], request: Request, parameters: ModuleParameters) -> dict[str, float]:
    """Return the levers of the plan combiner by a loop over all overrides."""
    weights = parameters.channels[Channel.PM_STRENGTH].weights
    now, taken = request.at.timestamp(), []
    for row in rows:
        if (row["module"], row["pattern_key"], row["action_category"]) != (
            request.module,
            request.pattern_key,
            request.action_category,
        ):
            continue
        if any(request.scope.get(name) != value for name, value in row["scope"].items()):
            continue
        age = max(0.0, (now - row["updated"]) / DAY_SECONDS)
        weight = (
            math.tanh(abs(row["edge_raw"]) / weights.weight_edge_scale)
            * (1 - math.exp(-row["n"] / weights.n_target))
            / (1 + weights.variance_penalty * row["variance"])
            * min(1.0, len(row["scope"]) / weights.max_scope_dims) ** weights.specificity_alpha
            * math.exp(-age / row["half_life_days"])
        )
        if round(weight, 12) >= weights.min_total_weight:
            taken.append((row["id"], weight, row["levers"]))
    found = {}
    for name, lever in LEVERS.items():
        carrying = [(weight, levers[name]) for _, weight, levers in taken if name in levers]
        if carrying:
            whole = sum(weight for weight, _ in carrying)
            target = math.exp(sum(weight / whole * math.log(value) for weight, value in carrying))
            target = min(max(target, 1 / (1 + lever.max_step)), 1 + lever.max_step)
            found[name] = min(max(target, lever.low), lever.high)
    return found


def resolved(compiled: Compiled, request: Request) -> tuple[Answer, list[object]]:
    """Return an answer and what it lists: id, weight and parts of each contribution."""
    found = answer(compiled, SERVED, request)
    assert found.combination is not None
    return found, [(each.id, each.w_total, each.parts) for each in found.combination.contributions]


def microseconds(work: Callable[[], object], seconds: float = 0.2) -> float:
    """Return the CPU time of one call, from as many calls as fill the time."""
    calls, start = 0, process_time()
    while (taken := process_time() - start) < seconds:
        work()
        calls += 1
    return taken / calls * 1e6


def versus(works: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the median CPU microseconds of each work, over rounds in which all take turns."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            taken[name].append(microseconds(work))
    return {name: median(all_of_it) for name, all_of_it in taken.items()}


def resident() -> int:
    """Return the resident memory of this process in bytes."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


def request_at(at: datetime = NOW) -> Request:
    return Request("pm", KEY, "entry", ASKED, at)


def against_the_scan(total: int, hot: float, name: str, rounds: int) -> None:
    specs, parameters, request = world(total, 10, hot), ModuleParameters.default("pm"), request_at()
    compiled, rows = compile_module(parameters, specs), plain(specs)
    del specs
    gc.collect()
    gc.freeze()
    found, expected = resolved(compiled, request)[0], scan(rows, request, parameters)
    for lever, value in expected.items():
        assert abs(found.levers[lever] - value) < 1e-9, (lever, value)
    taken = versus(
        {
            "combine": partial(combine, compiled, request),
            "answer": partial(resolved, compiled, request),
            "scan": partial(scan, rows, request, parameters),
        },
        rounds,
    )
    gc.unfreeze()
    of = {"overrides": total, "hot": name, **_counts(combine(compiled, request))}
    bar = BARS.get((name, total))
    for what in ("combine", "answer"):
        figure("engine", what, taken[what], "µs", **of)
        ratio = taken["scan"] / taken[what]
        figure("engine", f"{what}_ratio", ratio, "x", against="plain scan", scan_us=round(taken["scan"]), **of, bar=bar)


def by_matches(total: int, rounds: int) -> None:
    parameters, request = ModuleParameters.default("pm"), request_at()
    compiled = {count: compile_module(parameters, world(total, count, 1.0)) for count in MATCHES}
    gc.collect()
    gc.freeze()
    taken = versus({str(count): partial(combine, each, request) for count, each in compiled.items()}, rounds)
    listed = versus({str(count): partial(resolved, each, request) for count, each in compiled.items()}, rounds)
    gc.unfreeze()
    for count in MATCHES:
        of = _counts(combine(compiled[count], request))
        figure("engine", "combine_by_matches", taken[str(count)], "µs", overrides=total, **of)
        figure("engine", "answer_by_matches", listed[str(count)], "µs", overrides=total, **of)
    figure("engine", "300_against_3", taken["300"] / taken["3"], "x", overrides=total, bar=4)


def _counts(found: Combination) -> dict[str, int]:
    acting = len(found.contributions)
    return {"matched": acting + len(found.excluded), "acting": acting}


def kept(total: int) -> None:
    """Measure the growth of the process per override that stays in memory, and the pause of a full collection."""
    specs, parameters = world(total, 10, 1 / 40), ModuleParameters.default("pm")
    for spec in specs:
        _ = spec.line, spec.content_id  # which each keeps from then on
    gc.collect()
    gc.freeze()  # as a process that serves does with what it has loaded by its start
    before, start = resident(), process_time()
    compiled = compile_module(parameters, specs)
    taken = process_time() - start
    gc.collect()
    grown = resident() - before
    figure("engine", "compile", taken / total * 1e6, "µs per override", overrides=total)
    figure("engine", "memory", grown / len(compiled), "bytes per override", overrides=total, bar=250)
    del specs
    gc.collect()
    start = process_time()
    gc.collect()
    figure("engine", "full_collection", (process_time() - start) * 1e3, "ms", overrides=total, bar=20)
    gc.unfreeze()


def run(total: int = SIZES[-1], rounds: int = 5) -> None:
    for size in [each for each in SIZES if each <= total] or [total]:
        against_the_scan(size, 1.0, "one key", rounds)
        against_the_scan(size, 0.05, "5 %", rounds)
    by_matches(min(total, 1_000), rounds)
    kept(total)


if __name__ == "__main__":
    run(*map(int, sys.argv[1:]))
