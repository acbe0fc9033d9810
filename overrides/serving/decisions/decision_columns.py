"""Rows of the log straight from answers: a batch at a time, from columns, without an object per contribution.

It stores what `decision_record` and `stored_row` would, byte for byte (a test compares them), at a tenth of the cost.
An answer that has no columns, or that a trace cannot express, takes their way.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Self

import numpy as np
import orjson

from overrides.core.engine.combination import Combination
from overrides.core.engine.compiled import Compiled
from overrides.core.engine.definitions.formats import CURRENT_FORMAT
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.serving_mode import Mode
from overrides.core.engine.definitions.vocabulary import Combiner, Reason
from overrides.core.engine.listing import Blending
from overrides.core.engine.position_scaling import PositionScaling
from overrides.core.engine.serve import Answer
from overrides.core.engine.taken import ContributionColumns, ExclusionColumns
from overrides.serving.decisions.decision_movers import (
    DECAY,
    KEYS,
    BucketKeys,
    Keyed,
    Movers,
    blends_of,
    constants_of,
    keyed,
    lever_order,
    levers_of,
    movers_of,
    rows_as_bytes,
)
from overrides.serving.decisions.decision_record import (
    ARMS,
    HOLDBACK,
    NUMERIC_BUILD,
    OPTIONAL,
    SERVED_UNDER,
    Decided,
    arms_of,
    combiners_of,
    decision_record,
    holdback_of,
    own_parts,
    served_under,
    shadow_answer,
)
from overrides.serving.engine import Engine
from overrides.serving.resolve_request import Question
from telemetry.core.decision_trace import effects, words
from telemetry.core.decision_trace.bytes_read import Unpackable, layout
from telemetry.core.decision_trace.constants import LEFT_OUT, Constants, mask_code_of
from telemetry.core.decision_trace.contributions import joined, pack_ramping, packed_excluded
from telemetry.core.decision_trace.levers import pack_moved, pack_unmoved
from telemetry.core.decision_trace.trace import head, pack_reason, pack_text
from telemetry.decisions.decision_log import Rows
from telemetry.decisions.decision_rows import (
    StoredRow,
    binary_row,
    packed_build,
    packed_how,
    packed_words,
    stored_row,
)
from telemetry.foundation.core import binary_copy
from telemetry.foundation.core.canonical_json import fact_json

RAMPING, EXCLUDED = b"r", b"x"
Known = dict[bytes, Keyed]


class ConstantsOf:
    """The constants of the overrides of one compiled version, by their ids: made once, named by every decision."""

    def __init__(self) -> None:
        self._of: dict[str, tuple[Compiled, Known]] = {}

    def known(self, engine: Engine) -> Known:
        """Return what is known of an engine's version; of a module only the last one is kept."""
        found = self._of.get(engine.module)
        if found is None or found[0] is not engine.compiled:
            found = self._of[engine.module] = engine.compiled, {}
        return found[1]


CONSTANTS = ConstantsOf()


class _Serving(NamedTuple):
    """What the decisions of one engine have in common; None stands for the engine where there was none."""

    engine: Engine | None
    numbers: tuple[int | None, int | None]
    combiner: str
    mode: str
    served_under: Mapping[str, Any] | None
    keys: dict[int, BucketKeys]

    @classmethod
    def of(cls, engine: Engine | None) -> Self:
        if engine is None:
            return cls(None, (None, None), combiners_of(None), Mode.OFF, None, {})
        challenger = engine.challenger[0] if engine.challenger else None
        under, keys = served_under(engine), KEYS.known(engine.module, engine.compiled)
        return cls(engine, (engine.version, challenger), combiners_of(engine), engine.mode.mode, under, keys)


def rows_of(batch: Sequence[Decided]) -> Rows:
    """Return answers as rows, and the constants that the rows name."""
    named: dict[int, Constants] = {}
    serving: dict[int, _Serving] = {}
    for each in batch:
        if id(each.engine) not in serving:
            serving[id(each.engine)] = _Serving.of(each.engine)
    by = [serving[id(each.engine)] for each in batch]
    blends = [_blends(each) for each in batch]
    movers = movers_of(blends, [each.keys for each in by], named)
    return [_row(*each, named) for each in zip(batch, by, movers, strict=True)], named


def _blends(decided: Decided) -> tuple[Blending, ...] | None:
    combination = decided.answer.combination
    if combination is None or decided.engine is None or not combination.contributions:
        return None
    return blends_of(combination.contributions)


def _row(decided: Decided, serving: _Serving, movers: Movers | None, named: dict[int, Constants]) -> StoredRow:
    try:
        trace, keys = _trace(decided, movers, named)
        request = decided.question.request
        return binary_row(
            decided.decision_id,
            packed_words(request.module, request.pattern_key, request.action_category),
            orjson.dumps(request.scope, option=orjson.OPT_SORT_KEYS),
            request.at,
            packed_how(*serving.numbers, serving.combiner, serving.mode, decided.answer.reason, decided.flags),
            _asked(decided.question, serving),
            BUILD,
            decided.latency_us,
            decided.key,
            trace,
            keys,
        )
    except (Unpackable, struct.error, orjson.JSONEncodeError):
        row, constants = stored_row(decision_record(decided))
        named.update({each.key: each for each in constants})
        return row


def _asked(question: Question, serving: _Serving) -> bytes:
    """Return the request as JSON, without what it left open (`short_request`)."""
    asked = {name: value for name in OPTIONAL if (value := getattr(question, name)) is not None}
    if question.request.current:
        asked["current"] = dict(question.request.current)
    if serving.served_under is not None:
        asked[SERVED_UNDER] = serving.served_under
    if question.draw is not None and serving.engine is not None:
        holdback = holdback_of(question, serving.engine)
        if holdback is not None:
            asked[HOLDBACK] = holdback
    if question.arms:
        asked[ARMS] = arms_of(question)
    return orjson.dumps(asked, option=orjson.OPT_SORT_KEYS) if asked else b"{}"


def _trace(decided: Decided, movers: Movers | None, named: dict[int, Constants]) -> tuple[bytes, bytes]:
    result, engine = decided.answer, decided.engine
    combination = result.combination
    served = _served(decided, result)
    if combination is None or engine is None:
        return served + NOTHING_MOVED, binary_copy.NULL
    excluded = NO_EXCLUSIONS
    if combination.excluded:
        excluded = _excluded(combination, CONSTANTS.known(engine), named)
    if movers is None:
        movers = _contributions(combination, CONSTANTS.known(engine), named)
    effect = NO_EFFECT
    if engine.mode.mode is Mode.ON and result.reason is not Reason.HOLDBACK:
        request = decided.question.request
        effect = _effect(combination, result.multipliers, request.module, request.action_category)
    return b"".join((served, excluded, movers.trace, effect)), movers.keys


def _served(decided: Decided, result: Answer) -> bytes:
    shadow = shadow_answer(decided.question, decided.engine)
    parts = [head(shadow is not None, result.multipliers is not None), _levers(result)]
    if shadow is not None:
        parts += [pack_reason(shadow.reason), _levers(shadow)]
    if result.multipliers is not None:
        parts.append(pack_text(fact_json(result.multipliers.to_document())))
    return b"".join(parts)


def _levers(result: Answer) -> bytes:
    moved = result.combination.levers if result.combination else {}
    parts = [layout("B").pack(len(result.levers))]
    for name, served in result.levers.items():
        lever = moved.get(name)
        parts.append(pack_unmoved(words.LEVER_AT[name], served) if lever is None else pack_moved(name, served, *lever))
    return b"".join(parts)


def _contributions(combination: Combination, known: Known, named: dict[int, Constants]) -> Movers:
    """Return the contributions of one answer by their columns, as combiners that do not weigh have them."""
    if not combination.contributions:
        return Movers(NO_CONTRIBUTIONS, binary_copy.NULL)
    columns = combination.contributions.columns
    ids = rows_as_bytes(columns.ids)
    if columns.ramping is not None:
        ramping: list[bool] = np.logical_or.reduce(columns.ramping, axis=1).tolist()
        ids = [each + RAMPING if is_ramping else each for each, is_ramping in zip(ids, ramping, strict=True)]
    found = [known.get(each) for each in ids]
    if None in found:
        _learn(columns, ids, known)
        found = [known[each] for each in ids]
    constants = dict(found)  # type: ignore[arg-type]  # none is missing any more
    named.update(constants)
    order = lever_order(columns.levers)
    parts = columns.parts if order is None else columns.parts[:, order]
    if columns.acts is not None:
        acts = columns.acts if order is None else columns.acts[:, order]
        parts = np.where(acts, parts, math.nan)
    if columns.has is not None:
        parts = parts[columns.has if order is None else columns.has[:, order]]
    numbers = _weights(columns) + parts.tobytes()
    keys = binary_copy.bigints([each[0] for each in found if each is not None])
    return Movers(joined(len(ids), numbers, _ramping(columns)), keys)


def _weights(columns: ContributionColumns) -> bytes:
    weights, factors = columns.weights, columns.factors
    if weights is None or factors is None:
        return b""
    decays = factors[:, DECAY]
    are_weighed = ~np.isnan(weights)
    if not are_weighed.all():
        weights, decays = weights[are_weighed], decays[are_weighed]
    return weights.tobytes() + decays.tobytes()


def _ramping(columns: ContributionColumns) -> list[bytes]:
    if columns.ramping is None:
        return []
    found = []
    for row in np.flatnonzero(columns.ramping.any(axis=1)).tolist():
        has = levers_of(columns, row)
        under_way = [name for name, is_so in zip(columns.levers, columns.ramping[row], strict=True) if is_so]
        targets = [float(columns.targets[row, place]) for place in has]
        code = mask_code_of(words.mask_of(words.LEVER_AT, [columns.levers[place] for place in has]))
        found.append(pack_ramping(row, words.mask_of(words.LEVER_AT, under_way), targets, code))
    return found


def _learn(columns: ContributionColumns, ids: Sequence[bytes], known: Known) -> None:
    """Make the constants of overrides that are not known yet."""
    lines = rows_as_bytes(columns.lines)
    for row, (name, line) in enumerate(zip(ids, lines, strict=True)):
        if name not in known:
            known[name] = keyed(name[:32], line, constants_of(columns, row, is_ramping=len(name) > 32))


def _excluded(combination: Combination, known: Known, named: dict[int, Constants]) -> bytes:
    columns: ExclusionColumns = combination.excluded.columns
    ids, lines = rows_as_bytes(columns.ids), rows_as_bytes(columns.lines)
    keys = []
    for name, line in zip(ids, lines, strict=True):
        found = known.get(name + EXCLUDED)
        if found is None:
            found = known[name + EXCLUDED] = keyed(name, line, LEFT_OUT)
        named[found[0]] = found[1]
        keys.append(found[0])
    weights: Sequence[float | None] = (None,) * len(keys)
    if columns.weights is not None:
        weights = [None if math.isnan(each) else each for each in columns.weights.tolist()]
    return packed_excluded(keys, [words.EXCLUSION_AT[reason] for reason in columns.reasons], weights)


def _effect(combination: Combination, multipliers: PositionScaling | None, module: str, category: str) -> bytes:
    parts = [
        _from_current(name, lever.current) if lever.combiner is Combiner.PLAN else _as_contributed(name)
        for name, lever in combination.levers.items()
        if category in LEVERS[name].scales_on
    ]
    if multipliers is not None:
        own = own_parts(multipliers, is_allocation=module == "dm")
        parts += [effects.pack_own(name, part, math.exp(part)) for name, part in own.items()]
    return layout("B").pack(len(parts)) + b"".join(parts)


@lru_cache(10_000)
def _from_current(name: str, current: float) -> bytes:
    return effects.pack_from_current(name, LEVERS[name].unit(current))


@lru_cache(100)
def _as_contributed(name: str) -> bytes:
    return effects.pack_as_contributed(name)


BUILD = packed_build(NUMERIC_BUILD, CURRENT_FORMAT)
NO_EFFECT = layout("B").pack(0)
NO_EXCLUSIONS = packed_excluded((), (), ())
NO_CONTRIBUTIONS = joined(0, b"", ())
NOTHING_MOVED = NO_EXCLUSIONS + NO_CONTRIBUTIONS + NO_EFFECT
