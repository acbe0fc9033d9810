"""The effect of switching modules off, shown before it is done: the levers of the version in force against neutral.

It is computed once per module, version, mode and hour in each process, because a page has to open at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from overrides.core.engine.definitions.serving_mode import Mode, ServingMode
from overrides.core.governance.errors import VersionAltered
from overrides.requests.impact.effects import Effect
from overrides.requests.impact.effects_at_once import TOO_LARGE, effect_of_switching_off
from overrides.serving.mode import mode_of
from overrides.versions.acts_today import full_hour
from overrides.versions.load_version import InForce, read_in_force
from telemetry.foundation.core.refusal import Refused
from telemetry.models import MODULES

NOTHING_SERVED = "none: nothing of it is served"
_known: dict[str, tuple[Any, Effect | None]] = {}  # module -> what its effect was computed for, and the effect


@dataclass(frozen=True)
class Switching:
    """The effect of switching one module off, or in words why there is none."""

    module: str
    estimate: Effect | None = None
    words: str = ""


def effects_of_everything_off(at: datetime) -> list[Switching]:
    """Return the effect of switching each module off."""
    return [_of_module(module, at) for module, _ in MODULES]


def _of_module(module: str, at: datetime) -> Switching:
    try:
        return effect_of_off(read_in_force(module), mode_of(module), at)
    except VersionAltered as altered:  # the switch has to work then all the more
        return Switching(module, words=f"could not be computed: {altered}")


def effect_of_off(held: InForce, mode: ServingMode, at: datetime) -> Switching:
    """Return the effect of switching a module off that is in this mode."""
    if held.version is None or mode.mode is not Mode.ON:
        return Switching(held.module, words=NOTHING_SERVED)
    key = held.version.pk, mode, full_hour(at)
    known = _known.get(held.module)
    if known is None or known[0] != key:
        try:
            known = key, effect_of_switching_off(held, mode, at)
        except (Refused, VersionAltered) as refused:
            return Switching(held.module, words=f"could not be computed: {refused}")
        _known[held.module] = known
    return Switching(held.module, known[1], TOO_LARGE)
