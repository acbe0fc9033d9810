"""The answer to a question: the server's if it can be trusted, otherwise neutral levers and the fault."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from ..core.engine.definitions.levers import LEVERS, Lever, levers_of
from ..core.engine.definitions.vocabulary import Reason

Question = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """Levers to use, complete and within their outermost bounds.

    - `reason`: why they are what they are; ERROR if the server gave no answer that can be used.
    - `fault`: what went wrong, in words; empty if the server answered.
    - `decision_id`: what the closed trade has to name; None if there was no decision.
    - `document`: the server's whole answer; empty if there was none.
    """

    levers: Mapping[str, float]
    reason: str
    decision_id: str | None = None
    fault: str = ""
    document: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def is_neutral(self) -> bool:
        """Whether the answer stands in for one that could not be had."""
        return bool(self.fault)

    def lever(self, name: str) -> float:
        """Return the value of a lever, neutral where the answer has none. Raises KeyError for an unknown lever.

        >>> neutral({"module": "pm", "action_category": "entry"}, "no server").lever("size_mult")
        1.0
        """
        return self.levers.get(name, LEVERS[name].neutral)

    @property
    def allocation(self) -> float | None:
        """The allocation to use (dm, where the question gave a base): the base itself in a neutral answer."""
        allocation = self.document.get("allocation")
        return None if allocation is None else float(allocation)


def neutral(question: Question, fault: str) -> Answer:
    """Return the answer of a bot that learned nothing, with the fault that is to blame.

    >>> dict(neutral({"module": "pm", "action_category": "exit"}, "timed out").levers)
    {'exit_aggression_mult': 1.0, 'trail_mult': 1.0, 'panic_trigger_mult': 1.0}
    """
    levers = {lever.name: lever.neutral for lever in _levers(question)}
    base = question.get("base_allocation")
    document = {"coefficient_product": 1.0, "alloc_mult": 1.0, "allocation": base} if _is_number(base) else {}
    return Answer(MappingProxyType(levers), Reason.ERROR.value, None, fault, MappingProxyType(document))


def read_answer(question: Question, document: object) -> Answer:
    """Return the server's answer, or a neutral one if a lever is missing, no number or outside its outermost bounds.

    >>> read_answer({"module": "pm", "action_category": "exit"}, {"levers": {"trail_mult": 90}}).fault
    'the answer lacks the lever exit_aggression_mult'
    """
    if not isinstance(document, Mapping) or not isinstance(document.get("levers"), Mapping):
        return neutral(question, refusal(document) or "the answer holds no levers")
    levers: dict[str, float] = {}
    for lever in _levers(question):
        value = document["levers"].get(lever.name)
        if value is None:
            return neutral(question, f"the answer lacks the lever {lever.name}")
        if not _is_number(value) or not lever.low <= value <= lever.high:
            return neutral(question, f"{lever.name} of the answer is no number from {lever.low:g} to {lever.high:g}")
        levers[lever.name] = float(value)
    decision, reason = document.get("decision_id"), document.get("reason")
    if not isinstance(decision, str) or not isinstance(reason, str):
        return neutral(question, "the answer names no decision or no reason")
    if question.get("base_allocation") is not None and not _is_number(document.get("allocation")):
        return neutral(question, "the answer holds no allocation")
    return Answer(MappingProxyType(levers), reason, decision, "", MappingProxyType(dict(document)))


def refusal(document: object) -> str:
    """Return why the server refused this question of a list, from the problem at its place; empty if it is none.

    >>> refusal({"status": 400, "detail": "no", "errors": [{"field": "[3].at", "message": "is no time"}]})
    'at: is no time'
    """
    if not isinstance(document, Mapping) or not isinstance(document.get("status"), int):
        return ""
    errors = document.get("errors")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], Mapping) else None
    if first is None:
        return str(document.get("detail"))
    return f"{str(first.get('field')).partition(']')[2].lstrip('.')}: {first.get('message')}"


def _levers(question: Question) -> tuple[Lever, ...]:
    return levers_of(str(question.get("module")), str(question.get("action_category")))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
