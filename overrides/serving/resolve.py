"""Resolve levers from the engines in memory: no exception leaves this module.

No answer reads the database but the first about a position whose levers are explored (`overrides.serving.arms`).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from uuid import UUID

from overrides.core.engine.serve import Answer, Asked, answer, answer_many, rounded_for_output
from overrides.core.engine.staleness import flags_at_age, stale_answer
from overrides.serving.answer_metrics import DRY, RESOLVE, note_answers
from overrides.serving.arms import with_arms
from overrides.serving.decisions.decision_record import Decided, decision_record
from overrides.serving.engine import ENGINE_ROOM, Engine
from overrides.serving.holdback import drawn
from overrides.serving.resolve_request import Question
from telemetry.decisions.decision_log import DecisionRecord
from telemetry.foundation.core.identifiers import uuid7, uuid7s


@dataclass(frozen=True)
class Resolved:
    """One answer: what the bot receives, and what its record is made of."""

    decided: Decided
    coefficient_product: float | None
    allocation: float | None

    @property
    def answer(self) -> Answer:
        """The levers as served, and what was computed."""
        return self.decided.answer

    @cached_property
    def record(self) -> DecisionRecord:
        """The record that replays the answer; it is made when it is first read."""
        return decision_record(self.decided)


def resolve(
    questions: Sequence[Question], *, now: datetime, key: str | None = None, dry: bool = False
) -> list[Resolved]:
    """Answer each question from this process's engines, in order; neutral wherever something is missing.

    `now` is wall-clock time and goes into the decision ids. Levers are computed as of each question's own `at`. The
    questions of a list to one module are answered in one pass, and share its time. `key` is the prefix of the API key
    that asks. Answers that are `dry` are counted apart, because nobody acts by them.
    """
    places: dict[str, list[int]] = {}
    for place, question in enumerate(questions):
        places.setdefault(question.request.module, []).append(place)
    ids = uuid7s(now, len(questions))
    found: dict[int, Resolved] = {}
    for module, of_module in places.items():
        asked = [(ids[place], questions[place]) for place in of_module]
        engine, age = ENGINE_ROOM.engine(module), ENGINE_ROOM.stale_seconds(module)
        found |= zip(of_module, _resolved(asked, engine, age, key, at=now, may_draw=not dry), strict=True)
    answers = [found[place] for place in range(len(questions))]
    note_answers([each.decided for each in answers], DRY if dry else RESOLVE)
    return answers


def resolve_one(
    question: Question, engine: Engine | None, *, now: datetime, stale_seconds: float = 0.0, may_draw: bool = False
) -> Resolved:
    """Answer one question from an engine; a missing engine, or one unconfirmed for too long, is neutral and STALE.

    `may_draw`: its position is drawn for the levers that are explored; else it has the draws that the question brings.
    """
    asked = [(uuid7(now), question)]
    return _resolved(asked, engine, stale_seconds, None, at=now if may_draw else None, may_draw=may_draw)[0]


def _resolved(
    asked: Sequence[tuple[UUID, Question]],
    engine: Engine | None,
    stale_seconds: float,
    key: str | None,
    *,
    at: datetime | None,
    may_draw: bool,
) -> list[Resolved]:
    """Answer questions to one module in one pass; without `at` no position is drawn for an arm (`with_arms`)."""
    started = time.perf_counter()
    is_there = engine is not None and stale_seconds <= ENGINE_ROOM.max_stale_seconds
    questions: Sequence[Question] = [question for _, question in asked]
    if engine and engine.mode.runs_holdback:
        questions = [drawn(each) for each in questions]
    answers: Sequence[Answer]
    if engine and is_there:
        answers = _answers(questions, engine)
    else:
        answers = [stale_answer(each.request.module, each.request.action_category) for each in questions]
    if engine and is_there and engine.mode.runs_arms:
        questions, answers = with_arms(questions, answers, engine, stale_seconds, at=at, may_draw=may_draw)
    latency_us = (time.perf_counter() - started) * 1e6 / len(questions)
    return [
        _with_product(Decided(name, question, engine, each, flags_at_age(each.flags, stale_seconds), latency_us, key))
        for (name, _), question, each in zip(asked, questions, answers, strict=True)
    ]


def _answers(questions: Sequence[Question], engine: Engine) -> Sequence[Answer]:
    motifs, scaling = engine.parameters.protected_motifs, engine.scaling
    if len(questions) > 1:
        asked = [Asked(each.request, each.rollout_key, each.upstream_multiplier, each.draw) for each in questions]
        return answer_many(engine.compiled, engine.mode, asked, protected_motifs=motifs, scaling=scaling)
    (only,) = questions
    return [
        answer(
            engine.compiled,
            engine.mode,
            only.request,
            rollout_key=only.rollout_key,
            draw=only.draw,
            protected_motifs=motifs,
            scaling=scaling,
            upstream_multiplier=only.upstream_multiplier,
        )
    ]


def _with_product(decided: Decided) -> Resolved:
    """Return an answer with what a dm question multiplies by it."""
    question, answer = decided.question, decided.answer
    if question.request.module != "dm":
        return Resolved(decided, None, None)
    product, allocation = answer.coefficient_product, None
    if question.base_allocation is not None:
        allocation = rounded_for_output(question.base_allocation * product * answer.levers["alloc_mult"])
    return Resolved(decided, product, allocation)
