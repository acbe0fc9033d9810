"""Rows of the log straight from answers: a batch at a time, from columns, without an object per contribution.

It stores what `decision_record` and `stored_row` would, byte for byte (a test compares them), at a tenth of the cost.
An answer that has no columns, or that a trace cannot express, takes their way.
"""

from __future__ import annotations

import math
import struct
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np
import orjson

from overrides.core.engine.combination import Combination
from overrides.core.engine.compiled import Compiled
from overrides.core.engine.definitions.formats import CURRENT_FORMAT
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.serving_mode import Mode
from overrides.core.engine.definitions.vocabulary import Combiner
from overrides.core.engine.position_scaling import CAP, COEFFICIENTS, PositionScaling
from overrides.core.engine.serve import Answer
from overrides.core.engine.taken import ContributionColumns, Contributions, ExclusionColumns, Exclusions
from overrides.serving.decision_record import (
    NUMERIC_BUILD,
    Decided,
    combiners_of,
    decision_record,
    request_document,
    shadow_answer,
)
from overrides.serving.engine import Engine
from telemetry.core.decision_trace import effects, words
from telemetry.core.decision_trace.bytes_read import Unpackable, layout
from telemetry.core.decision_trace.constants import LEFT_OUT, Constants, pack_constants
from telemetry.core.decision_trace.contributions import joined, pack_ramping, packed_excluded
from telemetry.core.decision_trace.levers import pack_moved, pack_unmoved
from telemetry.core.decision_trace.trace import head, pack_reason, pack_text
from telemetry.decisions.decision_log import Rows
from telemetry.decisions.decision_rows import StoredRow, short_request, stored_row, traced_row
from telemetry.foundation.core.canonical_json import fact_json

DECAY = len(words.STEADY_FACTORS)  # its place in the factors of a contribution
RAMPING, EXCLUDED = b"r", b"x"
Known = dict[bytes, tuple[int, Constants]]


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


class _Head(NamedTuple):
    decision_id: uuid.UUID
    module: str
    pattern_key: str
    action_category: str
    at: datetime
    version: int | None
    challenger_version: int | None
    combiner: str
    mode: str
    reason: str
    flags: tuple[str, ...]
    latency_us: float | None
    key: str | None
    numeric_build: str = NUMERIC_BUILD
    format: int | None = CURRENT_FORMAT


def rows_of(batch: Sequence[Decided]) -> Rows:
    """Return answers as rows, and the constants that the rows name."""
    named: dict[int, Constants] = {}
    return [_row(each, named) for each in batch], named


def _row(decided: Decided, named: dict[int, Constants]) -> StoredRow:
    try:
        trace, movers = _trace(decided, named)
        engine, request = decided.engine, decided.question.request
        asked = short_request(request_document(decided.question, engine))
        return traced_row(
            _Head(
                decided.decision_id,
                request.module,
                request.pattern_key,
                request.action_category,
                request.at,
                engine.version if engine else None,
                engine.challenger[0] if engine and engine.challenger else None,
                combiners_of(engine),
                engine.mode.mode if engine else Mode.OFF,
                decided.answer.reason,
                decided.flags,
                decided.latency_us,
                decided.key,
            ),
            orjson.dumps(request.scope, option=orjson.OPT_SORT_KEYS),
            orjson.dumps(asked, option=orjson.OPT_SORT_KEYS),
            trace,
            movers,
        )
    except (Unpackable, struct.error, orjson.JSONEncodeError):
        row, constants = stored_row(decision_record(decided))
        named.update({each.key: each for each in constants})
        return row


def _trace(decided: Decided, named: dict[int, Constants]) -> tuple[bytes, Sequence[int]]:
    result, engine = decided.answer, decided.engine
    combination = result.combination
    served = _served(decided, result)
    if combination is None or engine is None:
        return served + NOTHING_MOVED, ()
    known = CONSTANTS.known(engine)
    contributions, movers = _contributions(combination, known, named)
    excluded = _excluded(combination, known, named)
    effect = NO_EFFECT
    if engine.mode.mode is Mode.ON:
        request = decided.question.request
        effect = _effect(combination, result.multipliers, request.module, request.action_category)
    return b"".join((served, excluded, contributions, effect)), movers


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


def _contributions(combination: Combination, known: Known, named: dict[int, Constants]) -> tuple[bytes, Sequence[int]]:
    if not combination.contributions:
        return NO_CONTRIBUTIONS, ()
    if not isinstance(combination.contributions, Contributions):
        raise Unpackable("the contributions have no columns")
    columns = combination.contributions.columns
    ids = _rows_as_bytes(columns.ids)
    if columns.ramping is not None:
        ramping: list[bool] = np.logical_or.reduce(columns.ramping, axis=1).tolist()
        ids = [each + RAMPING if is_ramping else each for each, is_ramping in zip(ids, ramping, strict=True)]
    found = [known.get(each) for each in ids]
    if None in found:
        _learn(columns, ids, known)
        found = [known[each] for each in ids]
    constants = dict(found)  # type: ignore[arg-type]  # none is missing any more
    named.update(constants)
    order = _order(columns.levers)
    parts = columns.parts if order is None else columns.parts[:, order]
    if columns.acts is not None:
        acts = columns.acts if order is None else columns.acts[:, order]
        parts = np.where(acts, parts, math.nan)
    if columns.has is not None:
        parts = parts[columns.has if order is None else columns.has[:, order]]
    numbers = _weights(columns) + parts.tobytes()
    return joined(len(ids), numbers, _ramping(columns)), [each[0] for each in found if each is not None]


def _rows_as_bytes(hashes: np.ndarray | None) -> list[bytes]:
    if hashes is None:
        raise Unpackable("the ids are no hashes")
    content = hashes.tobytes()
    return [content[start : start + 32] for start in range(0, len(content), 32)]


def _order(levers: Sequence[str]) -> list[int] | None:
    """Return the columns in the order of the words of a trace; None if they are in it."""
    places = [words.LEVER_AT[name] for name in levers]
    order = sorted(range(len(places)), key=places.__getitem__)
    return None if order == list(range(len(order))) else order


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
        has = _levers_of(columns, row)
        under_way = [name for name, is_so in zip(columns.levers, columns.ramping[row], strict=True) if is_so]
        targets = [float(columns.targets[row, place]) for place in has]
        found.append(pack_ramping(row, words.mask_of(words.LEVER_AT, under_way), targets))
    return found


def _levers_of(columns: ContributionColumns, row: int) -> list[int]:
    """Return the columns of the levers that an override moves, in the order of the words of a trace."""
    order = sorted(range(len(columns.levers)), key=lambda place: words.LEVER_AT[columns.levers[place]])
    return [place for place in order if columns.has is None or columns.has[row, place]]


def _learn(columns: ContributionColumns, ids: Sequence[bytes], known: Known) -> None:
    """Make the constants of overrides that are not known yet."""
    lines = _rows_as_bytes(columns.lines)
    for row, (name, line) in enumerate(zip(ids, lines, strict=True)):
        if name not in known:
            has = _levers_of(columns, row)
            mask = words.mask_of(words.LEVER_AT, [columns.levers[place] for place in has])
            is_ramping = len(name) > 32
            targets = None if is_ramping else tuple(float(columns.targets[row, place]) for place in has)
            factors = None
            if columns.factors is not None and not math.isnan(columns.factors[row, 0]):
                factors = tuple(columns.factors[row, :DECAY].tolist())
            known[name] = _keyed(name[:32], line, pack_constants(mask, targets, factors))


def _keyed(name: bytes, line: bytes, packed: bytes) -> tuple[int, Constants]:
    made = Constants(name.hex(), line.hex(), packed)
    return made.key, made


def _excluded(combination: Combination, known: Known, named: dict[int, Constants]) -> bytes:
    if not combination.excluded:
        return NO_EXCLUSIONS
    if not isinstance(combination.excluded, Exclusions):
        raise Unpackable("the exclusions have no columns")
    columns: ExclusionColumns = combination.excluded.columns
    ids, lines = _rows_as_bytes(columns.ids), _rows_as_bytes(columns.lines)
    keys = []
    for name, line in zip(ids, lines, strict=True):
        found = known.get(name + EXCLUDED)
        if found is None:
            found = known[name + EXCLUDED] = _keyed(name, line, LEFT_OUT)
        named[found[0]] = found[1]
        keys.append(found[0])
    weights: Sequence[float | None] = (None,) * len(keys)
    if columns.weights is not None:
        weights = [None if math.isnan(each) else each for each in columns.weights.tolist()]
    return packed_excluded(keys, [words.EXCLUSION_AT[reason] for reason in columns.reasons], weights)


def _effect(combination: Combination, multipliers: PositionScaling | None, module: str, category: str) -> bytes:
    parts = []
    for name, lever in combination.levers.items():
        if category in LEVERS[name].scales_on:
            is_plan = lever.combiner is Combiner.PLAN
            start = LEVERS[name].unit(lever.current) if is_plan else 0.0
            parts.append(effects.pack_from_current(name, start) if is_plan else effects.pack_as_contributed(name))
    if multipliers is not None:
        for name, part in _own_parts(multipliers, module).items():
            if part != 0:
                parts.append(effects.pack_own(name, part, math.exp(part)))
    return layout("B").pack(len(parts)) + b"".join(parts)


def _own_parts(multipliers: PositionScaling, module: str) -> Mapping[str, float]:
    return {COEFFICIENTS: math.log(multipliers.product) if module == "dm" else 0.0, CAP: multipliers.cut}


NO_EFFECT = layout("B").pack(0)
NO_EXCLUSIONS = packed_excluded((), (), ())
NO_CONTRIBUTIONS = joined(0, b"", ())
NOTHING_MOVED = NO_EXCLUSIONS + NO_CONTRIBUTIONS + NO_EFFECT
