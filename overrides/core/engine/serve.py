"""From a combination to an answer: serving mode, roll-out, protected motifs, and neutral levers if anything fails.

A bot in the middle of a trade always gets levers. A malformed serving mode counts as off.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from .combination import Combination, Request
from .combine import combine
from .combine_many import combine_many
from .compiled import Compiled, ScopeReading
from .definitions.levers import LEVERS, levers_of
from .definitions.serving_mode import PROTECTED_MOTIFS, Mode, ServingMode, in_rollout
from .definitions.vocabulary import Flag, Reason
from .position_scaling import PositionScaling, Scaling, allocation_scaling, size_scaling

OUTPUT_DECIMALS = 9
UNSCALED = Scaling()
_new = tuple.__new__  # of a class and a tuple of its fields; calling the class takes twice as long
SHADOW, ON = Mode.SHADOW, Mode.ON  # Python 3.11 calls a function for each look at a member of an enum
SIZE = "size_mult"  # the lever that the cap cuts in pm


class Answer(NamedTuple):
    """The levers as served: rounded, and complete for the module and category.

    `combination` and `multipliers` are what was computed, unrounded: served if on, only logged in shadow and for a
    position that is held back, None if nothing was computed. `coefficient_product` is that of dm as served, 1 wherever
    neutral is. `error` says what failed if the reason is ERROR.
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
    return _neutral_levers(module, action_category).copy()


@lru_cache(64)
def _neutral_levers(module: str, action_category: str) -> dict[str, float]:
    return {lever.name: lever.neutral for lever in levers_of(module, action_category)}


def answer(
    compiled: Compiled,
    mode: ServingMode,
    request: Request,
    *,
    rollout_key: str | None = None,
    draw: float | None = None,
    protected_motifs: Collection[str] = PROTECTED_MOTIFS,
    scaling: Scaling = UNSCALED,
    upstream_multiplier: float = 1.0,
) -> Answer:
    """Return the levers for a request; never raises. `upstream_multiplier` is dm's answer, for the cap of pm.

    For protected motifs, for a module that is off and for a scope of another universe nothing is computed. Shadow
    computes for every caller and serves none; roll-out and allow-lists choose whom to serve, so they apply only if the
    module is on. The holdback comes last: it compares positions that are served with positions that would be, so a
    position outside the roll-out or the allow-lists has no part in it. `draw` is that of the question's position
    (`holdback_draw`), None for a question that names none: it is served.
    """
    neutral = neutral_levers(request.module, request.action_category)
    try:
        withheld = _withheld(compiled.reading, mode, request, rollout_key, protected_motifs)
        if withheld is not None:
            return Answer(neutral, withheld)
        return _served(mode, request, combine(compiled, request), neutral, scaling, upstream_multiplier, draw)
    except Exception as error:  # neutral is safe, a traceback in the middle of a trade is not; the caller logs it
        return _failed(neutral, error)


class Asked(NamedTuple):
    """One request of a list, with what `answer` takes beside it."""

    request: Request
    rollout_key: str | None = None
    upstream_multiplier: float = 1.0
    draw: float | None = None


def answer_many(
    compiled: Compiled,
    mode: ServingMode,
    asked: Sequence[Asked],
    *,
    protected_motifs: Collection[str] = PROTECTED_MOTIFS,
    scaling: Scaling = UNSCALED,
) -> list[Answer]:
    """Return what `answer` returns for each of a list, to the bit, in one pass over each bucket; never raises."""

    def alone(each: Asked) -> Answer:
        return answer(
            compiled,
            mode,
            each.request,
            rollout_key=each.rollout_key,
            draw=each.draw,
            protected_motifs=protected_motifs,
            scaling=scaling,
            upstream_multiplier=each.upstream_multiplier,
        )

    try:
        withheld = [_withheld(compiled.reading, mode, each[0], each[1], protected_motifs) for each in asked]
        combined = iter(
            combine_many(compiled, [each.request for each, why in zip(asked, withheld, strict=True) if why is None])
        )
    except Exception:  # one of them is at fault: each is answered alone, and that one alone fails
        return [alone(each) for each in asked]
    answers = []
    for each, why in zip(asked, withheld, strict=True):
        request, _, upstream_multiplier, draw = each
        neutral = neutral_levers(request.module, request.action_category)
        if why is not None:
            answers.append(Answer(neutral, why))
            continue
        try:
            answers.append(_served(mode, request, next(combined), neutral, scaling, upstream_multiplier, draw))
        except Exception as error:  # as in `answer`
            answers.append(_failed(neutral, error))
    return answers


def _failed(neutral: Mapping[str, float], error: Exception) -> Answer:
    return Answer(neutral, Reason.ERROR, error=f"{type(error).__name__}: {error}")


def _served(
    mode: ServingMode,
    request: Request,
    combination: Combination,
    neutral: dict[str, float],
    scaling: Scaling,
    upstream_multiplier: float,
    draw: float | None,
) -> Answer:
    """Return the answer of a combination: neutral in shadow and if held back, otherwise its levers under the cap."""
    multipliers = None
    if scaling is not UNSCALED:
        multipliers = _multipliers(scaling, request, combination, upstream_multiplier)
    if mode.mode is SHADOW:
        return Answer(neutral, Reason.SHADOW, combination.flags, combination, multipliers=multipliers)
    if draw is not None and draw < mode.holdback_percent:
        return Answer(neutral, Reason.HOLDBACK, combination.flags, combination, multipliers=multipliers)
    levers = neutral.copy()
    for name, lever in combination.levers.items():
        levers[name] = round(lever.value, OUTPUT_DECIMALS) + 0.0  # as `rounded_for_output`, without a call for each
    product = 1.0
    if multipliers is not None and request.module == "dm":
        product = rounded_for_output(multipliers.product * multipliers.kept)
    elif multipliers is not None and multipliers.cut < 0:
        levers[SIZE] = rounded_for_output(_value(combination, SIZE) * multipliers.kept)
    return _new(Answer, (levers, combination.reason, combination.flags, combination, None, multipliers, product))


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
    if mode.mode is not ON and mode.mode is not SHADOW:
        return Reason.MODULE_OFF
    if reading.refuses(request.scope):
        return Reason.SCOPE_NOT_ALLOWED
    if mode.mode is ON:
        if mode.allow and any(reading.value(request.scope, name) not in values for name, values in mode.allow.items()):
            return Reason.SCOPE_NOT_ALLOWED
        if mode.rollout_percent < 100 and not in_rollout(mode, rollout_key):
            return Reason.NOT_IN_ROLLOUT
    return None
