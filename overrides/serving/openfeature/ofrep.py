"""Levers as flags of OpenFeature's remote evaluation protocol (OFREP 0.3): contexts to questions, answers to flags.

A flag is a lever, named as everywhere else, or dm's `coefficient_product`; lever names are unique over both modules, so
a name alone says which module answers. The targeting key is the roll-out key; the attribute `position_key` names the
position, because a provider may use one targeting key for everything that a bot does. A context may hold attributes of
other products; they are ignored, and named in the metadata so that a misspelt one is seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from overrides.core.engine.definitions.levers import LEVERS, levers_of
from overrides.core.engine.definitions.vocabulary import BY_OVERRIDES, CHANNEL_MODULE, Reason
from overrides.serving.resolve import Resolved
from overrides.serving.resolve_request import Question, read_question
from telemetry.core.vocabulary import CATEGORIES, DM_PATTERN_KEY, ActionCategory, Module
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.foundation.core.refusal import Refused, shown

TARGETING_KEY = "targetingKey"
PRODUCT = "coefficient_product"
FLAGS = (*LEVERS, PRODUCT)
ATTRIBUTES = (
    "module", "pattern_key", "action_category", "scope", "at", "current", "coefficient_product", "alloc_mult", "book",
    "position_key",
)  # fmt: skip
NESTED = ("scope", "current")  # also sent flat, as `scope.bucket`
NEUTRAL = "neutral"  # the variant wherever nothing learned is served
LONGEST_LIST = 200  # characters of the ignored attributes that are named
# The protocol knows five reasons. Neutral levers are STATIC where nothing learned applies to the question.
REASONS: Mapping[Reason, str] = MappingProxyType(
    {
        Reason.SINGLE: "TARGETING_MATCH",
        Reason.COMBINED: "TARGETING_MATCH",
        Reason.NO_MATCH: "STATIC",
        Reason.ALL_EXCLUDED: "STATIC",
        Reason.PROTECTED: "STATIC",
        Reason.SCOPE_NOT_ALLOWED: "STATIC",
        Reason.NOT_IN_ROLLOUT: "SPLIT",
        Reason.HOLDBACK: "SPLIT",
        Reason.MODULE_OFF: "DISABLED",
        Reason.SHADOW: "DISABLED",
        Reason.STALE: "UNKNOWN",
        Reason.ERROR: "UNKNOWN",
    }
)


class Unanswered(Exception):
    """There is no evaluation; `code` is the protocol's word for why."""

    def __init__(self, code: str, details: str) -> None:
        super().__init__(details)
        self.code = code


@dataclass(frozen=True, slots=True)
class Context:
    """A context as it was read: the fields of a question without its module, and the attributes that were ignored."""

    fields: Mapping[str, Any]
    ignored: tuple[str, ...] = ()

    @property
    def is_question(self) -> bool:
        """Whether the context names an action; the context of a program that is starting does not."""
        names_allocation = self.fields.get("action_category") == ActionCategory.ALLOCATION
        is_of_dm = names_allocation or self.fields.get("module") == Module.DM
        return is_of_dm or None not in (self.fields.get("pattern_key"), self.fields.get("action_category"))


def read_context(body: object) -> Context:
    """Return the context of a request's body. Raises Unanswered."""
    if not isinstance(body, dict):
        raise Unanswered("PARSE_ERROR", f"{shown(body)} is not an object; send a JSON object with a context")
    context = body.get("context")
    if not isinstance(context, dict):
        raise Unanswered("INVALID_CONTEXT", f"context: {shown(context)} is not an object; send the evaluation context")
    if context.get(TARGETING_KEY) in (None, ""):
        message = "send what decides, always alike, who is in a partial roll-out, such as the pair"
        raise Unanswered("TARGETING_KEY_MISSING", f"context.{TARGETING_KEY}: missing; {message}")
    fields: dict[str, Any] = {"rollout_key": context[TARGETING_KEY]}
    ignored = []
    for name, value in context.items():
        nest, _, inner = name.partition(".")
        if name in ATTRIBUTES and name not in NESTED:
            fields[name] = value
        elif nest in NESTED and value is not None:
            _add(fields, nest, {inner: value} if inner else value)
        elif name != TARGETING_KEY and nest not in NESTED:
            ignored.append(name)
    return Context(fields, tuple(ignored))


def _add(fields: dict[str, Any], nest: str, values: object) -> None:
    """Put entries into a nested field; one that is there already is sent in both ways. Raises Unanswered."""
    known = fields.setdefault(nest, {})
    if not isinstance(values, dict):
        raise Unanswered("INVALID_CONTEXT", f"context.{nest}: {shown(values)} is not an object; send a JSON object")
    for name, value in values.items():
        if name in known:
            raise Unanswered("INVALID_CONTEXT", f"context.{nest}.{shown(name)}: sent nested and flat; send it once")
        known[name] = value


def module_of(flag: str) -> str:
    """Return the module that answers for a flag. Raises Unanswered for what is no flag.

    >>> module_of("size_mult"), module_of("coefficient_product")
    ('pm', 'dm')
    """
    if flag == PRODUCT:
        return Module.DM.value
    if flag not in LEVERS:
        raise Unanswered("FLAG_NOT_FOUND", f"{shown(flag)} is not a lever; known are {', '.join(FLAGS)}")
    return CHANNEL_MODULE[LEVERS[flag].channel]


def flags_of(question: Question) -> tuple[str, ...]:
    """Return the flags that the answer to a question holds."""
    request = question.request
    names = tuple(lever.name for lever in levers_of(request.module, request.action_category))
    return (*names, PRODUCT) if request.module == Module.DM else names


def question_for(flag: str, context: Context, *, now: datetime) -> Question:
    """Return the question behind the evaluation of one flag. Raises Unanswered."""
    module = module_of(flag)
    if context.fields.get("module") not in (None, module):
        raise Unanswered("INVALID_CONTEXT", f"context.module: {flag} is a flag of {module}; send that, or leave it out")
    question = _read(module, context, now)
    if flag not in flags_of(question):
        category, known = question.request.action_category, ", ".join(flags_of(question))
        details = f"context.action_category: {flag} is not used for {category}; its flags are {known}"
        raise Unanswered("INVALID_CONTEXT", details)
    return question


def question_of(context: Context, *, now: datetime) -> Question:
    """Return the question behind the evaluation of all flags: the module is that of the action. Raises Unanswered."""
    category = context.fields.get("action_category")
    of_category = [module.value for module, known in CATEGORIES.items() if category in list(known)]
    module = context.fields.get("module") or next(iter(of_category), Module.PM.value)
    return _read(module, context, now)


def _read(module: str, context: Context, now: datetime) -> Question:
    fields = dict(context.fields) | {"module": module}
    if module == Module.DM:
        fields = {"pattern_key": DM_PATTERN_KEY, "action_category": ActionCategory.ALLOCATION.value} | fields
    try:
        return read_question(fields, now=now)
    except Refused as refused:
        details = "; ".join(f"context.{_as_sent(each.field)}: {each.message}" for each in refused.refusals[:20])
        raise Unanswered("INVALID_CONTEXT", details) from None


def _as_sent(field: str) -> str:
    return TARGETING_KEY if field == "rollout_key" else field


def flag_documents(question: Question, resolved: Resolved, context: Context) -> Iterator[dict[str, Any]]:
    """Yield the evaluation of each flag that one answer holds; all of them are of the same decision."""
    answer, metadata = resolved.answer, flag_metadata(resolved, context)
    is_learned = answer.reason in BY_OVERRIDES
    variant = f"version {metadata['version']}" if is_learned else NEUTRAL
    for name in flags_of(question):
        value = answer.coefficient_product if name == PRODUCT else answer.levers[name]
        yield {
            "key": name,
            "value": float(value),
            "reason": REASONS[answer.reason],
            "variant": variant,
            "metadata": metadata,
        }


def flag_metadata(resolved: Resolved, context: Context) -> dict[str, bool | float | str]:
    """Return what this product says of an answer, as the scalars that the protocol allows."""
    decided = resolved.decided
    engine = decided.engine
    metadata: dict[str, bool | float | str] = {
        "reason": decided.answer.reason.value,
        "decision_id": str(decided.decision_id),
        "evaluated_at": utc_text(decided.question.request.at),
        "flags": " ".join(decided.flags),
    }
    if engine is not None:
        metadata["mode"] = engine.mode.mode.value
        if engine.version is not None:
            metadata["version"] = engine.version
    if context.ignored:
        metadata["ignored"] = ", ".join(context.ignored)[:LONGEST_LIST]
    return metadata
