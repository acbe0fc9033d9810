"""Parse a bot's question for levers: strictly, with unknown fields and words refused by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from overrides.core.engine.combination import Request
from overrides.core.engine.definitions.arms import ArmDraw
from overrides.core.engine.definitions.coefficients import HIGHEST, LOWEST
from overrides.core.engine.definitions.levers import LEVERS
from telemetry.core.scopes import read_scope
from telemetry.core.vocabulary import CATEGORIES, ActionCategory, Module, read_book, read_pattern_key
from telemetry.foundation.core.fields import finite, member, parse_moment, text
from telemetry.foundation.core.objects import Fields, entries
from telemetry.foundation.core.refusal import Refused, shown

KEYS = dict.fromkeys(
    (
        "module", "pattern_key", "action_category", "scope", "at", "current", "rollout_key", "base_allocation",
        "coefficient_product", "alloc_mult", "book", "position_key",
    )
)  # fmt: skip

LONGEST_KEY = 200  # characters of a roll-out key and of a position key
_module, _category, _key = member(Module), member(ActionCategory), text(LONGEST_KEY)


class Question(NamedTuple):
    """A question for the levers of one action; `base_allocation` (dm) is what the levers multiply.

    `coefficient_product` and `alloc_mult` (pm) are what dm answered for the same position; they count towards the cap.
    `book` is that of the action, None for any; it moves no lever, and is recorded for the trade that names the answer.
    `position_key` names the position, before its order, in every question about it; `draw` is that of the position
    where a holdback runs (`overrides.serving.holdback`), and never sent. Neither are `arms`, its part in what is
    explored, by lever (`overrides.serving.arms`).
    """

    request: Request
    rollout_key: str | None = None
    base_allocation: float | None = None
    coefficient_product: float | None = None
    alloc_mult: float | None = None
    book: str | None = None
    position_key: str | None = None
    draw: float | None = None
    arms: Mapping[str, ArmDraw] | None = None

    @property
    def upstream_multiplier(self) -> float:
        """dm's coefficient product x alloc_mult for the position; each counts as 1 if the caller does not send it."""
        product, alloc = self.coefficient_product, self.alloc_mult
        return (1.0 if product is None else product) * (1.0 if alloc is None else alloc)


def read_question(value: object, *, now: datetime) -> Question:
    """Parse a question from JSON; `at` defaults to `now`. Raises Refused with every refusal."""
    fields = Fields(value, KEYS)
    module = fields.need("module", _module, Module.PM)
    category = fields.need("action_category", _category, CATEGORIES[module][0])
    if category not in CATEGORIES[module] and fields.sound("module", "action_category"):
        known = ", ".join(CATEGORIES[module])
        fields.refuse("action_category", f"{category} is no category of module {module}; send one of {known}")
    base = fields.take("base_allocation", finite, None)
    if base is not None and base < 0:
        fields.refuse("base_allocation", "is negative; send the allocation before levers, 0 or more")
    product = fields.take("coefficient_product", _product, None)
    alloc = fields.take("alloc_mult", _alloc, None)
    for name, sent in (("coefficient_product", product), ("alloc_mult", alloc)):
        if sent is not None and module is not Module.PM and fields.sound("module"):
            fields.refuse(name, "is what dm answers; send it with the pm questions about the same position")
    pattern_key = fields.need("pattern_key", read_pattern_key, "")
    scope = fields.take("scope", read_scope, {})
    at = fields.take("at", parse_moment, now)
    current = fields.take("current", _current, {})
    rollout_key = fields.take("rollout_key", _key, None)
    book = fields.take("book", read_book, None)
    position_key = fields.take("position_key", _key, None)
    fields.close()
    request = Request.of_checked((module.value, pattern_key, category.value, scope, at, current))
    return Question(request, rollout_key, base, product, alloc, book, position_key)


def _within(low: float, high: float) -> Callable[[object], float]:
    def read(value: object) -> float:
        number = finite(value)
        if not low <= number <= high:
            raise Refused.because(f"{_exact(number)} is outside {low:g} to {high:g}; send what dm answered")
        return number

    return read


def _exact(number: float) -> str:
    """Return a refused number with every digit that it has, so that it differs from the limit it is compared with."""
    return shown(number).removesuffix(".0")


def _current(value: object) -> Mapping[str, float]:
    current = _values(value)
    for name, number in current.items():
        lever = LEVERS.get(name)
        if lever is None:
            raise Refused.because(f"unknown lever; known are {', '.join(LEVERS)}").under(name)
        if not lever.low <= number <= lever.high:
            message = f"{_exact(number)} is outside {lever.low:g} to {lever.high:g}; send a value inside"
            raise Refused.because(message).under(name)
    return current


_product = _within(LOWEST, HIGHEST)
_alloc = _within(LEVERS["alloc_mult"].low, LEVERS["alloc_mult"].high)
_values = entries(text(40), finite, most=len(LEVERS))
