"""Attributing closed trades: what comes out is exact, close to Shapley values, soon done, and not changed by a second run.

A trade names the decision of its allocation, which coefficients moved, and that of its entry, which three overrides
moved; every fifth names that of an add of half its size too.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import combinations
from math import exp, factorial, fsum, log
from typing import Any

import numpy as np
from django.db import connection

from telemetry.core.attribution import Leg, ScalingLever, attribute, attribute_trade
from telemetry.core.trades import Trade as TradeValue
from telemetry.core.trades import parse_trade
from telemetry.decisions.attribute_again import attribute_again
from telemetry.decisions.attribute_trades import attribute_trades
from telemetry.decisions.decision_log import DecisionRecord, record_decisions
from telemetry.foundation.core.identifiers import uuid7
from telemetry.models import Attribution, AttributionShare
from telemetry.recording.record_trades import record_trades
from tests.bench.report import figure, scratch_database, timed

TRADES = 100_000
CASES = 20_000  # of exact Shapley values
LARGEST_PART, LARGEST_SUM, MOST_OVERRIDES = 0.1, log(1.3), 8
SECONDS, GAP, SHAPLEY_GAP = 30.0, 1e-9, 0.002
BATCH = 5_000
NOW = datetime.now(UTC)
ACTED = NOW - timedelta(hours=6)
ENTRY = {"module": "pm", "pattern_key": "bench.long.entry", "action_category": "entry"}
ADD = {"module": "pm", "pattern_key": "bench.long.entry", "action_category": "add"}
ALLOCATION = {"module": "dm", "pattern_key": "dm_pattern.allocation.allocation", "action_category": "allocation"}
OVERRIDES = [f"{number:064x}" for number in range(200)]
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
        gains = (
            weight[size] * exp(sum(chosen)) * (exp(part) - 1) for size in range(n) for chosen in combinations(others, size)
        )
        values.append(fsum(gains))
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


def measure_pure(trades: int, shapley_cases: int) -> None:
    """Measure the arithmetic alone: its exactness, its time, and its distance from Shapley values."""
    random = np.random.default_rng(5)
    parts, outcomes = random.normal(0, 0.04, (trades, 4)).tolist(), random.standard_t(3, trades).tolist()
    levers = [
        (ScalingLever(1.0, exp(each[3]), {"c": each[3]}), ScalingLever(1.1, 1.1 * exp(0.7 * sum(each[:3])), dict(zip("abd", each))))
        for each in parts
    ]
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
    random = np.random.default_rng(7)
    for start in range(0, trades, BATCH):
        numbers = range(start, min(start + BATCH, trades))
        made = [_trade(number, random) for number in numbers]
        record_decisions([decision for _, decisions in made for decision in decisions])
        record_trades([trade for trade, _ in made], now=NOW)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _trade(number: int, random: np.random.Generator) -> tuple[TradeValue, list[DecisionRecord]]:
    parts, chosen = random.normal(0, 0.04, 4).tolist(), random.choice(len(OVERRIDES), 3, replace=False)
    moved = dict(zip((OVERRIDES[each] for each in chosen), parts, strict=False))
    decisions = [
        _decision(ALLOCATION, "coefficients", {"coefficients": parts[3]}, 1.0),
        _decision(ENTRY, "size_mult", moved, 0.7),
    ]
    legs: list[dict[str, Any]] = [ALLOCATION, ENTRY]
    if number % 5 == 0:
        decisions.append(_decision(ADD, "size_mult", moved, 1.0))
        legs.append(ADD | {"fraction": 0.5, "leg_rr": float(random.standard_t(3))})
    actions = [
        leg | {"at": ACTED.isoformat(), "scope": {"bucket": "micro"}, "decision_ids": [str(decision.decision_id)]}
        for leg, decision in zip(legs, decisions, strict=True)
    ]
    payload = {
        "external_id": f"t{number}", "symbol": "BTC/USDT", "opened_at": ACTED.isoformat(),
        "closed_at": (NOW - timedelta(hours=1)).isoformat(), "rr": float(random.standard_t(3)), "actions": actions,
    }  # fmt: skip
    return parse_trade(payload, now=NOW), decisions


def _decision(of: Mapping[str, str], lever: str, parts: Mapping[str, float], kept: float) -> DecisionRecord:
    lines = {} if lever == "coefficients" else {key: key for key in parts}
    effect = {lever: {"m0": 1.0, "m": exp(kept * sum(parts.values())), "parts": dict(parts), "lines": lines}}
    return DecisionRecord(
        decision_id=uuid7(ACTED), scope={"bucket": "micro"}, at=ACTED, version=1, challenger_version=None,
        combiner="pm_strength=evidence", mode="on", reason="SINGLE", flags=(), request={}, levers={},
        contributions=[], excluded=[], challenger=None, effect=effect, numeric_build="bench", latency_us=50.0, **of,
    )  # fmt: skip


def measure_stored(trades: int) -> None:
    """Measure the verb through PostgreSQL, and that a second run leaves every row as it is."""
    fill(trades)
    done: list[int] = []

    def work() -> None:
        while count := attribute_trades(now=NOW):
            done.append(count)

    taken = timed(work)
    if sum(done) != trades or Attribution.objects.count() != trades:
        raise AssertionError(f"{sum(done)} of {trades} trades were attributed")
    of = {"trades": trades, "shares": AttributionShare.objects.count()}
    figure("attribute", "stored_wall", taken.wall, "s", bar=SECONDS, cpu_s=round(taken.cpu, 2), **of)
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
