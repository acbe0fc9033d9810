"""Plain builders with valid defaults, and random overrides and requests for the combiner."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from hypothesis import strategies as st

from overrides.core.engine.combination import Request
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.override_stats import Stats
from overrides.core.engine.definitions.vocabulary import Blend, Channel, LearningMethod

NOW = datetime(2025, 1, 11, tzinfo=UTC)
KEY = "uptrend.S1.buy_flag"
DIMENSIONS = {"macro_phase": ("Good", "Dip"), "bucket": ("nano", "mid", "xl"), "timeframe": ("1m", "4h")}
HEAVY = {"edge_raw": 100.0, "n": 1e6, "variance": 0.0, "half_life_days": 18.0, "updated_at": NOW}


def make_spec(id: str = "a", levers: dict[str, float] | None = None, **over: Any) -> OverrideSpec:
    """Return an override of pm entries; `stats` that are not given have a weight factor of one each."""
    fields: dict[str, Any] = {
        "module": "pm",
        "channel": None,
        "policy": None,
        "pattern_key": KEY,
        "action_category": "entry",
        "scope": {"macro_phase": "Good"},
        "levers": {"size_mult": 1.1} if levers is None else levers,
    }
    stats = Stats(**HEAVY | over.pop("stats", {}))
    return OverrideSpec(**{"id": id, **fields, **over, "stats": stats})


def make_governed(levers: dict[str, float] | None = None, **over: Any) -> OverrideSpec:
    """Return a pm_strength override with the id of its content."""
    document = make_spec(levers=levers, channel=Channel.PM_STRENGTH, policy=LearningMethod.PLAN, **over).to_document()
    del document["id"]
    return OverrideSpec.from_document(document)


def make_request(scope: dict[str, str] | None = None, **over: Any) -> Request:
    fields: dict[str, Any] = {"module": "pm", "pattern_key": KEY, "action_category": "entry", "at": NOW}
    return Request(scope={"macro_phase": "Good"} if scope is None else scope, **{**fields, **over})


def weighing(weight: float, **over: Any) -> dict[str, Any]:
    """Return statistics whose weight is `weight`, given that one dimension is the most a scope can have."""
    return {"variance": 1.0 / weight - 1.0, **over}


def random_specs(random: Random, most: int = 8) -> list[OverrideSpec]:
    """Return random overrides of one key, including empty and light ones, future evidence and targets out of bounds."""
    return [
        make_spec(
            id=f"o{index:02}",
            levers={name: _target(random, name) for name in random.sample(sorted(LEVERS), random.randrange(5))},
            scope={name: random.choice(DIMENSIONS[name]) for name in DIMENSIONS if random.random() < 0.4},
            stats={
                "edge_raw": random.uniform(-3, 3),
                "n": random.randrange(400),
                "variance": random.expovariate(1),
                "half_life_days": random.choice((7.0, 18.0, 360.0)),
                "updated_at": NOW - timedelta(hours=random.uniform(-48, 1000)),
            },
        )
        for index in range(random.randint(0, most))
    ]


def random_request(random: Random) -> Request:
    names = random.sample(sorted(LEVERS), random.randrange(5))
    current = {name: random.uniform(LEVERS[name].low, LEVERS[name].high) for name in names}
    return make_request({name: random.choice(values) for name, values in DIMENSIONS.items()}, current=current)


def _target(random: Random, name: str) -> float:
    return random.uniform(0.2, 4.0) if LEVERS[name].blend is Blend.LOG else random.uniform(-1.0, 8.0)


# Drawn from a seed: a hypothesis strategy per override would take a hundred times as long.
SEEDS = st.integers(0, 2**32)
specs = SEEDS.map(lambda seed: random_specs(Random(seed)))
requests = SEEDS.map(lambda seed: random_request(Random(seed)))
