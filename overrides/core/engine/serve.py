"""From a combination to an answer: switches, roll-out, protected motifs, and neutral whenever anything fails.

A bot in the middle of a trade always gets levers. Malformed switches count as off.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from .combination import Combination, Request
from .combine import combine
from .compiled import Compiled
from .definitions.levers import LEVERS, levers_of
from .definitions.serving_mode import PROTECTED_MOTIFS, Mode, ServingMode, in_rollout
from .definitions.vocabulary import Flag, Reason
from .position_scaling import PositionScaling, Scaling, allocation_scaling, size_scaling

OUTPUT_DECIMALS = 9
UNSCALED = Scaling()
SIZE = "size_mult"  # what pm's cap cuts


@dataclass(frozen=True, slots=True)
class Answer:
    """Levers as served, rounded, every lever of the module and category among them.

    `combination` and `multipliers` are what was computed, unrounded: served when on, only logged in shadow, None where
    nothing was computed. `coefficient_product` is dm's as served, 1 wherever neutral is. `error` says what failed when
    the reason is ERROR.
    """

    levers: Mapping[str, float]
    reason: Reason
    flags: tuple[Flag, ...] = ()
    combination: Combination | None = None
    error: str | None = None
    multipliers: PositionScaling | None = None
    coefficient_product: float = 1.0


def rounded_for_output(value: float) -> float:
    """A number as it leaves: nine decimals, no negative zero.

    >>> rounded_for_output(1.0199999999999998), served(-1e-12)
    (1.02, 0.0)
    """
    return round(value, OUTPUT_DECIMALS) + 0.0


def neutral_levers(module: str, action_category: str) -> dict[str, float]:
    """Every lever that applies, at neutral.

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
    carried: float = 1.0,
) -> Answer:
    """Levers for a request, at once and always; never raises. `carried` is what dm answered, for pm's cap.

    Protected motifs and a module that is off are not computed. Shadow computes for every caller and serves
    none, so roll-out and allow-lists, which choose whom to serve, are asked only when on.
    """
    neutral = neutral_levers(request.module, request.action_category)
    try:
        withheld = _withheld(mode, request, rollout_key, protected_motifs)
        if withheld is not None:
            return Answer(neutral, withheld)
        combination = combine(compiled, request)
        multipliers = _multipliers(scaling, request, combination, carried)
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
    scaling: Scaling, request: Request, combination: Combination, carried: float
) -> PositionScaling | None:
    if request.module == "dm":
        return allocation_scaling(scaling, request.scope, _value(combination, "alloc_mult"))
    if request.action_category in LEVERS[SIZE].scales_on:
        return size_scaling(scaling, carried, _value(combination, SIZE), LEVERS[SIZE].low)
    return None


def _value(combination: Combination, name: str) -> float:
    moved = combination.levers.get(name)
    return LEVERS[name].neutral if moved is None else moved.value


def _withheld(
    mode: ServingMode, request: Request, rollout_key: str | None, protected_motifs: Collection[str]
) -> Reason | None:
    """Why neutral is served without asking the engine, or None."""
    if request.pattern_key.rpartition(".")[2] in protected_motifs:
        return Reason.PROTECTED
    if mode.mode not in (Mode.SHADOW, Mode.ON):
        return Reason.MODULE_OFF
    if mode.mode is Mode.ON:
        if any(request.scope.get(name) not in values for name, values in mode.allow.items()):
            return Reason.SCOPE_NOT_ALLOWED
        if not in_rollout(mode, rollout_key):
            return Reason.NOT_IN_ROLLOUT
    return None
