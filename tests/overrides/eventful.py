"""Decisions of an eventful time: eight versions of pm and one of dm with every combiner and mode, from a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.serving.engine import Engine, load_engine
from overrides.serving.resolve import resolve_one
from overrides.serving.resolve_request import Question, read_question
from telemetry.decisions.decision_log import DecisionRecord, record_decisions
from tests.builders import DAY, NOW, make_parameters, make_spec, publish, set_mode

DIMENSIONS = ("macro_phase", "bucket", "timeframe", "meso_phase")
VALUES = ("one", "two", "three")
PATTERNS = ("donchian.long.breakout", "ema.long.cross", "rsi.long.dip")
MOVED = {
    "entry": ("size_mult", "entry_aggression_mult"),
    "add": ("size_mult", "entry_aggression_mult"),
    "trim": ("size_mult", "exit_aggression_mult"),
    "exit": ("exit_aggression_mult",),
}
ALLOCATION = {"pattern_key": "dm_pattern.allocation.allocation", "action_category": "allocation"}
BEGIN = NOW - 30 * DAY


@dataclass(frozen=True)
class Period:
    """What holds during a period; without any field, nothing is published."""

    mode: dict[str, Any]
    parameters: dict[str, Any] | None = None
    channel: dict[str, Any] | None = None
    policy: str = "plan"


SALT, SECRET = "a1", b"secret"  # of each roll-out and of the holdback, so that all runs are alike
PERIODS = (
    Period({"to": "off"}),
    Period({"to": "on"}, {}),
    Period({"to": "on", "rollout_percent": 35}),
    Period({"to": "shadow", "challenger": 1}),
    Period({"to": "on", "allow": {"bucket": ["one", "two"]}, "challenger": 2}),
    Period(
        {"to": "on", "allow": {}, "rollout_percent": 100},
        {},
        {"weights": {"bounds": {"size_mult": [0.98, 1.02]}, "max_steps": {"size_mult": 0.015}, "prior_weight": 0.05}},
    ),
    Period({"to": "on", "challenger": None}, {"protected_motifs": ["dip"]}, {"combiner": "most_specific"}),
    Period({"to": "on"}, {}, {"policy": "evidence", "combiner": "evidence"}, "evidence"),
    Period({"to": "on", "rollout_percent": 60, "holdback_percent": 20}, None, None, "evidence"),
)


def run_periods(count: int, overrides: int = 12, seed: int = 7) -> int:
    """Publish, change modes and ask through all periods: `count` questions in all, `overrides` new ones per period.

    Returns the number of stored decisions.
    """
    chance = random.Random(seed)
    stored = 0
    in_force: dict[str, OverrideSpec] = {}
    for number, period in enumerate(PERIODS):
        at = BEGIN + 3 * DAY * number
        _publish(period, in_force, overrides, chance, at)
        mode = dict(period.mode)
        with patch("overrides.serving.mode.secrets.token_hex", return_value=SALT):
            set_mode(mode.pop("to"), at=at, **mode)
        questions = _questions(chance, count // len(PERIODS), at)
        engines = {module: load_engine(module) for module in ("pm", "dm")}
        with patch("overrides.serving.holdback.holdback_secret", return_value=SECRET):
            stored += record_decisions([_answered(question, engines, chance) for question in questions])
    return stored


def _publish(
    period: Period, in_force: dict[str, OverrideSpec], overrides: int, chance: random.Random, at: datetime
) -> None:
    """Replace half of what is in force by new overrides; all of it if the learning method changes."""
    if period is PERIODS[0]:
        _publish_allocation(chance, at)
        return
    changes_method = any(spec.policy != period.policy for spec in in_force.values())
    gone = [line for line in in_force if changes_method or chance.random() < 0.25]
    for line in gone:
        del in_force[line]
    specs = {spec.line: spec for spec in (_spec(chance, period.policy, at) for _ in range(overrides))}
    specs = {line: spec for line, spec in specs.items() if in_force.get(line) != spec}
    in_force |= specs
    withdrawn = [line for line in gone if line not in specs]
    publish(*specs.values(), withdraw=withdrawn, parameters=_parameters(period), at=at)


def _parameters(period: Period) -> ModuleParameters | None:
    if period.parameters is None:
        return None
    channel = dict(period.channel or {})
    defaults = make_parameters().to_document()["channels"]["pm_strength"]["weights"]
    channel["weights"] = defaults | channel.get("weights", {})
    return make_parameters(channel, **period.parameters)


def _publish_allocation(chance: random.Random, at: datetime) -> None:
    scopes: list[dict[str, str]] = [{"chain": "sol", "curator": "x"}, {"chain": "eth", "curator": "x"}]
    fields: dict[str, Any] = {"module": "dm", "type": "dm_alloc", **ALLOCATION}
    publish(
        *(make_spec({"alloc_mult": chance.uniform(0.8, 1.2)}, scope=s, **fields) for s in scopes), module="dm", at=at
    )
    set_mode("on", module="dm", at=at)


def _spec(chance: random.Random, policy: str, at: datetime) -> OverrideSpec:
    category = chance.choice(tuple(MOVED))
    scope = {name: chance.choice(VALUES) for name in chance.sample(DIMENSIONS, chance.randint(1, 3))}
    sign = chance.choice((-1, 1))
    is_sure = policy == "evidence"  # otherwise it may not move so far: .4 R, standard error at most sqrt(1 / 30) R
    stats = {
        "edge_raw": sign * (chance.uniform(0.1, 2) + 0.3 * is_sure),
        "n": chance.randint(10, 60) + 20 * is_sure,
        "variance": chance.uniform(0, 1),
        "half_life_days": chance.uniform(10, 120),
        "updated_at": at - timedelta(days=chance.uniform(0, 40)),
    }
    levers = {name: 1 + sign * chance.uniform(0.005, 0.15) for name in MOVED[category]}
    return make_spec(
        levers, scope=scope, pattern_key=chance.choice(PATTERNS), action_category=category, policy=policy, stats=stats
    )


def _questions(chance: random.Random, count: int, at: datetime) -> Iterator[tuple[Question, datetime]]:
    for _ in range(count):
        now = at + timedelta(seconds=chance.uniform(0, 3 * 86_400))
        yield read_question(_payload(chance, now), now=now), now


def _payload(chance: random.Random, now: datetime) -> dict[str, Any]:
    if chance.random() < 0.1:
        scope = {"chain": chance.choice(["sol", "eth", "base"]), "curator": "x"}
        return {"module": "dm", **ALLOCATION, "scope": scope, "base_allocation": chance.choice([None, 500.0])}
    scope = {name: chance.choice(VALUES) for name in DIMENSIONS}
    payload: dict[str, Any] = {"module": "pm", "scope": scope, "pattern_key": chance.choice(PATTERNS)}
    payload["action_category"] = category = chance.choice(tuple(MOVED))
    if chance.random() < 0.1:
        scope["weather"] = "rain"
    if chance.random() < 0.5:
        payload["current"] = {MOVED[category][0]: chance.uniform(0.82, 1.18)}
    if chance.random() < 0.8:
        payload["rollout_key"] = f"bot-{chance.randint(0, 300)}"
    if chance.random() < 0.1:
        payload["at"] = (now - timedelta(days=chance.uniform(0, 60))).isoformat()
    payload["position_key"] = f"{now:%d %H:%M:%S.%f}"
    return payload


def _answered(asked: tuple[Question, datetime], engines: dict[str, Engine], chance: random.Random) -> DecisionRecord:
    """Answer, once in twenty from a process without a database: slightly stale, stale, or never loaded."""
    question, now = asked
    engine: Engine | None = engines[question.request.module]
    fate = chance.random()
    stale = 60.0 if fate < 0.02 else 600.0 if fate < 0.03 else 0.0
    return resolve_one(question, None if fate > 0.98 else engine, now=now, stale_seconds=stale).record
