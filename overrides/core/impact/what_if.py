"""What a change would do to logged requests: two engines answer the same requests, and the answers are compared.

Requests that match the same overrides under the same rules before and after are counted and not computed, because their
answers are equal. For the others the overrides are matched once per scope, and the levers settled for each request. For
dm the coefficient product is measured like one more lever.
"""

from __future__ import annotations

import json
import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from overrides.core.engine.combination import Combination, LeverValue, refuse_foreign
from overrides.core.engine.combine import settle
from overrides.core.engine.definitions.json_fields import instant_text
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.vocabulary import MODULE_CATEGORIES, Reason
from overrides.core.engine.serve import neutral_levers, rounded_for_output
from overrides.core.engine.taken import NO_CONTRIBUTIONS, NO_EXCLUSIONS
from overrides.core.impact.coefficient_products import ProductOf, product_of, product_parts
from overrides.core.impact.daily_effect import DailyEffect
from overrides.core.impact.distribution import change, distribution
from overrides.core.impact.largest_changes import LargestChanges, Pattern
from overrides.core.impact.measured_levers import MEASURED, PRODUCT
from overrides.core.impact.served_share import ServedShare
from overrides.core.impact.version_pair import DifferingScope, RequestGroup, VersionSide

SIDES, HITS = ("before", "after"), ("step_limited", "bounded")
PRODUCT_HITS = ("bounded", "capped")
NO_OVERRIDES = Combination({}, NO_CONTRIBUTIONS, NO_EXCLUSIONS, Reason.NO_MATCH, ())
COUNTS = ("touched", "changed", "newly_moved", "no_longer_moved", "unreadable")
CAVEATS = (
    "Exact for the requests as logged: it does not know which other requests other levers would have led to.",
    "Modes are taken as on, whatever was served.",
    "Ramps are taken as arrived: where the change leads, not how soon.",
)
OF_SCALING = {
    "dm": "The coefficient product as served: within its own bounds, and cut where the cap acts. Not size_mult's part "
    "of the cap, which acts on pm's decisions.",
    "pm": "Levers alone: what dm answered, and the cap on their product, are left out on both sides.",
}


@dataclass
class _Column:
    """One lever in one category: its values before and after, and how often the step limit and the bounds acted."""

    before: array[float] = field(default_factory=lambda: array("d"))
    after: array[float] = field(default_factory=lambda: array("d"))
    hits: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, old: float, new: float, before: LeverValue | None, after: LeverValue | None) -> None:
        self.before.append(old)
        self.after.append(new)
        for side, lever in (("before", before), ("after", after)):
            if lever is not None:
                if lever.step_limited:
                    self.hits["step_limited", side] += 1
                if lever.bounded:
                    self.hits["bounded", side] += 1

    def add_product(self, before: ProductOf, after: ProductOf) -> None:
        self.before.append(before.value)
        self.after.append(after.value)
        for side, product in (("before", before), ("after", after)):
            self.hits["bounded", side] += product.is_bounded
            self.hits["capped", side] += product.cut < 0


class Comparison:
    """Compares two engines: add the logged requests one by one, then read the result with `document`.

    `served` are the modes with which fewer and more callers are served: the share that is served lies between the two.
    With `is_whole`, the requests are those of whole days.
    """

    def __init__(
        self,
        module: str,
        before: VersionSide,
        after: VersionSide,
        *,
        served: ServedShare | None = None,
        is_whole: bool = False,
    ) -> None:
        self._module, self._before, self._after, self._served = module, before, after, served
        self._served_sum = 0.0
        self._has_same_rules = before.rules == after.rules
        self._places: dict[Pattern, DifferingScope] = {}
        self._columns: dict[tuple[str, str], _Column] = {}
        self._neutral = {category: neutral_levers(module, category) for category in MODULE_CATEGORIES[module]}
        self._counts: Counter[str] = Counter()
        self._largest = LargestChanges()
        self._times: tuple[datetime, datetime] | None = None
        self.daily = DailyEffect(is_whole=is_whole)
        self._scaled = frozenset(
            category for category, names in self._neutral.items() if any(LEVERS[name].scales_on for name in names)
        )

    def add_request(
        self,
        pattern_key: str,
        category: str,
        scope: str,
        at: datetime,
        current: Mapping[str, float],
        *,
        as_of: datetime | None = None,
    ) -> None:
        """Add one logged request; its scope is JSON text, which is parsed only if the change can affect it.

        It is answered as of `as_of`, or of its own time `at`. One that cannot be answered is counted as unreadable.
        """
        pattern = pattern_key, category
        self._largest.requested[pattern] += 1
        moment = at if as_of is None else as_of
        first, last = self._times or (moment, moment)
        self._times = min(first, moment), max(last, moment)
        effect = self._effect(pattern, scope, moment, current)
        if category in self._scaled:
            self.daily.add(at.astimezone(UTC).date(), effect)

    def _effect(self, pattern: Pattern, scope: str, at: datetime, current: Mapping[str, float]) -> float:
        """Answer a request on both sides, count the difference, and return the change of its ln exposure."""
        place = self._place(pattern)
        if not place.is_touched:
            return 0.0
        try:
            read = json.loads(scope)
            group = place.group(read)
            if place.is_reached(read, group):
                refuse_foreign(current)
                effect = self._compare(place, group, pattern, read, at, current)
                if self._served is not None and pattern[1] in self._scaled:
                    self._served_sum += effect * self._served.of(read)
                return effect
        except (ValueError, TypeError, AttributeError):  # a tampered row, to which every version answers ERROR
            self._counts["unreadable"] += 1
        return 0.0

    def document(self) -> dict[str, Any]:
        """Return the result as JSON values; `overrides.requests.impact.what_if` describes it."""
        requested = self._largest.requested
        counts = {name: self._counts[name] for name in COUNTS}
        return {
            "asked": sum(requested.values()),
            "as_of": None if self._times is None else [instant_text(at) for at in self._times],
            **counts,
            "levers": {name: self._lever(name) for name in MEASURED if self._columns_of(name)},
            "exposure": self._exposure(),
            "patterns": self._largest.patterns(),
            "lines": self._largest.lines(),
            "weights": self._largest.weights(),
            "caveats": [*CAVEATS, OF_SCALING[self._module]],
        }

    def _place(self, pattern: Pattern) -> DifferingScope:
        place = self._places.get(pattern)
        if place is None:
            place = DifferingScope((self._module, *pattern), self._before, self._after, self._has_same_rules)
            self._places[pattern] = place
        return place

    def _compare(
        self,
        place: DifferingScope,
        group: RequestGroup | None,
        pattern: Pattern,
        scope: Mapping[str, str],
        at: datetime,
        current: Mapping[str, float],
    ) -> float:
        before, after = self._settled(group, at, current)
        category = pattern[1]
        neutral = self._neutral[category]
        changes: dict[str, float] = {}
        was_moved = is_moved = False
        for name in before.levers.keys() | after.levers.keys():
            one, other = before.levers.get(name), after.levers.get(name)
            old, new = (neutral[name] if each is None else rounded_for_output(each.value) for each in (one, other))
            if before is not after:
                self._columns.setdefault((name, category), _Column()).add(old, new, one, other)
            was_moved |= old != neutral[name]
            is_moved |= new != neutral[name]
            if old != new:
                changes[name] = LEVERS[name].unit(new) - LEVERS[name].unit(old)
        if place.has_product:
            products = self._products(place, category, scope, before, after)
            was_moved |= products[0] != PRODUCT.neutral
            is_moved |= products[1] != PRODUCT.neutral
            if products[0] != products[1]:
                changes[PRODUCT.name] = PRODUCT.unit(products[1]) - PRODUCT.unit(products[0])
        self._counts["touched"] += 1
        self._counts["changed"] += bool(changes)
        self._counts["newly_moved"] += is_moved and not was_moved
        self._counts["no_longer_moved"] += was_moved and not is_moved
        self._largest.add(pattern, changes, before, after)
        return sum(MEASURED[n].exposure(category) * unit for n, unit in changes.items() if MEASURED[n].scales_on)

    def _settled(
        self, group: RequestGroup | None, at: datetime, current: Mapping[str, float]
    ) -> tuple[Combination, Combination]:
        if group is None:
            return NO_OVERRIDES, NO_OVERRIDES
        before = settle(self._before.compiled, group.before, at, current)
        return before, before if group.is_equal else settle(self._after.compiled, group.after, at, current)

    def _products(
        self, place: DifferingScope, category: str, scope: Mapping[str, str], before: Combination, after: Combination
    ) -> tuple[float, float]:
        """Return both products as served, and count them."""
        one, other = (
            product_of(scaling, scope, combination)
            for scaling, combination in zip(place.scaling_of(scope), (before, after), strict=True)
        )
        self._columns.setdefault((PRODUCT.name, category), _Column()).add_product(one, other)
        self._largest.weigh(product_parts(one, other, scope))
        return one.value, other.value

    def _columns_of(self, name: str) -> list[_Column]:
        return [column for (lever, _), column in self._columns.items() if lever == name]

    def _lever(self, name: str) -> dict[str, Any]:
        columns = self._columns_of(name)
        kinds = PRODUCT_HITS if name == PRODUCT.name else HITS
        hits = sum((column.hits for column in columns), Counter[tuple[str, str]]())
        return {
            "neutral": MEASURED[name].neutral,
            **distribution(name, [column.before for column in columns], [column.after for column in columns]),
            **{what: {side: hits[what, side] for side in SIDES} for what in kinds},
        }

    def _exposure(self) -> dict[str, Any]:
        """Return the mean change of ln exposure over every request that a scaling lever applies to, affected or not."""
        requested: Counter[str] = Counter()
        for (_, category), count in self._largest.requested.items():
            requested[category] += count
        moved: defaultdict[str, float] = defaultdict(float)
        for (name, category), column in self._columns.items():
            if MEASURED[name].scales_on:
                moved[category] += MEASURED[name].exposure(category) * change(name, column.before, column.after)
        applies = {c: n for c, n in requested.items() if c in self._scaled}
        whole = sum(applies.values())
        mean = sum(moved.values()) / whole if whole else 0.0
        band = self.daily.band()
        return {
            "asked": whole,
            "mean_ln": mean,
            "percent": 100 * math.expm1(mean),
            "served": None if self._served is None else self._served.to_document(self._served_sum / max(whole, 1)),
            "band": None if band is None else band.to_document(),
            "whole_days": len(self.daily.whole_days),
            "categories": {c: {"asked": n, "mean_ln": moved[c] / n} for c, n in sorted(applies.items())},
        }
