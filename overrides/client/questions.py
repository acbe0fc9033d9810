"""Read a bot's question as the server does; a question that is not plainly valid is left to the server to refuse."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from ..core.engine.combination import Request
from ..core.engine.definitions.coefficients import HIGHEST, LOWEST
from ..core.engine.definitions.levers import LEVERS
from ..core.engine.definitions.vocabulary import MODULE_CATEGORIES
from .answers import Question

KEYS = frozenset(
    (
        "module", "pattern_key", "action_category", "scope", "at", "current", "rollout_key", "base_allocation",
        "coefficient_product", "alloc_mult", "book", "position_key",
    )
)  # fmt: skip
LARGEST = 1e9
LONGEST_VALUE, LONGEST_KEY, MOST_DIMENSIONS = 64, 200, 40
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_PART = "[A-Za-z0-9_-]{1,40}"
_PATTERN_KEY = re.compile(rf"{_PART}\.{_PART}\.{_PART}")
_DIMENSION = re.compile("[A-Za-z][A-Za-z0-9_]{0,39}")
_BOOK = re.compile("[a-z0-9_-]{1,40}")


class Unclear(Exception):
    """The question is not plainly valid; the server says what is wrong with it, or answers it."""


class Asked(NamedTuple):
    """A question that the server would read in the same way."""

    request: Request
    rollout_key: str | None
    base_allocation: float | None
    coefficient_product: float | None
    alloc_mult: float | None
    book: str | None
    position_key: str | None

    @property
    def upstream_multiplier(self) -> float:
        """dm's coefficient product x alloc_mult for the position; each counts as 1 if the bot does not send it."""
        product, alloc = self.coefficient_product, self.alloc_mult
        return (1.0 if product is None else product) * (1.0 if alloc is None else alloc)

    def document(self) -> dict[str, Any]:
        """Return the question as JSON, with its time."""
        request = self.request
        document: dict[str, Any] = {
            "module": request.module,
            "pattern_key": request.pattern_key,
            "action_category": request.action_category,
            "scope": dict(request.scope),
            "at": request.at.isoformat(),
            "current": dict(request.current),
        }
        optional = {name: getattr(self, name) for name in OPTIONAL}
        return document | {name: value for name, value in optional.items() if value is not None}


OPTIONAL = ("rollout_key", "base_allocation", "coefficient_product", "alloc_mult", "book", "position_key")


def read_question(question: Question, now: datetime) -> Asked:
    """Return a question as the server reads it; `at` defaults to `now`. Raises Unclear.

    >>> asked = read_question(
    ...     {"module": "pm", "pattern_key": "a.b.c", "action_category": "exit", "scope": {"rank": 1.0, "x": "Unknown"}},
    ...     datetime(2026, 1, 1, tzinfo=UTC),
    ... )
    >>> dict(asked.request.scope)
    {'rank': '1'}
    """
    if not KEYS.issuperset(question):
        raise Unclear
    module, category, pattern_key = question.get("module"), question.get("action_category"), question.get("pattern_key")
    if not isinstance(module, str) or category not in MODULE_CATEGORIES.get(module, ()):
        raise Unclear
    base = _number(question.get("base_allocation"), 0.0, LARGEST)
    lever = LEVERS["alloc_mult"]
    product = _number(question.get("coefficient_product"), LOWEST, HIGHEST)
    alloc = _number(question.get("alloc_mult"), lever.low, lever.high)
    if module != "pm" and not (product is None and alloc is None):
        raise Unclear
    request = Request(
        module,
        _pattern_key(pattern_key),
        str(category),
        _scope(question.get("scope")),
        _moment(question.get("at"), now),
        _current(question.get("current")),
    )
    rollout_key, position_key = _key(question.get("rollout_key")), _key(question.get("position_key"))
    return Asked(request, rollout_key, base, product, alloc, _book(question.get("book")), position_key)


def _scope(value: object) -> dict[str, str]:
    if value is None:
        return {}
    if type(value) is not dict or len(value) > MOST_DIMENSIONS:
        raise Unclear
    scope = {}
    for name, each in value.items():
        dimension, word = _dimension(name), _text(each) if type(each) is str else _word(each)
        if word:
            scope[dimension] = word
    return scope


@lru_cache(4096)
def _pattern_key(value: object) -> str:
    if not isinstance(value, str) or _PATTERN_KEY.fullmatch(value) is None:
        raise Unclear
    return value


@lru_cache(1024)
def _dimension(name: object) -> str:
    if not isinstance(name, str) or _DIMENSION.fullmatch(name) is None:
        raise Unclear
    return name


@lru_cache(16_384)
def _text(value: str) -> str:
    if len(value) > LONGEST_VALUE:
        raise Unclear
    text = _storable(value).strip()
    return "" if text.lower() == "unknown" else text


def _word(value: object) -> str:
    if value is None:
        return ""
    if type(value) is bool:
        return "true" if value else "false"
    number = _number(value, -LARGEST, LARGEST)
    return str(int(number or 0.0)) if float(number or 0.0).is_integer() else repr(number)


def _number(value: object, low: float, high: float) -> float | None:
    if value is None:
        return None
    if (type(value) is not float and type(value) is not int) or not low <= value <= high:
        raise Unclear
    return float(value) + 0.0


def _moment(value: object, now: datetime) -> datetime:
    if value is None:
        return now
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise Unclear from None
    if not isinstance(value, datetime) or value.utcoffset() is None or not EARLIEST <= value < LATEST:
        raise Unclear
    return value.astimezone(UTC)


def _current(value: object) -> Mapping[str, float]:
    if not value:
        if value is None or type(value) is dict:
            return {}
        raise Unclear
    if type(value) is not dict:
        raise Unclear
    current = {}
    for name, each in value.items():
        lever = LEVERS.get(name)
        if lever is None or each is None:
            raise Unclear
        current[name] = _number(each, lever.low, lever.high) or 0.0
    return current


def _key(value: object) -> str | None:
    if value is None:
        return None
    if type(value) is not str or not 0 < len(value) <= LONGEST_KEY or value != value.strip():
        raise Unclear
    return _storable(value)


def _book(value: object) -> str | None:
    if value is None:
        return None
    if type(value) is not str or _BOOK.fullmatch(value) is None:
        raise Unclear
    return value


def _storable(value: str) -> str:
    """Return text that a database can store. Raises Unclear for a NUL or a lone surrogate."""
    if "\0" in value or (not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value)):
        raise Unclear
    return value
