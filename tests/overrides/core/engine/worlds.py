"""Random versions of a module and random requests to them: several keys, both channels, any combiner, ramps, cuts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import NamedTuple

from overrides.core.engine.combination import Request
from overrides.core.engine.compile_overrides import compile_overrides, join
from overrides.core.engine.compiled import Compiled, ScopeReading
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.override_stats import Path
from overrides.core.engine.definitions.parameters import WeightParameters
from overrides.core.engine.definitions.universe import UNIVERSE
from overrides.core.engine.definitions.vocabulary import Blend, Channel, Combiner
from overrides.core.engine.position_scaling import Scaling
from overrides.core.engine.serve import Asked
from tests.overrides.core.builders import DIMENSIONS, NOW, make_request, random_specs

KEYS = ("uptrend.S1.buy_flag", "uptrend.S2.buy_flag", "range.R1.emergency_exit")
CATEGORIES = ("entry", "add", "trim", "exit")
CHANNELS = (Channel.PM_STRENGTH, Channel.PM_TUNING)


class World(NamedTuple):
    """A version and the parameters of its two channels."""

    compiled: Compiled
    parameters: WeightParameters
    scaling: Scaling


def hashed(specs: Sequence[OverrideSpec]) -> list[OverrideSpec]:
    """Return the overrides with ids and lines that are hashes, each once."""
    found = [OverrideSpec.from_document({**spec.to_document(), "id": spec.content_id}) for spec in specs]
    return list({spec.id: spec for spec in found}.values())


def of_channel(random: Random, channel: Channel, most: int) -> list[OverrideSpec]:
    """Return random overrides of several keys whose levers are all of one channel; some have a ramp."""
    found = []
    for key in KEYS:
        for spec in random_specs(random, most):
            levers = {name: value for name, value in spec.levers.items() if LEVERS[name].channel is channel}
            path = None
            if levers and random.random() < 0.5:
                start = {name: LEVERS[name].neutral for name in levers if random.random() < 0.7}
                path = Path(start, NOW - timedelta(hours=random.uniform(-30, 300)))
            category = random.choice(CATEGORIES)
            found.append(replace(spec, levers=levers, path=path, pattern_key=key, action_category=category))
    return hashed(found)


def random_world(random: Random, most: int = 20) -> World:
    """Return a random version."""
    parameters = WeightParameters(
        max_scope_dims=3,
        prior_weight=random.choice((0.0, 0.3)),
        min_total_weight=random.choice((0.0, 0.02, 0.2)),
        max_evidence_age_days=random.choice((None, 20.0)),
    )
    reading = ScopeReading(universe=random.choice((None, "majors")))
    known = frozenset((*DIMENSIONS, UNIVERSE))
    sections = []
    for channel in CHANNELS:
        specs, combiner = of_channel(random, channel, most), random.choice(list(Combiner))
        section = compile_overrides(specs, parameters, combiner, known_dimensions=known, reading=reading).sections[0]
        sections.append(Compiled((replace(section, channel=channel),), reading))
    return World(join(*sections), parameters, Scaling(cap=random.choice((None, 1.0, 1.2))))


def random_asked(random: Random) -> Asked:
    """Return a random request, which may be of another universe, of unknown dimensions, or of a protected motif."""
    scope = {name: random.choice(values) for name, values in DIMENSIONS.items() if random.random() < 0.9}
    if random.random() < 0.2:
        scope[UNIVERSE] = random.choice(("majors", "minors"))
    if random.random() < 0.1:
        scope["unheard_of"] = "x"
    names = random.sample(sorted(LEVERS), random.randrange(4))
    request = make_request(
        scope,
        pattern_key=random.choice(KEYS),
        action_category=random.choice(CATEGORIES),
        at=NOW + timedelta(hours=random.uniform(-100, 1000)),
        current={name: _current(random, name) for name in names},
    )
    draw = random.choice((None, 3.0, 19.999999, 20.0))
    return Asked(request, random.choice((None, "bot-1", "bot-7")), random.choice((1.0, 0.8, 1.9)), draw)


def _current(random: Random, name: str) -> float:
    lever = LEVERS[name]
    return random.choice((lever.low, lever.high, random.uniform(lever.low, lever.high)))


def reachable(request: Request, name: str) -> tuple[float, float]:
    """Return the values that one step under plan can reach from the caller's value, inside the bounds."""
    lever = LEVERS[name]
    start = min(max(request.current.get(name, lever.neutral), lever.low), lever.high)
    step = lever.max_step
    low, high = (
        (start - step, start + step) if lever.blend is Blend.LINEAR else (start / (1 + step), start * (1 + step))
    )
    return max(low, lever.low), min(high, lever.high)
