"""What a governed override and a channel must satisfy; checked when drafted, published and compiled.

Combiners do not check any of this: they blend whatever a compiled version contains.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from .levers import LEVERS
from .override_spec import OverrideSpec
from .vocabulary import CHANNEL_MODULE, MODULE_CATEGORIES, PAIRS, Channel, Combiner, LearningMethod

PATTERN_KEY = re.compile(r"[A-Za-z0-9_-]{1,40}(\.[A-Za-z0-9_-]{1,40}){2}")


def check(spec: OverrideSpec, known_dimensions: Collection[str] | None = None) -> list[str]:
    """Return everything that is wrong with a governed override, each entry beginning with its field; empty if valid."""
    problems = _belonging(spec) + _lever_problems(spec)
    if PATTERN_KEY.fullmatch(spec.pattern_key) is None:
        problems.append("pattern_key: must be family.state.motif, each of 1 to 40 letters, digits, _ or -")
    for name in spec.scope:
        if known_dimensions is not None and name not in known_dimensions:
            problems.append(f"scope.{name}: not a dimension of {spec.module}; add it to the parameters first")
    if spec.id != spec.content_id:
        problems.append("id: differs from the content's hash; leave it out and it is computed")
    return problems


def contradicts(spec: OverrideSpec) -> bool:
    """Return whether a lever moves against the sign of the edge: weights use |edge|, so only the lever has a direction.

    Strength and allocation levers follow the sign of the edge in every category; tuning targets have no sign.
    """
    if spec.channel is Channel.PM_TUNING:
        return False
    return any(LEVERS[name].unit(value) * spec.stats.edge_raw < 0 for name, value in spec.levers.items())


def _belonging(spec: OverrideSpec) -> list[str]:
    problems = []
    if spec.channel is None:
        problems.append(f"type: missing; state one of {', '.join(Channel)}")
    elif CHANNEL_MODULE[spec.channel] != spec.module:
        problems.append(f"type: {spec.channel} belongs to module {CHANNEL_MODULE[spec.channel]}, not {spec.module}")
    if spec.policy is None:
        problems.append(f"policy: missing; state one of {', '.join(LearningMethod)}")
    elif spec.channel is not None and (spec.channel, spec.policy) not in PAIRS:
        problems.append(f"policy: {spec.channel} is always {LearningMethod.PLAN}; its targets must not be summed")
    if spec.action_category not in MODULE_CATEGORIES.get(spec.module, ()):
        problems.append(f"action_category: {spec.action_category} is no category of module {spec.module}")
    return problems


def _lever_problems(spec: OverrideSpec) -> list[str]:
    problems = [] if spec.levers else ["levers: empty; move one lever or withdraw the override"]
    for name, value in spec.levers.items():
        lever = LEVERS[name]
        if spec.channel is not None and lever.channel is not spec.channel:
            problems.append(f"levers.{name}: belongs to {lever.channel}, not {spec.channel}")
        if spec.action_category not in lever.categories:
            problems.append(f"levers.{name}: has no effect on {spec.action_category}")
        if not lever.low <= value <= lever.high:
            problems.append(f"levers.{name}: {value:g} is outside {lever.low:g} to {lever.high:g}")
    return problems


def check_combiner(channel: Channel, policy: LearningMethod, combiner: Combiner) -> list[str]:
    """Return what is wrong with combining a channel's learning method (`policy`) with a combiner; empty if nothing is.

    >>> check_combiner(Channel.PM_TUNING, LearningMethod.PLAN, Combiner.EVIDENCE)
    ['combiner: pm_tuning under policy plan allows plan, not evidence']
    """
    allowed = PAIRS.get((channel, policy), ())
    if combiner in allowed:
        return []
    return [f"combiner: {channel} under policy {policy} allows {', '.join(allowed) or 'none'}, not {combiner}"]
