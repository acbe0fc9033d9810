"""The combiners as a slow loop, straight from docs/method.md 4: no index, no columns, nothing precomputed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from overrides.core.engine.combination import Request
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.parameters import WeightParameters
from overrides.core.engine.definitions.vocabulary import Blend

Found = dict[str, Any]


def naive(combiner: str, specs: Sequence[OverrideSpec], request: Request, parameters: WeightParameters) -> Found:
    matching = [
        spec
        for spec in sorted(specs, key=lambda spec: spec.id)
        if spec.levers
        and (spec.module, spec.pattern_key) == (request.module, request.pattern_key)
        and spec.action_category == request.action_category
        and all(request.scope.get(name) == value for name, value in spec.scope.items())
    ]
    return {"plan": naive_plan, "most_specific": naive_most_specific, "evidence": naive_evidence}[combiner](
        matching, request, parameters
    )


def naive_weight(spec: OverrideSpec, request: Request, parameters: WeightParameters) -> float:
    stats = spec.stats
    age_days = max(0.0, (request.at - stats.updated_at).total_seconds() / 86400)
    w_edge = math.tanh(abs(stats.edge_raw) / parameters.weight_edge_scale)
    w_n = 1 - math.exp(-stats.n / parameters.n_target)
    w_var = 1 / (1 + parameters.variance_penalty * stats.variance)
    w_decay = math.exp(-age_days / stats.half_life_days)
    ratio = min(1.0, len(spec.scope) / parameters.max_scope_dims)
    w_spec = ratio**parameters.specificity_alpha if spec.scope else 0.0
    return w_edge * w_n * w_var * w_decay * w_spec


def naive_plan(matching: Sequence[OverrideSpec], request: Request, parameters: WeightParameters) -> Found:
    weights = {spec.id: naive_weight(spec, request, parameters) for spec in matching}
    heavy = [spec for spec in matching if round(weights[spec.id], 12) >= parameters.min_total_weight]
    levers = {}
    for name, lever in LEVERS.items():
        carrying = [spec for spec in heavy if name in spec.levers]
        if not carrying:
            continue
        whole = parameters.prior_weight + sum(weights[spec.id] for spec in carrying)
        current, step = request.current.get(name, lever.neutral), lever.max_step
        if lever.blend is Blend.LOG:
            target = math.exp(sum(weights[spec.id] * math.log(spec.levers[name]) for spec in carrying) / whole)
            value = min(max(target, current / (1 + step)), current * (1 + step))
        else:
            pulls = sum(weights[spec.id] * (spec.levers[name] - lever.neutral) for spec in carrying)
            target = lever.neutral + pulls / whole
            value = min(max(target, current - step), current + step)
        levers[name] = (min(max(value, lever.low), lever.high), target)
    order = sorted(heavy, key=lambda spec: (-round(weights[spec.id], 12), spec.id))
    return {
        "levers": levers,
        "contributions": [spec.id for spec in order],
        "excluded": [spec.id for spec in matching if spec not in heavy],
    }


def naive_most_specific(matching: Sequence[OverrideSpec], request: Request, parameters: WeightParameters) -> Found:
    levers, deciding = {}, set()
    for name, lever in LEVERS.items():
        carrying = [spec for spec in matching if name in spec.levers]
        if carrying:
            best = sorted(carrying, key=lambda spec: (-len(spec.scope), -spec.stats.n, spec.id))[0]
            deciding.add(best.id)
            levers[name] = (min(max(best.levers[name], lever.low), lever.high), best.levers[name])
    return {"levers": levers, "contributions": sorted(deciding), "excluded": []}


def naive_evidence(matching: Sequence[OverrideSpec], request: Request, parameters: WeightParameters) -> Found:
    levers = {}
    for name, lever in LEVERS.items():
        values = [spec.levers[name] for spec in matching if name in spec.levers]
        if values and lever.blend is Blend.LOG:
            target = math.prod(values)
        elif values:
            target = lever.neutral + sum(value - lever.neutral for value in values)
        if values:
            levers[name] = (min(max(target, lever.low), lever.high), target)
    return {"levers": levers, "contributions": [spec.id for spec in matching], "excluded": []}
