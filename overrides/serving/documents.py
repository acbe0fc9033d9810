"""Answers as JSON, as a bot receives them: levers and identity, and as much of an explanation as it asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import orjson

from overrides.core.engine.definitions.arms import ArmDraw
from overrides.core.engine.definitions.serving_mode import Mode
from overrides.serving.decisions.decision_record import combiners_of
from overrides.serving.resolve import Resolved
from overrides.serving.summaries import summaries

Explain = Literal["none", "summary", "full"]
NOTHING = orjson.Fragment(b"[]")


def documents(answers: Sequence[Resolved], explain: Explain = "summary") -> list[dict[str, Any]]:
    """Return answers as values that orjson writes, with times, ids and words as they are.

    `none` holds levers and identity, `summary` adds who contributed, `full` adds every weight factor.
    """
    found = [_document(each) for each in answers]
    if explain == "summary":
        _add_summaries(found, answers)
    elif explain == "full":
        for document, each in zip(found, answers, strict=True):
            _add_record(document, each)
    return found


def _document(resolved: Resolved) -> dict[str, Any]:
    decided = resolved.decided
    engine, answer, question = decided.engine, decided.answer, decided.question
    document: dict[str, Any] = {
        "decision_id": decided.decision_id,
        "levers": answer.levers,
        "version": None if engine is None else engine.version,
        "evaluated_at": question.request.at,
        "combiner": combiners_of(engine),
        "mode": Mode.OFF if engine is None else engine.mode.mode,
        "reason": answer.reason,
        "flags": decided.flags,
    }
    if question.arms and (arms := explored_levers(question.arms)):
        document["arms"] = arms
    if resolved.coefficient_product is not None:
        document["coefficient_product"] = resolved.coefficient_product
        document["alloc_mult"] = answer.levers["alloc_mult"]
    if resolved.allocation is not None:
        document["allocation"] = resolved.allocation
    return document


def _add_summaries(found: Sequence[dict[str, Any]], answers: Sequence[Resolved]) -> None:
    """Add who contributed, with weight and parts, and who was left out, with the reason, in the engine's order."""
    combinations = [each.answer.combination for each in answers]
    texts = iter(summaries([each.contributions for each in combinations if each is not None]))
    for document, combination in zip(found, combinations, strict=True):
        document["contributions"] = document["excluded"] = NOTHING
        if combination is not None:
            document["contributions"] = next(texts)
            if combination.excluded:
                document["excluded"] = [{"id": each.id, "reason": each.reason} for each in combination.excluded]


def _add_record(document: dict[str, Any], resolved: Resolved) -> None:
    record = resolved.record
    document["contributions"], document["excluded"] = record.contributions, record.excluded
    document["lever_detail"] = record.levers
    if record.multipliers is not None:
        document["multipliers"] = record.multipliers


def explored_levers(draws: Mapping[str, ArmDraw]) -> dict[str, dict[str, Any]]:
    """Return what is explored in a position that was admitted, by lever; a bot replays both values of each."""
    return {
        lever: {
            "arm": "alternative" if each.is_alternative else "served",
            "served": each.served,
            "alternative": each.arm.alternative,
            "probability": each.arm.probability,
        }
        for lever, each in draws.items()
        if each.is_admitted
    }
