"""A provider for OpenFeature's Python SDK over a client: levers as flags, and closed trades as tracking events.

It needs the package openfeature-sdk, the extra `openfeature` of the wheel; nothing else in this package does.

    client = LocalClient(...)  # or Client(...), which asks the server
    api.set_provider(CounterweightProvider(client))
    size = api.get_client().get_float_value("size_mult", 1.0, EvaluationContext("BTC/USDT", {...}))
"""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NoReturn, Protocol

from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import FlagNotFoundError, InvalidContextError, TypeMismatchError
from openfeature.flag_evaluation import FlagResolutionDetails, FlagValueType, Reason
from openfeature.provider import AbstractProvider, Metadata
from openfeature.track import TrackingEventDetails

from ..core.engine.definitions import vocabulary
from ..core.engine.definitions.levers import LEVERS, levers_of
from .answers import Answer, Question
from .closed_trades import Decisions, Records, Sender
from .forks import renewed_after_fork

TRADE_CLOSED = "trade_closed"
PRODUCT = "coefficient_product"
SAME_ACTION_SECONDS = 1.0  # within which equal questions are about one action and share its decision
MOST_ANSWERS = 1000
LONGEST_LIST = 200  # characters of the ignored attributes that are named
FIELDS = (
    "pattern_key", "action_category", "at", "coefficient_product", "alloc_mult", "book", "base_allocation",
    "position_key",
)  # fmt: skip
NESTED = ("scope", "current")
ALLOCATION: Mapping[str, str] = MappingProxyType(
    {"pattern_key": "dm_pattern.allocation.allocation", "action_category": "allocation"}
)
REASONS: Mapping[str, Reason] = MappingProxyType(
    {
        vocabulary.Reason.SINGLE: Reason.TARGETING_MATCH,
        vocabulary.Reason.COMBINED: Reason.TARGETING_MATCH,
        vocabulary.Reason.NO_MATCH: Reason.DEFAULT,
        vocabulary.Reason.ALL_EXCLUDED: Reason.DEFAULT,
        vocabulary.Reason.PROTECTED: Reason.DEFAULT,
        vocabulary.Reason.SCOPE_NOT_ALLOWED: Reason.DEFAULT,
        vocabulary.Reason.NOT_IN_ROLLOUT: Reason.SPLIT,
        vocabulary.Reason.HOLDBACK: Reason.SPLIT,
        vocabulary.Reason.MODULE_OFF: Reason.DISABLED,
        vocabulary.Reason.SHADOW: Reason.DISABLED,
        vocabulary.Reason.STALE: Reason.STALE,
        vocabulary.Reason.ERROR: Reason.ERROR,
    }
)


class Levers(Records, Protocol):
    """What answers and records: a client of this package."""

    def resolve(self, questions: Mapping[str, Any], /) -> Answer:
        """Return the levers for one question; never raises because of the server or the network."""


class CounterweightProvider(AbstractProvider):
    """Reads levers as float flags; equal questions within a second are about one action, and share its decision.

    The targeting key names the position, and decides who is in a partial roll-out. Other attributes of the context are
    the fields of a question: `pattern_key`, `action_category`, `scope` and `current` (nested, or flat as
    `scope.bucket`), `at`, `book`, `position_key`, `coefficient_product` and `alloc_mult`; others are ignored, and the
    metadata name them. A value is neutral, with the reason ERROR and the fault in the metadata, where the client has no
    better answer.
    """

    def __init__(self, client: Levers) -> None:
        super().__init__()
        self._client, self._decisions, self._sender = client, Decisions(), Sender(client)
        self._answers: OrderedDict[str, tuple[float, Answer]] = OrderedDict()
        self.after_fork()
        renewed_after_fork(self)

    def after_fork(self) -> None:
        """Go on in a child process: another thread of the parent may have held the lock."""
        self._lock = threading.Lock()

    @property
    def counters(self) -> dict[str, int]:
        """What became of the trades that were tracked, by the status on their receipts."""
        return self._sender.counters

    def get_metadata(self) -> Metadata:
        return Metadata(name="Counterweight")

    def shutdown(self) -> None:
        """Send the trades that wait, for at most five seconds; the client remains its owner's to close."""
        self._sender.close(5.0)

    def resolve_float_details(
        self, flag_key: str, default_value: float, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[float]:
        """Return a lever. Raises FlagNotFoundError and InvalidContextError, for which the SDK returns the default."""
        module = _module_of(flag_key)
        context = evaluation_context or EvaluationContext()
        question = question_of(module, context)
        known = [lever.name for lever in levers_of(module, str(question.get("action_category")))]
        if flag_key not in (known if module == "pm" else [*known, PRODUCT]):
            raise InvalidContextError(f"{flag_key} is not used for the action category {question['action_category']!r}")
        answer = self._answer(question, context.targeting_key)
        return _details(flag_key, answer, ignored_of(context))

    def track(
        self,
        tracking_event_name: str,
        evaluation_context: EvaluationContext | None = None,
        tracking_event_details: TrackingEventDetails | None = None,
    ) -> None:
        """Record a closed trade (`trade_closed`) with the decisions behind its actions; other events are ignored.

        The attributes of the details are the trade as `POST /api/v1/trades/` takes it, the value of the details is its
        `rr` unless the attributes have one. An action without `decision_ids` gets the last decision that was made
        before it for the same targeting key, pattern and category. It is sent in the background.
        """
        if tracking_event_name != TRADE_CLOSED or tracking_event_details is None:
            return
        value = tracking_event_details.value
        trade = ({} if value is None else {"rr": value}) | dict(tracking_event_details.attributes)
        position = (evaluation_context or EvaluationContext()).targeting_key or ""
        self._sender.put(self._decisions.join(position, trade))

    def resolve_boolean_details(
        self, flag_key: str, default_value: bool, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[bool]:
        _refuse_type(flag_key)

    def resolve_string_details(
        self, flag_key: str, default_value: str, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[str]:
        _refuse_type(flag_key)

    def resolve_integer_details(
        self, flag_key: str, default_value: int, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[int]:
        _refuse_type(flag_key)

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: Sequence[FlagValueType] | Mapping[str, FlagValueType],
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[Sequence[FlagValueType] | Mapping[str, FlagValueType]]:
        _refuse_type(flag_key)

    def _answer(self, question: Question, position: str | None) -> Answer:
        """Return the answer to a question, the same for all levers of one action."""
        key, now = json.dumps(question, sort_keys=True, default=str), time.monotonic()
        with self._lock:
            answered_at, answer = self._answers.get(key, (0.0, None))
        if answer is not None and now - answered_at < SAME_ACTION_SECONDS:
            return answer
        answer = self._client.resolve(question)
        with self._lock:
            self._answers[key] = now, answer
            self._answers.move_to_end(key)
            while len(self._answers) > MOST_ANSWERS:
                self._answers.popitem(last=False)
        if answer.decision_id is not None:
            self._decisions.remember(position or "", question, answer.decision_id)
        return answer


def question_of(module: str, context: EvaluationContext) -> dict[str, Any]:
    """Return the question that a context asks of a module. Raises InvalidContextError if it names no action."""
    question: dict[str, Any] = {"module": module} | (dict(ALLOCATION) if module == "dm" else {})
    if context.targeting_key:
        question["rollout_key"] = context.targeting_key
    for name, value in context.attributes.items():
        nest, _, inner = name.partition(".")
        if value is None:
            continue
        if name in FIELDS:
            question[name] = value
        elif nest in NESTED and inner:
            question.setdefault(nest, {})[inner] = value
        elif nest in NESTED and isinstance(value, Mapping):
            question[nest] = {**value, **question.get(nest, {})}
    missing = [name for name in ALLOCATION if name not in question]
    if missing:
        raise InvalidContextError(f"the context names no action; it lacks {' and '.join(missing)}")
    return question


def ignored_of(context: EvaluationContext) -> str:
    """Return the names of the attributes that are no part of a question, so that a misspelt one is seen.

    >>> ignored_of(EvaluationContext("BTC/USDT", {"scope.bucket": "big", "scopes": {"bucket": "big"}}))
    'scopes'
    """
    unknown = (
        name
        for name, value in context.attributes.items()
        if not (name in FIELDS or (name.partition(".")[0] in NESTED and ("." in name or isinstance(value, Mapping))))
    )
    return ", ".join(unknown)[:LONGEST_LIST]


def _module_of(flag: str) -> str:
    if flag == PRODUCT:
        return "dm"
    if flag not in LEVERS:
        raise FlagNotFoundError(f"{flag!r} is no lever; known are {', '.join(LEVERS)}, {PRODUCT}")
    return vocabulary.CHANNEL_MODULE[LEVERS[flag].channel]


def _details(flag: str, answer: Answer, ignored: str) -> FlagResolutionDetails[float]:
    value = float(answer.document.get(PRODUCT, 1.0)) if flag == PRODUCT else answer.lever(flag)
    reason = REASONS.get(answer.reason, Reason.UNKNOWN)
    version = answer.document.get("version")
    return FlagResolutionDetails(
        value=value,
        reason=reason,
        variant=f"version {version}" if reason is Reason.TARGETING_MATCH else "neutral",
        flag_metadata=_metadata(answer, ignored),
    )


def _metadata(answer: Answer, ignored: str) -> dict[str, bool | int | float | str]:
    """Return what this product says of an answer, as the scalars that OpenFeature allows."""
    told = {
        "reason": answer.reason,
        "decision_id": answer.decision_id,
        "fault": answer.fault or None,
        "version": answer.document.get("version"),
        "mode": answer.document.get("mode"),
        "flags": " ".join(str(flag) for flag in answer.document.get("flags", ())),
        "ignored": ignored or None,
    }
    return {name: value for name, value in told.items() if value is not None}


def _refuse_type(flag: str) -> NoReturn:
    _module_of(flag)
    raise TypeMismatchError(f"{flag} is a float")
