"""Attributing closed trades: exact sums, distance from Shapley values, time, and a second run that changes nothing.

A trade names the decision of its allocation, which coefficients moved, and that of its entry, as the engine answered
it: about three overrides moved it. Every fifth names that of an add of half its size too.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations
from math import exp, factorial, fsum, log
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from django.db import connection

from overrides.core.engine.compile_module import compile_module
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.serving_mode import Mode, ServingMode
from overrides.core.engine.position_scaling import COEFFICIENTS
from overrides.serving.engine import Engine
from overrides.serving.resolve import resolve_one
from telemetry.core.attribution import Leg, ScalingLever, attribute, attribute_trade
from telemetry.core.trades import Trade as TradeValue
from telemetry.core.trades import parse_trade
from telemetry.decisions.attribute_again import attribute_again
from telemetry.decisions.attribute_trades import attribute_due
from telemetry.decisions.decision_log import DecisionRecord, record_decisions
from telemetry.foundation.core.identifiers import uuid7
from telemetry.models import Attribution, AttributionShare
from telemetry.recording.record_trades import record_trades
from tests.bench.combine import question, specs_of
from tests.bench.report import figure, scratch_database, timed
from tests.builders import make_decision

TRADES = 100_000
CASES = 20_000  # of exact Shapley values
LARGEST_PART, LARGEST_SUM, MOST_OVERRIDES = 0.1, log(1.3), 8
SECONDS, GAP, SHAPLEY_GAP = 30.0, 1e-9, 0.002
BATCH = 5_000
NOW = datetime.now(UTC)
ACTED = NOW - timedelta(hours=6)
OVERRIDES = 20
SUMS = """
SELECT max(abs(total - carried - residual - coalesce(shares, 0)) / greatest(1, abs(rr))) FROM telemetry_attribution
LEFT JOIN (SELECT attribution_id, sum(share) AS shares FROM telemetry_attributionshare GROUP BY 1) AS summed
ON attribution_id = trade_id
"""


def shapley(parts: Sequence[float]) -> list[float]:
    """Return the exact Shapley values of exp(sum of parts) - 1, by enumerating all coalitions.

    >>> [round(value, 6) for value in shapley([log(1.1), log(1.1)])]
    [0.105, 0.105]
    """
    n = len(parts)
    weight = [factorial(size) * factorial(n - size - 1) / factorial(n) for size in range(n)]
    values = []
    for player, part in enumerate(parts):
        others = [*parts[:player], *parts[player + 1 :]]
        coalitions = (chosen for size in range(n) for chosen in combinations(others, size))
        values.append(fsum(weight[len(each)] * exp(sum(each)) * (exp(part) - 1) for each in coalitions))
    return values


def cases(count: int, seed: int = 15) -> Iterator[list[float]]:
    """Yield random parts: up to eight, each up to .1 in logs, which sum to at most ln 1.3 in size."""
    random = np.random.default_rng(seed)
    while count:
        parts = random.uniform(-LARGEST_PART, LARGEST_PART, random.integers(1, MOST_OVERRIDES + 1)).tolist()
        if abs(sum(parts)) <= LARGEST_SUM:
            count -= 1
            yield parts


def shapley_gap(parts: Sequence[float]) -> float:
    """Return by how much a share differs from its Shapley value at most, for 1 R, where nothing was cut."""
    named = {str(number): part for number, part in enumerate(parts)}
    shares = attribute([ScalingLever(1.0, exp(sum(parts)), named)], 1.0).shares
    return max(abs(shares[str(number)] - value) for number, value in enumerate(shapley(parts)))


def _lever(m0: float, kept: float, parts: Sequence[float]) -> ScalingLever:
    """Return a lever of these parts, of which the step limit left so much."""
    return ScalingLever(m0, m0 * exp(kept * sum(parts)), {f"{kept}{number}": part for number, part in enumerate(parts)})


def measure_pure(trades: int, shapley_cases: int) -> None:
    """Measure the arithmetic alone: its exactness, its time, and its distance from Shapley values."""
    random = np.random.default_rng(5)
    parts, outcomes = random.normal(0, 0.04, (trades, 4)).tolist(), random.standard_t(3, trades).tolist()
    levers = [(_lever(1.0, 1.0, [each[3]]), _lever(1.1, 0.7, each[:3])) for each in parts]
    gaps: list[float] = []

    def work() -> None:
        for pair, rr in zip(levers, outcomes, strict=True):
            won = attribute_trade(pair, rr, [Leg("1", pair[1:], 0.5, rr / 2)]).attribution
            gap = fsum((*won.shares.values(), won.carried, won.residual)) - won.total
            gaps.append(abs(gap) / max(1.0, abs(rr)))

    taken = timed(work)
    figure("attribute", "pure_gap", max(gaps), "R", bar=GAP, trades=trades)
    figure("attribute", "pure_cpu", taken.cpu, "s", trades=trades, note="each with two levers and an add")
    worst = max(map(shapley_gap, cases(shapley_cases)))
    figure("attribute", "shapley_gap", worst, "R", bar=SHAPLEY_GAP, cases=shapley_cases, overrides=MOST_OVERRIDES)


def fill(trades: int) -> None:
    """Record the trades with their decisions."""
    random, answers = np.random.default_rng(7), _answers()
    for start in range(0, trades, BATCH):
        numbers = range(start, min(start + BATCH, trades))
        made = [_trade(number, answers, random) for number in numbers]
        record_decisions([decision for _, decisions in made for decision in decisions])
        record_trades([trade for trade, _ in made], now=NOW)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _answers(count: int = 100) -> list[DecisionRecord]:
    """Return answers of an engine to different questions about entries, each moved by some overrides."""
    parameters, chance = ModuleParameters.default("pm"), Random(3)
    compiled = compile_module(parameters, specs_of(OVERRIDES, chance))
    serving = Engine("pm", 1, compiled, parameters, ServingMode(Mode.ON))
    found: list[DecisionRecord] = []
    while len(found) < count:
        answer = resolve_one(question(chance), serving, now=ACTED)
        if answer.record.effect:
            found.append(replace(answer.record, at=ACTED))
    return found


def _trade(number: int, answers: Sequence[DecisionRecord], random: Any) -> tuple[TradeValue, list[DecisionRecord]]:
    answered = answers[number % len(answers)]
    decisions = [_allocated(random.normal(0, 0.04)), replace(answered, decision_id=uuid7(ACTED))]
    legs: list[dict[str, Any]] = [{}, {}]
    if number % 5 == 0:
        decisions.append(replace(answered, decision_id=uuid7(ACTED), action_category="add"))
        legs.append({"fraction": 0.5, "leg_rr": float(random.standard_t(3))})
    actions = [
        leg
        | {
            "module": each.module, "pattern_key": each.pattern_key, "action_category": each.action_category,
            "at": ACTED.isoformat(), "scope": dict(each.scope), "decision_ids": [str(each.decision_id)],
        }
        for leg, each in zip(legs, decisions, strict=True)
    ]  # fmt: skip
    payload = {
        "external_id": f"t{number}", "symbol": "BTC/USDT", "opened_at": ACTED.isoformat(),
        "closed_at": (NOW - timedelta(hours=1)).isoformat(), "rr": float(random.standard_t(3)), "actions": actions,
    }  # fmt: skip
    return parse_trade(payload, now=NOW), decisions


def _allocated(part: float) -> DecisionRecord:
    """Return the decision of an allocation that coefficients moved by this part."""
    effect = {COEFFICIENTS: {"m0": 1.0, "m": exp(part), "parts": {COEFFICIENTS: part}, "lines": {}}}
    return make_decision(
        effect, decision_id=uuid7(ACTED), at=ACTED, module="dm", pattern_key="dm_pattern.allocation.allocation",
        action_category="allocation", levers={"alloc_mult": {"served": 1.0}},
        request={"current": {}, "rollout_key": None, "base_allocation": None},
    )  # fmt: skip


def server_cpu() -> float:
    """Return the seconds of CPU of the server's process behind this connection; 0 if it runs elsewhere."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        stat = Path(f"/proc/{cursor.fetchone()[0]}/stat")
    if not stat.exists():
        return 0.0
    user, system = stat.read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def measure_stored(trades: int) -> None:
    """Measure the verb through PostgreSQL, and that a second run leaves every row as it is."""
    fill(trades)
    before = server_cpu()
    taken = timed(lambda: attribute_due(now=NOW))
    on_server = server_cpu() - before
    if Attribution.objects.count() != trades:
        raise AssertionError(f"{Attribution.objects.count()} of {trades} trades were attributed")
    of = {"trades": trades, "shares": AttributionShare.objects.count()}
    figure("attribute", "stored_wall", taken.wall, "s", bar=SECONDS, **of)
    both = {"of_this_process": round(taken.cpu, 2), "of_the_server": round(on_server, 2)}
    figure("attribute", "stored_cpu", taken.cpu + on_server, "s", **both, note="the wall time of an idle machine", **of)
    with connection.cursor() as cursor:
        cursor.execute(SUMS)
        figure("attribute", "stored_gap", cursor.fetchone()[0], "R", bar=GAP, **of)
    changed: list[int] = []
    again = timed(lambda: changed.append(attribute_again(now=NOW)))
    figure("attribute", "changed_by_a_second_run", changed[0], "trades", bar=0, wall_s=round(again.wall, 2), **of)


def run(trades: int = TRADES, shapley_cases: int = CASES) -> None:
    measure_pure(trades, shapley_cases)
    measure_stored(trades)


if __name__ == "__main__":
    with scratch_database():
        run(*map(int, sys.argv[1:]))
