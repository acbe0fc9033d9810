"""Put the reviewed alternatives of a position's arms into its answer (docs/method.md 15)."""

from __future__ import annotations

from collections.abc import Mapping

from .definitions.arms import ArmDraw
from .definitions.levers import LEVERS
from .definitions.module_parameters import ModuleParameters
from .definitions.serving_mode import Mode, ServingMode
from .definitions.vocabulary import CHANNEL_MODULE, Reason
from .serve import Answer


def may_explore(mode: ServingMode, answer: Answer) -> bool:
    """Return whether an answer is one that arms may change: served by a module that is on, and not held back.

    Off, shadow, outside the roll-out or the scopes, protected motifs, the holdback and failures have no arms.
    """
    return mode.mode is Mode.ON and answer.combination is not None and answer.reason is not Reason.HOLDBACK


def explored(answer: Answer, draws: Mapping[str, ArmDraw]) -> tuple[Answer, dict[str, ArmDraw]]:
    """Return the answer with the alternatives of those arms that serve them, and the draws beside the served values.

    A draw of a lever that the answer does not have is left out.
    """
    known = {lever: each.beside(answer.levers[lever]) for lever, each in draws.items() if lever in answer.levers}
    levers = {lever: each.arm.alternative for lever, each in known.items() if each.is_alternative}
    return (answer._replace(levers={**answer.levers, **levers}) if levers else answer), known


def allows(parameters: ModuleParameters, lever: str, value: float) -> bool:
    """Return whether a module has a lever and its parameters allow this value of it.

    >>> pm, dm = ModuleParameters.default("pm"), ModuleParameters.default("dm")
    >>> allows(pm, "trail_mult", 2.0), allows(pm, "trail_mult", 2.5), allows(dm, "trail_mult", 1.0)
    (True, False, False)
    """
    channel = parameters.channels.get(LEVERS[lever].channel)
    if channel is None:
        return False
    low, high = channel.weights.bounds_of(lever)
    return low <= value <= high


def explorable(module: str) -> list[str]:
    """Return the levers of a module that may be explored: those whose effect the replay of sizes does not tell.

    >>> explorable("dm"), explorable("pm")[:2]
    ([], ['entry_aggression_mult', 'exit_aggression_mult'])
    """
    levers = (lever for lever in LEVERS.values() if CHANNEL_MODULE[lever.channel] == module)
    return [lever.name for lever in levers if not lever.scales_on]
