"""From a combination to an answer: serving mode, roll-out, protected motifs, and neutral levers if anything fails.

A bot in the middle of a trade always gets levers. A malformed serving mode counts as off.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from .combination import Combination, Request
from .combine import combine
from .compiled import Compiled, ScopeReading
from .definitions.levers import LEVERS, levers_of
from .definitions.serving_mode import PROTECTED_MOTIFS, Mode, ServingMode, in_rollout
from .definitions.vocabulary import Flag, Reason
from .position_scaling import PositionScaling, Scaling, allocation_scaling, size_scaling

OUTPUT_DECIMALS = 9
UNSCALED = Scaling()
SIZE = "size_mult"  # the lever that the cap cuts in pm


@dataclass(frozen=True, slots=True)
class Answer:
    """The levers as served: rounded, and complete for the module and category.

    `combination` and `multipliers` are what was computed, unrounded: served if on, only logged in shadow, None if
    nothing was computed. `coefficient_product` is that of dm as served, 1 wherever neutral is. `error` says what failed
    if the reason is ERROR.
    """

    levers: Mapping[str, float]
    reason: Reason
    flags: tuple[Flag, ...] = ()
    combination: Combination | None = None
    error: str | None = None
    multipliers: PositionScaling | None = None
    coefficient_product: float = 1.0


def rounded_for_output(value: float) -> float:
    """Round to nine decimals; a negative zero becomes 0.0.

    >>> rounded_for_output(1.0199999999999998), rounded_for_output(-1e-12)
    (1.02, 0.0)
    """
    return round(value, OUTPUT_DECIMALS) + 0.0


def neutral_levers(module: str, action_category: str) -> dict[str, float]:
    """Return every lever that applies to the category, at its neutral value.

    >>> neutral_levers("dm", "allocation")
    {'alloc_mult': 1.0}
    """
    return {lever.name: lever.neutral for lever in levers_of(module, action_category)}


def answer(
    compiled: Compiled,
    mode: ServingMode,
    request: Request,
    *,
    rollout_key: str | None = None,
    protected_motifs: Collection[str] = PROTECTED_MOTIFS,
    scaling: Scaling = UNSCALED,
    upstream_multiplier: float = 1.0,
) -> Answer:
    """Return the levers for a request; never raises. `upstream_multiplier` is dm's answer, for the cap of pm.

    For protected motifs, for a module that is off and for a scope of another universe nothing is computed. Shadow
    computes for every caller and serves none; roll-out and allow-lists choose whom to serve, so they apply only if the
    module is on.
    """
    neutral = neutral_levers(request.module, request.action_category)
    try:
        withheld = _withheld(compiled.reading, mode, request, rollout_key, protected_motifs)
        if withheld is not None:
            return Answer(neutral, withheld)
        combination = combine(compiled, request)
        multipliers = _multipliers(scaling, request, combination, upstream_multiplier)
        if mode.mode is Mode.SHADOW:
            return Answer(neutral, Reason.SHADOW, combination.flags, combination, multipliers=multipliers)
        levers = neutral | {name: rounded_for_output(lever.value) for name, lever in combination.levers.items()}
        product = 1.0
        if multipliers is not None and request.module == "dm":
            product = rounded_for_output(multipliers.product * multipliers.kept)
        elif multipliers is not None and multipliers.cut < 0:
            levers[SIZE] = rounded_for_output(_value(combination, SIZE) * multipliers.kept)
        return Answer(
            levers,
            combination.reason,
            combination.flags,
            combination,
            multipliers=multipliers,
            coefficient_product=product,
        )
    except Exception as error:  # neutral is safe, a traceback in the middle of a trade is not; the caller logs it
        return Answer(neutral, Reason.ERROR, error=f"{type(error).__name__}: {error}")


def _multipliers(
    scaling: Scaling, request: Request, combination: Combination, upstream_multiplier: float
) -> PositionScaling | None:
    if request.module == "dm":
        return allocation_scaling(scaling, request.scope, _value(combination, "alloc_mult"))
    if request.action_category in LEVERS[SIZE].scales_on:
        return size_scaling(scaling, upstream_multiplier, _value(combination, SIZE), LEVERS[SIZE].low)
    return None


def _value(combination: Combination, name: str) -> float:
    moved = combination.levers.get(name)
    return LEVERS[name].neutral if moved is None else moved.value


def _withheld(
    reading: ScopeReading,
    mode: ServingMode,
    request: Request,
    rollout_key: str | None,
    protected_motifs: Collection[str],
) -> Reason | None:
    """Return why neutral is served without computing anything; None if the engine is to answer."""
    if request.pattern_key.rpartition(".")[2] in protected_motifs:
        return Reason.PROTECTED
    if mode.mode not in (Mode.SHADOW, Mode.ON):
        return Reason.MODULE_OFF
    if reading.refuses(request.scope):
        return Reason.SCOPE_NOT_ALLOWED
    if mode.mode is Mode.ON:
        if any(reading.value(request.scope, name) not in values for name, values in mode.allow.items()):
            return Reason.SCOPE_NOT_ALLOWED
        if not in_rollout(mode, rollout_key):
            return Reason.NOT_IN_ROLLOUT
    return None
