"""Build the record of an answer: everything it was computed from, unrounded, so that it can be replayed and attributed.

Nothing here is needed to answer; a record is made when it is read, by the log or by an explanation.
"""

from __future__ import annotations

import math
import platform
import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy

from overrides.core.engine.attribution_parts import attribution_parts, starting_value
from overrides.core.engine.combination import Combination, LeverValue, Request
from overrides.core.engine.definitions.formats import CURRENT_FORMAT
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.serving_mode import Mode
from overrides.core.engine.definitions.vocabulary import Flag, Reason
from overrides.core.engine.position_scaling import CAP, COEFFICIENTS, PositionScaling
from overrides.core.engine.serve import Answer, answer
from overrides.serving.engine import Engine
from overrides.serving.resolve_request import Question
from telemetry.decisions.decision_log import DecisionRecord

NUMERIC_BUILD = f"{platform.machine()} python-{platform.python_version()} numpy-{numpy.__version__}"
SERVED_UNDER = "served_under"  # key in a decision's request: the roll-out and allow-lists in force
HOLDBACK = "holdback"  # key in a decision's request: the share of a holdback in force, and the draw of the position
ARMS = "arms"  # key in a decision's request: lever -> the part of the position in what is explored
OPTIONAL = (  # fields of a question
    "rollout_key", "base_allocation", "coefficient_product", "alloc_mult", "book", "position_key",
)  # fmt: skip


class Decided(NamedTuple):
    """An answer with its question, the engine that gave it (None: none was there), its id and the time it took."""

    decision_id: uuid.UUID
    question: Question
    engine: Engine | None
    answer: Answer
    flags: tuple[Flag, ...]
    latency_us: float
    key: str | None = None  # prefix of the API key that asked


def decision_record(decided: Decided) -> DecisionRecord:
    """Return the record of an answer."""
    question, engine, result = decided.question, decided.engine, decided.answer
    request, combination = question.request, result.combination
    was_served = engine is not None and engine.mode.mode is Mode.ON and result.reason is not Reason.HOLDBACK
    return DecisionRecord(
        decision_id=decided.decision_id,
        module=request.module,
        pattern_key=request.pattern_key,
        action_category=request.action_category,
        scope=request.scope,
        at=request.at,
        version=engine.version if engine else None,
        challenger_version=engine.challenger[0] if engine and engine.challenger else None,
        combiner=combiners_of(engine),
        mode=engine.mode.mode if engine else Mode.OFF,
        reason=result.reason,
        flags=decided.flags,
        request=request_document(question, engine),
        levers=_levers(result),
        contributions=[] if combination is None else [each.to_document() for each in combination.contributions],
        excluded=[] if combination is None else [each._asdict() for each in combination.excluded],
        challenger=_challenger(question, engine),
        effect=_effect(result, combination, request) if combination is not None and was_served else {},
        numeric_build=NUMERIC_BUILD,
        latency_us=decided.latency_us,
        multipliers=None if result.multipliers is None else result.multipliers.to_document(),
        format=CURRENT_FORMAT,
        key=decided.key,
    )


def combiners_of(engine: Engine | None) -> str:
    """Return the combiner of each channel, as decisions name them."""
    return engine.combiners if engine else ""


def request_document(question: Question, engine: Engine | None) -> dict[str, Any]:
    """Return what the columns of a decision lack: the bot's own values, and a roll-out, allow-list and holdback."""
    document: dict[str, Any] = {
        "current": dict(question.request.current),
        "rollout_key": question.rollout_key,
        "base_allocation": question.base_allocation,
    }
    optional = {name: getattr(question, name) for name in OPTIONAL}
    document |= {name: value for name, value in optional.items() if value is not None}
    if engine is None:
        return document
    found = {SERVED_UNDER: served_under(engine), HOLDBACK: holdback_of(question, engine), ARMS: arms_of(question)}
    return document | {name: value for name, value in found.items() if value is not None}


def served_under(engine: Engine) -> dict[str, Any] | None:
    """Return the roll-out and the allow-lists in force; None if everybody is served."""
    mode = engine.mode
    if mode.serves_everybody:
        return None
    salt = {"rollout_salt": mode.rollout_salt} if mode.rollout_salt else {}
    return {"rollout_percent": mode.rollout_percent, "allow": dict(mode.allow), **salt}


def holdback_of(question: Question, engine: Engine) -> dict[str, float] | None:
    """Return the share and the draw by which a position was served or held back; None if it had no part in a holdback.

    The draw is stored, so that replay needs no secret and what is measured stays as it was served.
    """
    if question.draw is None or not engine.mode.runs_holdback:
        return None
    return {"percent": engine.mode.holdback_percent, "draw": question.draw}


def arms_of(question: Question) -> dict[str, Any] | None:
    """Return the draws of a position by lever; None if nothing was explored. A replay reads them, as `holdback_of`."""
    return {lever: each.to_document() for lever, each in question.arms.items()} if question.arms else None


def _levers(result: Answer) -> dict[str, Any]:
    """Return every lever as served, with what moved it, unrounded, where a lever was moved."""
    moved: Mapping[str, LeverValue] = result.combination.levers if result.combination else {}
    return {
        name: {"served": value} | (_detail(moved[name]) if name in moved else {})
        for name, value in result.levers.items()
    }


def _detail(lever: LeverValue) -> dict[str, Any]:
    detail = lever._asdict()
    return detail | {"flags": list(lever.flags)}


def _challenger(question: Question, engine: Engine | None) -> dict[str, Any] | None:
    """Return what the challenger version would have answered, to be logged with the served answer."""
    shadow = shadow_answer(question, engine)
    return None if shadow is None else {"reason": shadow.reason, "levers": _levers(shadow)}


def shadow_answer(question: Question, engine: Engine | None) -> Answer | None:
    """Return the answer of the challenger version; None without one, and of a module that is off."""
    if engine is None or engine.challenger is None or engine.mode.mode is Mode.OFF:
        return None
    return answer(
        engine.challenger[1],
        engine.mode,
        question.request,
        rollout_key=question.rollout_key,
        draw=question.draw,
        protected_motifs=engine.parameters.protected_motifs,
    )


def _effect(result: Answer, combination: Combination, request: Request) -> dict[str, Any]:
    """Return, per lever that scales this outcome, its values before and served, and the part of each override."""
    category = request.action_category
    lines = {each.id: each.line for each in combination.contributions}
    effect = {}
    for name, lever in combination.levers.items():
        if category in LEVERS[name].scales_on:
            parts = attribution_parts(combination, name)
            m0 = starting_value(combination, name)
            effect[name] = {
                "m0": m0,
                "m": lever.value,
                "parts": parts,
                "lines": {key: lines[key] for key in parts if key in lines},
            }
    if result.multipliers is not None:
        effect |= _multiplied(result.multipliers, is_allocation=request.module == "dm")
    return effect


def _multiplied(multipliers: PositionScaling, *, is_allocation: bool) -> dict[str, Any]:
    """Return the coefficients and the cap as levers of one part each, as no override owns what they add or cut."""
    return {
        name: {"m0": 1.0, "m": math.exp(part), "parts": {name: part}, "lines": {}}
        for name, part in own_parts(multipliers, is_allocation=is_allocation).items()
    }


def own_parts(multipliers: PositionScaling, *, is_allocation: bool) -> dict[str, float]:
    """Return the parts, as logarithms, that the coefficients and the cap have in a position, where they have any.

    A pm decision receives the coefficients from dm; they are attributed to the dm decision.
    """
    logs = {COEFFICIENTS: math.log(multipliers.product) if is_allocation else 0.0, CAP: multipliers.cut}
    return {name: part for name, part in logs.items() if part != 0}
